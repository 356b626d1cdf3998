# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The recorder: keeps the raw bytes of every topic, and makes a verified bag of each episode.

When things fail: a kill at any moment loses nothing that was written, and the next recorder of the same folder makes a
partial episode of it. When the disk takes no more the episode is given up, its journal stays, ``recorder/episode``
tells it with a path of null, and the disk is tried again after a second. Messages that were sent and never came are
listed in the episode by sequence number; one whose beginning or end was not heard is not ``complete``. A signal, or
deactivation, closes the running episode as a partial one. So does a clock of the observation that was set back or far
ahead, and another episode begins at once. A single stamp that cannot be (zero, the far future) is told and counted in
the episode as ``stray``; the message is recorded all the same.
"""

from __future__ import annotations

import contextlib
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from std_msgs.msg import String

from il_ros.core import events, messages, topics
from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import DataError, IlRosError, MessageError, StorageError
from il_ros.core.events import EpisodeEnd
from il_ros.core.topics import QosKind, Topic
from il_ros.core.types import EpisodeStart
from il_ros.recording.bag import metadata
from il_ros.recording.bag.typestore import definition
from il_ros.recording.episodes.stamp_progress import FAR_NS, StampProgress, Verdict
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.message_loss import MessageLoss, Silences
from il_ros.recording.write.recovery import oddities, recover
from il_ros.ros import codecs
from il_ros.ros.lifecycle import ManagedNode, ManagedParameters
from il_ros.ros.message_types import observed_topics
from il_ros.ros.parameters import say
from il_ros.ros.qos import offered
from il_ros.ros.spin import main as run

RETRY_S = 1.0
"""How long after a failure the disk is tried again, unless a new episode is announced."""
STRAGGLERS_S = 0.5
"""How long the end of an episode waits for the last messages of every topic."""


AUTHORS = {topics.EXPERT_ACTION.name: "expert", topics.POLICY_ACTION.name: "checkpoint"}
"""Topics whose ``frame_id`` says who speaks, and what he is."""


@dataclass(frozen=True)
class RecorderParameters(ManagedParameters):
    """Parameters of the recorder node."""

    folder: str = say("runs/live/episodes", "folder of the episodes", read_only=True)
    follow: bool = say(True, "start and stop with the episodes that the arm announces; the services work all the same")
    lockstep: bool = say(False, "the arm waits for each command, so nothing comes too late", read_only=True)
    note: str = say("", "words that are kept with the episodes that end from now on; empty for none")


class ReceivedMessage(NamedTuple):
    """A message as it was received."""

    topic: Topic
    name: str
    """The topic's, in full."""
    data: bytes
    info: dict[str, Any]
    time_ns: int
    stamp_ns: int
    """-1 if it has none."""
    event: EpisodeStart | EpisodeEnd | None = None
    """What it announces, on the topic ``episode``."""


@dataclass
class OpenEpisode:
    """The episode that is being recorded."""

    journal: Journal
    number: int
    facts: dict[str, Any]
    gaps: MessageLoss
    last_ns: dict[str, int]
    """The newest stamp of every stamped topic, without those that cannot be."""
    first_ns: dict[str, int] = field(default_factory=dict)
    """The oldest, likewise."""
    strays: dict[str, int] = field(default_factory=dict)
    """How many stamps of each topic cannot be."""
    start: EpisodeStart | None = None
    """Its announcement, once it has come."""
    silences: Silences = field(default_factory=Silences)
    """Of the observation's first topic."""
    authors: dict[str, dict[str, None]] = field(default_factory=lambda: {"expert": {}, "checkpoint": {}})
    """Who has spoken as an expert, and which policies have, in the order of appearance."""
    ending: bool = False
    starts_ns: int = -1
    ends_ns: int = -1
    """The stamps of its first and of its last step, once it has ended."""


