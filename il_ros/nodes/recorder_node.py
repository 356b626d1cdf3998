# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The recorder: writes the raw bytes of every topic, and makes a verified bag of each episode.

When things fail: a kill at any moment loses nothing that was written, and the next recorder of the same folder makes a
partial episode of it. When the disk takes no more the episode is given up, its journal stays, ``recorder/episode``
announces it with a path of null, and the disk is tried again after a second. Messages that were sent and never came are
listed in the episode by sequence number; one whose beginning or end was not received is not ``complete``. A signal, or
deactivation, closes the running episode as a partial one. So does a clock of the observation that was set back or far
ahead, and another episode begins at once. A single stamp that cannot be (zero, the far future) is reported and counted
in the episode as ``stray``; the message is recorded all the same.
"""

from __future__ import annotations

import ctypes
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec

from std_msgs.msg import String

from il_ros.core import events, messages, topics
from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import DataError, MessageError
from il_ros.core.topics import QosKind, Topic
from il_ros.recording.bag.typestore import definition
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.episode_recorder import EpisodeRecorder
from il_ros.recording.write.jpeg_images import JpegImages
from il_ros.recording.write.open_episode import ReceivedMessage
from il_ros.recording.write.recorder_services import RecorderServices
from il_ros.recording.write.recovery import oddities, recover
from il_ros.ros import codecs, qos
from il_ros.ros.lifecycle import ManagedNode, ManagedParameters
from il_ros.ros.message_types import observed_topics
from il_ros.ros.parameters import param
from il_ros.ros.spin import main as run

P = ParamSpec("P")
WATCH_S = 0.05
"""How often it is checked whether an episode has ended."""
MALLOC_OPTIONS = {-1: 256 << 20, -3: 32 << 20}
"""Of glibc's ``mallopt``: freed memory at the end of the heap that is kept (``M_TRIM_THRESHOLD``), and the size from
which on an allocation is a mapping of its own (``M_MMAP_THRESHOLD``), bytes."""
ROLES = {topics.EXPERT_ACTION.name: "expert", topics.POLICY_ACTION.name: "checkpoint"}
"""Topics whose ``frame_id`` names the author of the action, and what it is."""


@dataclass(frozen=True)
class RecorderParameters(ManagedParameters):
    """Parameters of the recorder node."""

    folder: str = param("runs/live/episodes", "folder of the episodes", read_only=True)
    follow: bool = param(
        True, "start and stop with the episodes that the arm announces; the services work all the same"
    )
    lockstep: bool = param(False, "the arm waits for each command, so nothing comes too late", read_only=True)
    image_jpeg_quality: int = param(0, "record raw images as JPEG of this quality; 0: without loss", (0, 100), True)
    note: str = param("", "words that are kept with the episodes that end from now on; empty for none")


class RecorderNode(ManagedNode[RecorderParameters]):
    """Subscribes to every topic of the control graph and hands the bytes to an ``EpisodeRecorder``.

    Inactive it records nothing; active again, it begins with the next episode.
    """

    def __init__(self) -> None:
        super().__init__("recorder_node", RecorderParameters)
        observed = [self.resolve_topic_name(name) for name in self.contract.topics]
        episodes = EpisodeStore(Path(self.parameters.folder))
        cameras = self._camera_topics()
        self.recorder = EpisodeRecorder(self, episodes, observed, self.contract.step_ns, self.contract.stale_ns)
        quality = self.parameters.image_jpeg_quality
        self._jpegs = JpegImages(quality, self._deliver) if quality else None
        self.recorder.cameras = sorted(self.resolve_topic_name(topic.name) for topic in cameras)
        self.operator_services = RecorderServices(self.recorder, self)
        self._announced = self.publisher(topics.RECORDED)
        streams = (*topics.READING, topics.POLICY_ACTION, topics.EXPERT_ACTION, topics.AUTHORITY)
        others = tuple(topic for topic in observed_topics(self.contract) if topic not in streams)
        for topic in (*streams, *others, *topics.commands(self.contract)):
            self._record(topic, stamped=topic.type_name != "std_msgs/msg/Float64MultiArray")
        for topic in cameras:
            self._record(topic, stamped=True)
        self._record(topics.CLOCK, stamped=True)
        self._record(topics.EPISODE, stamped=False)
        act = self.operator_services
        self.serve(topics.START, self._after_images(self._begin))
        self.serve(topics.STOP, self._after_images(act.stop))
        self.serve(topics.DISCARD, self._after_images(act.discard))
        self.serve_choice(topics.SAVE, self._after_images(act.save))
        self.every(WATCH_S, self._watch)
        self.start()

    def _camera_topics(self) -> list[Topic]:
        """Return the topics of the contract's cameras, of images and calibrations, each once."""
        parts, kinds = self.contract.images, (topics.camera, topics.camera_info)
        return list(dict.fromkeys(row(part, QosKind.CAMERA) for part in parts for row in kinds))

    def configure(self) -> None:
        """Make the folder, and bags of the journals that an earlier recorder has left in it."""
        folder = self.recorder.episodes.folder
        with storage_errors(folder, "set the parameter 'folder' to one that can be written"):
            folder.mkdir(parents=True, exist_ok=True)
        for path in oddities(folder):
            self.complain(f"{path} has the name of a journal and is none, or its bag's name is taken; it is left alone")
        for path in recover(folder):
            self.get_logger().warning(f"{path} was recovered from a recording that did not end; it is marked partial")
            self.announce(path, {"partial": True})

    def deactivate(self) -> None:
        """Close the running episode, as a partial one; the next that is recorded is one that begins."""
        self._deliver_images()
        self.recorder.pause("the recorder was deactivated")

    def cleanup(self) -> None:
        """Finish the bags that are being made."""
        self.recorder.finish()

    def _record(self, topic: Topic, stamped: bool) -> None:
        """Subscribe to a topic and record it."""
        definition(topic.type_name)  # read now, since the first message of an episode should not wait for it
        kind = QosKind.RECORDER if topic.qos is QosKind.STREAM else topic.qos
        name = self.resolve_topic_name(topic.name)

        def receive(data: bytes, info: dict[str, Any]) -> None:
            if not self.active:
                return
            message, error = _received(topic, name, data, info, stamped)
            if self._jpegs is not None and topic.type_name == messages.IMAGE:
                self._jpegs.add(message)
            else:
                self._deliver_images(wait=topic is topics.EPISODE)  # what was sent before belongs to what was before
                self.recorder.receive(message)
            if error is not None:
                raise error

        self.subscribe_raw(topic._replace(qos=kind), receive)

    def _deliver(self, message: ReceivedMessage, trouble: str) -> None:
        """Record an image that went through the encoder."""
        if trouble:
            self.complain(trouble)
        self.recorder.receive(message)

    def _deliver_images(self, wait: bool = True) -> None:
        """Record the images that are encoded; of those that are not yet, too, if it may wait."""
        if self._jpegs is not None:
            self._jpegs.deliver_all() if wait else self._jpegs.deliver_finished()

    def _after_images(self, act: Callable[P, str]) -> Callable[P, str]:
        """Return a callback that first records the images that are being encoded."""

        def answer(*args: P.args, **kwargs: P.kwargs) -> str:
            self._deliver_images()
            return act(*args, **kwargs)

        return answer

    def _watch(self) -> None:
        self._deliver_images(wait=False)
        self.recorder.watch()

    def offered(self, topic: str) -> list[dict[str, Any]]:
        """Return the qualities of service that the publishers of a topic offer."""
        return qos.offered(self, topic)

    def announce(self, path: Path | None, facts: dict[str, Any]) -> None:
        """Publish that an episode was closed, or what went wrong with it."""
        where = None if path is None else str(path.resolve())
        self._announced.publish(String(data=events.to_json(events.recorded_episode(where, facts))))

    def _begin(self) -> str:
        if self.recorder.current is None and not self.active:
            raise DataError(f"the recorder is {self.state()}; activate it first, for example with ros2 lifecycle set")
        return self.operator_services.begin()

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        return {**super().facts(), **self.recorder.facts()}

    def close(self) -> None:
        """Close the running episode, as a partial one, and finish its bag."""
        self._deliver_images()
        self.recorder.shut_down("the recorder was stopped")
        super().close()


def _received(
    topic: Topic, name: str, data: bytes, info: dict[str, Any], stamped: bool
) -> tuple[ReceivedMessage, MessageError | None]:
    """Return a message and what is wrong with it, if anything is; it is recorded all the same."""
    time_ns, stamp_ns, event, error = time.time_ns(), -1, None, None
    try:
        if topic is topics.EPISODE:
            event = events.episode_event_from_json(codecs.object_of(data, topic).data)
        elif stamped:
            stamp_ns = max(0, messages.serialized_stamp_ns(data))
    except MessageError as refused:
        error = refused
    except struct.error as cut_off:
        error = MessageError(f"{name}: {len(data)} bytes are no {topic.type_name} ({cut_off})")
    role = ROLES.get(topic.name, "")
    return ReceivedMessage(name, topic.type_name, data, info, time_ns, stamp_ns, role, event), error


def keep_freed_memory() -> None:
    """Have the C library keep the memory of images: by default it gives back and clears anew each one's megabytes."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # other C libraries have none
        for option, value in MALLOC_OPTIONS.items():
            library.mallopt(option, value)


def main() -> int:
    """Run the node; the entry point."""
    keep_freed_memory()
    return run(RecorderNode)


if __name__ == "__main__":
    raise SystemExit(main())
