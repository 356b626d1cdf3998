# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a bag to aligned tensors: ours, and as one would write it with each of the peers' readers.

All read one bag, joint states, tool pose and objects at 100 Hz, and make of it the stamps (T,) and the observations
(T, 11) float32 of the contract ``panda_joints``. What they make is compared with what was written, bit by bit, before
anything is timed.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measurement import Measurement, Side, Stretch
from benchmarks.timing import together

Array = np.ndarray[Any, Any]
BAG = Path(tempfile.gettempdir()) / "il_ros_bench" / "episode_000001"
DIGEST = "digest.txt"
JOINTS = tuple(f"panda_joint{n}" for n in range(1, 8))
NAMES = (*JOINTS, "panda_finger_joint1", "panda_finger_joint2")
STEP_NS = 10_000_000
COMPARED = (
    "one bag of {seconds} s with joint states, tool pose and objects at 100 Hz, as the recorder writes it (MCAP, zstd, "
    "chunks of 64 KiB), joined by stamp to (T, 11) float32, equal bit by bit; ours checks every CRC, the peer none"
)


def _digest(stamps: Array, observations: Array) -> str:
    return hashlib.sha256(stamps.astype(np.int64).tobytes() + observations.astype(np.float32).tobytes()).hexdigest()


def _timed(read: Callable[[], tuple[Array, Array]]) -> Stretch:
    """Return a stretch of readings, the first of which has been found equal to what was written."""
    if _digest(*read()) != (BAG.parent / DIGEST).read_text():
        raise ValueError("what was read is not what was written")
    return together(read)


def write(seconds: int) -> None:
    """Write the bag, and the digest of what it should be read as."""
    from il_ros.core import messages, topics
    from il_ros.core.types import RobotState
    from il_ros.recording.bag.typestore import serialised
    from il_ros.recording.write.finalize import finalize
    from il_ros.recording.write.journal import Journal

    shutil.rmtree(BAG.parent, ignore_errors=True)
    types = {topic.name: topic.type_name for topic in topics.READING}
    steps, rng = 100 * seconds, np.random.default_rng(0)
    stamps = 10**9 + STEP_NS * np.arange(steps)
    joints, tool, objects = rng.normal(size=(steps, 9)), rng.normal(size=(steps, 3)), rng.normal(size=(steps, 3, 3))
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    with Journal(BAG.with_name(f"{BAG.name}.journal.mcap"), {}) as journal:
        for k, stamp in enumerate(stamps.tolist()):
            reading = RobotState(stamp, joints[k], joints[k], tool[k], upright, objects[k], NAMES)
            for topic, message in messages.plain_messages(reading).items():
                type_name = types[topic]
                journal.write(f"/{topic}", type_name, serialised(message, type_name), stamp, stamp)
    finalize(journal.path, BAG.parent, {})
    expected = np.concatenate([joints[:, :7], tool[:, :2], objects[:, 0, :2]], axis=1)
    (BAG.parent / DIGEST).write_text(_digest(stamps, expected))


def ours(seconds: int) -> Stretch:
    """Build our reader; it also writes the bag, since it is built first."""
    from il_ros.core.contract import Contract
    from il_ros.recording.episodes.reader import read_observations

    write(seconds)
    contract = Contract.load("panda_joints")
    return _timed(lambda: read_observations(BAG, contract))


def limit() -> Stretch:
    """Return the bytes alone: read from the disk, and decompressed chunk by chunk."""
    import zstandard

    path = BAG / f"{BAG.name}_0.mcap"
    decompress = zstandard.ZstdDecompressor().decompress

    def read() -> None:
        data, at = path.read_bytes(), 8
        while at + 9 < len(data) - 8:
            opcode, length = struct.unpack_from("<BQ", data, at)
            if opcode == 6:  # a chunk: https://mcap.dev/spec
                (name,) = struct.unpack_from("<I", data, at + 37)
                decompress(data[at + 49 + name : at + 9 + length])
            at += 9 + length

    return together(read)


class Table:
    """Rows by topic, and how they are joined: what everybody writes who reads a bag message by message."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[float, ...]]] = {"/joint_states": [], "/tool_pose": [], "/objects": []}
        self._stamps: dict[str, list[int]] = {topic: [] for topic in self._rows}
        self._names: list[str] = []
        self._columns: list[int] = []

    def add(self, topic: str, message: Any) -> None:
        """Take the numbers of one message."""
        stamp = message.header.stamp
        self._stamps[topic].append(stamp.sec * 1_000_000_000 + stamp.nanosec)
        if topic == "/joint_states":
            if message.name != self._names:
                self._names = message.name
                self._columns = [self._names.index(joint) for joint in JOINTS]
            position = message.position
            self._rows[topic].append(tuple([position[n] for n in self._columns]))
            return
        position = (message.pose if topic == "/tool_pose" else message.poses[0]).position
        self._rows[topic].append((position.x, position.y))

    def joined(self) -> tuple[Array, Array]:
        """Return the stamps that every topic has, and their rows side by side."""
        stamps = {topic: np.array(own, dtype=np.int64) for topic, own in self._stamps.items()}
        common = np.array(sorted(set.intersection(*(set(own) for own in self._stamps.values()))), dtype=np.int64)
        parts = [
            np.array(rows, dtype=np.float32)[np.searchsorted(stamps[topic], common)]
            for topic, rows in self._rows.items()
        ]
        return common, np.concatenate(parts, axis=1)


def with_rosbags() -> Stretch:
    """Read with AnyReader of rosbags."""
    from rosbags.highlevel import AnyReader

    def read() -> tuple[Array, Array]:
        table = Table()
        with AnyReader([BAG]) as reader:
            selected = [c for c in reader.connections if c.topic in ("/joint_states", "/tool_pose", "/objects")]
            for connection, _, data in reader.messages(connections=selected):
                table.add(connection.topic, reader.deserialize(data, connection.msgtype))
        return table.joined()

    return _timed(read)


def with_mcap_ros2() -> Stretch:
    """Read with the reader of mcap-ros2-support, spared the sorting by time."""
    from mcap_ros2.reader import read_ros2_messages

    path, topics = BAG / f"{BAG.name}_0.mcap", ["/joint_states", "/tool_pose", "/objects"]

    def read() -> tuple[Array, Array]:
        table = Table()
        for message in read_ros2_messages(path, topics=topics, log_time_order=False):
            table.add(message.channel.topic, message.ros_msg)
        return table.joined()

    return _timed(read)


def _measurement(peer: str, factory: str, seconds: int = 300) -> Measurement:
    return Measurement(
        name=f"bag to aligned tensors: {peer}",
        ours=Side("benchmarks.bag:ours", {"seconds": seconds}),
        peer=Side(f"benchmarks.bag:{factory}", environment="peers"),
        limit=Side("benchmarks.bag:limit"),
        compared=COMPARED.format(seconds=seconds),
        unit="ms",
    )


MEASUREMENTS = (
    _measurement("mcap-ros2-support", "with_mcap_ros2"),
    _measurement("rosbags", "with_rosbags"),
)