class RecorderNode(ManagedNode[RecorderParameters]):
    """Every message goes to the journal the moment it comes; bags are made beside, in a thread.

    Inactive it records nothing; active again, it begins with the next episode.
    """

    def __init__(self) -> None:
        super().__init__("recorder_node", RecorderParameters)
        self._episodes = EpisodeStore(Path(self.parameters.folder))
        self._maker = ThreadPoolExecutor(1)
        self._take: OpenEpisode | None = None
        self._progress = StampProgress(self.contract.step_ns, self.contract.stale_ns)
        self._start: EpisodeStart | None = None
        """The last announcement of an episode."""
        self._held: list[ReceivedMessage] = []
        """What has come since it is in doubt whether the clock was set."""
        self._closed_ns, self._closed_episodes = -1, 0
        self._messages, self._bytes, self._lost = 0, 0, 0
        self._submitted = self._finished = 0
        """Episodes that were handed to the thread, and that it is done with."""
        self._failed_ns = -(10**18)
        self._waits = False
        """Whether somebody ended the recording before the episode ended, so that the next one is waited for."""
        self._last: Path | None = None
        """The bag that was closed last, which can still be judged."""
        self._observed = [self.resolve_topic_name(name) for name in self.contract.topics]
        self._pulse = self._observed[0]
        self._announced = self.publisher(topics.RECORDED)
        streams = (*topics.READING, topics.POLICY_ACTION, topics.EXPERT_ACTION, topics.AUTHORITY)
        observed = tuple(t for t in observed_topics(self.contract) if t not in streams)
        for topic in (*streams, *observed, topics.command(self.contract)):
            self._record(topic, stamped=topic.type_name != "std_msgs/msg/Float64MultiArray")
        self._record(topics.CLOCK, stamped=True)
        self._record(topics.EPISODE, stamped=False)
        self.serve(topics.START, self._on_demand)
        self.serve(topics.STOP, self._stop)
        self.serve(topics.DISCARD, self._discard)
        self.serve_choice(topics.SAVE, self._save)
        self.every(0.05, self._watch)
        self.start()

    def configure(self) -> None:
        """Make the folder, and bags of what a recorder before us has left in it."""
        with storage_errors(self._episodes.folder, "set the parameter 'folder' to one that can be written"):
            self._episodes.folder.mkdir(parents=True, exist_ok=True)
        for path in oddities(self._episodes.folder):
            self.complain(f"{path} has the name of a journal and is none, or its bag's name is taken; it is left alone")
        for path in recover(self._episodes.folder):
            self.get_logger().warning(f"{path} was recovered from a recording that did not end; it is marked partial")
            self._announce(path, {"partial": True})

    def deactivate(self) -> None:
        """Close the running episode, as a partial one; the next that is recorded is one that begins."""
        self._let_go()
        self._break_off("the recorder was deactivated")
        self._waits = True

    def cleanup(self) -> None:
        """Finish the bags that are being made."""
        self._finish()

    def _record(self, topic: Topic, stamped: bool) -> None:
        definition(topic.type_name)  # read now, since the first message of an episode should not wait for it
        qos = topic.qos if topic.qos is QosKind.LATCHED else QosKind.RECORDER
        name = self.resolve_topic_name(topic.name)

        def keep(data: bytes, info: dict[str, Any]) -> None:
            if not self.active:
                return
            heard, trouble = self._heard(topic, name, data, info, stamped)
            try:
                self._hear(heard)
            except StorageError as error:
                self._give_up(error)
            if isinstance(heard.event, EpisodeEnd):
                self._on_end(heard.event)
            if trouble is not None:
                raise trouble

        self.subscribe_raw(topic._replace(qos=qos), keep)

    @staticmethod
    def _heard(
        topic: Topic, name: str, data: bytes, info: dict[str, Any], stamped: bool
    ) -> tuple[ReceivedMessage, MessageError | None]:
        """A message and what is wrong with it, if anything is; it is recorded all the same."""
        time_ns, stamp, event, trouble = time.time_ns(), -1, None, None
        try:
            if topic is topics.EPISODE:
                event = events.episode_event_from_json(codecs.object_of(data, topic).data)
            elif stamped:
                stamp = max(0, messages.serialized_stamp_ns(data))
        except MessageError as error:
            trouble = error
        except struct.error as error:
            trouble = MessageError(f"{name}: {len(data)} bytes are no {topic.type_name} ({error})")
        return ReceivedMessage(topic, name, data, info, time_ns, stamp, event), trouble

    def _hear(self, heard: ReceivedMessage) -> None:
        """Record a message, or hold it back as long as it is in doubt to which episode it belongs."""
        if heard.name == self._pulse and heard.stamp_ns >= 0:
            publisher = str(heard.info.get("publisher_gid", ""))
            verdict = self._progress.add(publisher, heard.stamp_ns, self.now_ns())
            if verdict is Verdict.MOVED:
                self._begin_anew()
        if isinstance(heard.event, EpisodeStart):
            self._on_start(heard.event)
        if self._progress.doubt is not None and self._progress.is_in_doubt(self.now_ns()):
            self._held.append(heard)
            return
        if self._held:
            self._let_go()
        self._record_one(heard)

    def _let_go(self) -> None:
        """Record what was held back."""
        held, self._held = self._held, []
        for heard in held:
            self._record_one(heard)

    def _record_one(self, heard: ReceivedMessage) -> None:
        stamp, is_near = heard.stamp_ns, heard.stamp_ns < 0 or self._progress.is_near(heard.stamp_ns)
        if not is_near:
            self._tell_stray(heard)
        elif self._take is not None and self._take.ending and stamp > self._take.ends_ns:
            self._check(is_over=True)
        begins = heard.name in self._observed and is_near and stamp > self._closed_ns  # no command does, nor a record
        if self._take is None and self._follows() and begins and self._may_try():
            self._open({})
        if self._take is not None:
            self._keep(self._take, heard, is_near)

    def _tell_stray(self, heard: ReceivedMessage) -> None:
        now_ns = self._progress.now_ns or 0
        self.complain(
            f"{heard.name}: the stamp {heard.stamp_ns / 1e9:.3f} s is far from the observation's {now_ns / 1e9:.3f} s; "
            "it is recorded and not reckoned with: check its publisher's clock"
        )

    def _keep(self, take: OpenEpisode, heard: ReceivedMessage, is_near: bool) -> None:
        name, info, stamp = heard.name, heard.info, heard.stamp_ns
        sequence, sent_ns = info["publication_sequence_number"] or 0, info["source_timestamp"]
        qualities = lambda: offered(self, name)  # noqa: E731
        take.journal.write(name, heard.topic.type_name, heard.data, heard.time_ns, sent_ns, sequence, qualities)
        take.gaps.add(name, str(info.get("publisher_gid", "")), sequence)
        self._messages, self._bytes = self._messages + 1, self._bytes + len(heard.data)
        if heard.topic.name in AUTHORS:
            take.authors[AUTHORS[heard.topic.name]].setdefault(messages.serialized_frame_id(heard.data))
        if not is_near:
            take.strays[name] = take.strays.get(name, 0) + 1
        elif stamp >= 0:
            if name == self._pulse and name not in take.last_ns:
                self._forget_strays(take)
            take.first_ns[name] = min(stamp, take.first_ns.get(name, stamp))
            take.last_ns[name] = max(stamp, take.last_ns.get(name, -1))
            if name == self._pulse and not self.parameters.lockstep:
                take.silences.add(stamp, self.now_ns())

    def _forget_strays(self, take: OpenEpisode) -> None:
        """The first observation tells what the stamps before it must be near to."""
        for name, stamp in list(take.last_ns.items()):
            if not self._progress.is_near(stamp):
                del take.first_ns[name], take.last_ns[name]
                take.strays[name] = 1

    def _begin_anew(self) -> None:
        """The observation's clock was set: what is recorded ends here, as a partial episode."""
        before_ns, now_ns = self._progress.before_ns or 0, self._progress.now_ns or 0
        told = f"the observation's clock went from {before_ns / 1e9:.3f} s to {now_ns / 1e9:.3f} s"
        self.complain(f"{told}; another episode begins")
        self._check(is_over=True)
        self._closed_ns, take, start = -1, self._take, self._start
        if take is None or self._pulse not in take.last_ns:
            return
        self._break_off(told)
        self._closed_ns = -1
        if self._follows() and start is not None and 0 <= now_ns - start.first_stamp_ns <= FAR_NS:
            self._adopt(start)
        elif not self.parameters.follow:
            self._open({})

    def _open(self, facts: dict[str, Any]) -> OpenEpisode:
        number = self._episodes.next_number()
        journal = Journal(self._episodes.journal_path(number), facts)
        self._take = OpenEpisode(journal, number, dict(facts), MessageLoss(), {})
        return self._take

    def _follows(self) -> bool:
        """Whether what the arm says begins a recording."""
        return self.parameters.follow and not self._waits

    def _may_try(self) -> bool:
        """Whether the disk may be tried again."""
        return self.now_ns() - self._failed_ns > RETRY_S * 1e9

    def _give_up(self, error: StorageError) -> None:
        """The disk takes no more: what is in the journal stays, to be recovered, and whoever waits is told."""
        take, self._take, self._failed_ns = self._take, None, self.now_ns()
        if take is not None:
            with contextlib.suppress(StorageError):
                take.journal.close()
        self.complain(str(error))
        self._announce(None, {"error": str(error)})

    def _on_start(self, start: EpisodeStart) -> None:
        """Before its announcement is kept: an episode starts."""
        if not self.parameters.follow:
            return
        self._waits, self._start = False, start
        self._check(is_over=True)
        if self._progress.expect(start.first_stamp_ns) is Verdict.MOVED:
            self._begin_anew()
        if self._take is not None and self._take.start not in (None, start):
            self._break_off("another episode began, and it was not told that this one had ended")
        if start.first_stamp_ns <= self._closed_ns:
            self._closed_ns = -1
        self._adopt(start)

    def _adopt(self, start: EpisodeStart) -> None:
        """What is recorded is the episode that was announced."""
        take = self._take or self._open({})
        take.start = start
        take.facts.update({**start.facts, "task": start.task, "seed": start.seed})

    def _on_end(self, end: EpisodeEnd) -> None:
        """After its announcement is kept: an episode ended, and its stragglers are awaited."""
        take = self._take
        if take is None or not self.parameters.follow:
            return
        take.facts.update({key: getattr(end, key) for key in ("task", "seed", "outcome", "way", "steps")})
        take.ending, take.ends_ns, take.starts_ns = True, end.last_stamp_ns, end.first_stamp_ns
        if end.first_stamp_ns < 0 and take.start is not None:
            take.starts_ns = take.start.first_stamp_ns
        self._ending_since_ns = self.now_ns()
        self._check()

    def _watch(self) -> None:
        """Hold nothing back for longer than a clock stays in doubt; close what has ended."""
        if self._held and not self._progress.is_in_doubt(self.now_ns()):
            try:
                self._let_go()
            except StorageError as error:
                self._give_up(error)
        self._check()

    def _check(self, is_over: bool = False) -> None:
        """Close the episode that has ended once every topic's last message is in, or the next episode has begun."""
        take = self._take
        if take is None or not take.ending:
            return
        stamped = take.last_ns.keys() | set(self._observed)
        ended = all(take.last_ns.get(name, -1) >= take.ends_ns for name in stamped)
        if ended or is_over or self.now_ns() - self._ending_since_ns > STRAGGLERS_S * 1e9:
            began = all(take.first_ns.get(name, take.ends_ns + 1) <= take.starts_ns for name in self._observed)
            take.facts["complete"] = began and ended
            self._close()

    def _close(self) -> None:
        take, self._take = self._take, None
        assert take is not None
        self._closed_ns = self._observed_until(take)
        take.journal.close()
        authors = {role: ", ".join(filter(None, names)) for role, names in take.authors.items()}
        gaps = take.gaps.facts()
        stray = {"stray": take.strays} if take.strays else {}
        take.facts.update(
            number=take.number, gaps=gaps, silences=take.silences.facts, **stray, **authors, **self._noted()
        )
        self._lost, self._submitted = self._lost + _lost(gaps), self._submitted + 1
        self._maker.submit(self._finalize, take)

    def _observed_until(self, take: OpenEpisode) -> int:
        """The stamp up to which messages are stragglers of an episode that is closed; -1 if nothing was observed."""
        last_ns = max((take.last_ns.get(name, -1) for name in self._observed), default=-1)
        return last_ns if self._progress.now_ns is None else min(last_ns, self._progress.now_ns)

    def _finalize(self, take: OpenEpisode) -> None:
        try:
            path = finalize(take.journal.path, self._episodes.folder, take.facts)
        except IlRosError as error:
            self.complain(f"episode {take.number} stays a journal: {error}")
            self._announce(None, {"number": take.number, "error": str(error)})
            return
        finally:
            self._finished += 1
        self._closed_episodes, self._last = self._closed_episodes + 1, path
        self._announce(path, take.facts)

    def _announce(self, path: Path | None, facts: dict[str, Any]) -> None:
        where = None if path is None else str(path.resolve())
        self._announced.publish(String(data=events.to_json(events.recorded_episode(where, facts))))

    def _on_demand(self) -> str:
        if self._take is not None:
            raise DataError(f"episode {self._take.number} is being recorded; stop or discard it first")
        if not self.active:
            raise DataError(f"the recorder is {self.state()}; activate it first, for example with ros2 lifecycle set")
        return f"recording episode {self._open({}).number}"

    def _stop(self) -> str:
        if self._take is None:
            raise DataError("no episode is being recorded; start one first")
        self._let_go()
        number, self._waits = self._take.number, True
        self._close()
        return f"episode {number} is being closed"

    def _save(self, success: bool) -> str:
        """End the episode with a person's judgement; one that has ended is judged anew."""
        verdict = {"outcome": "success" if success else "failure", "judged": True}
        if self._take is not None:
            self._take.facts.update(verdict)
            return f"{self._stop()}: {verdict['outcome']}"
        last = self._last_closed()
        facts = metadata.amend(last, {**verdict, **self._noted()})
        self._announce(last, {**facts, "amended": True})
        return f"{last.name}: {verdict['outcome']}"

    def _discard(self) -> str:
        """Put aside what is being recorded, or else the episode that was closed last."""
        self._held.clear()
        take = self._take
        if take is None:
            last, self._last = self._last_closed(), None
            aside = self._episodes.discard(last)
            self._announce(None, {"discarded": last.name})
            return f"{last.name} was put aside at {aside}"
        self._take, self._waits, self._last = None, True, None  # the one before is not meant, by whatever comes next
        self._closed_ns = self._observed_until(take)
        take.journal.close()
        return f"episode {take.number} was put aside at {self._episodes.discard(take.journal.path)}"

    def _last_closed(self) -> Path:
        self._finish()
        if self._last is None:
            raise DataError("no episode is being recorded, and none was closed since the start; begin one first")
        return self._last

    def _finish(self) -> None:
        """Wait until whatever is being closed is closed."""
        self._maker.submit(lambda: None).result()

    def _break_off(self, reason: str) -> None:
        """Close the running episode, if there is one, before its end."""
        if self._take is not None:
            self._take.facts.update(partial=True, reason=reason)
            self._close()

    def _noted(self) -> dict[str, str]:
        return {"note": self.parameters.note} if self.parameters.note else {}

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell; ``acknowledged`` counts the messages that a kill cannot lose any more."""
        take = self._take
        return {
            **super().facts(),
            "recording": None if take is None else take.number,
            "acknowledged": self._messages,
            "bytes": self._bytes,
            "lost": self._lost + (0 if take is None else _lost(take.gaps.facts())),
            "in_episode": 0 if take is None else take.journal.count,
            "backlog": self._submitted - self._finished,
            "closed": self._closed_episodes,
        }

    def close(self) -> None:
        """A clean stop closes the running episode, as a partial one, and finishes its bag."""
        with contextlib.suppress(StorageError):  # which was told when it was met first
            self._let_go()
        self._break_off("the recorder was stopped")
        self._maker.shutdown(wait=True)
        super().close()


def _lost(gaps: dict[str, dict[str, Any]]) -> int:
    """How many messages were sent and never came, on all topics."""
    return sum(gap["lost"] for gap in gaps.values())


def main() -> int:
    """Entry point."""
    return run(RecorderNode)


if __name__ == "__main__":
    raise SystemExit(main())
