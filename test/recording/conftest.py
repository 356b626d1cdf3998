# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages, journals and a contract to record with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rosbags.typesys import Stores, get_typestore

from il_ros.core.contract import Contract
from il_ros.recording.write.journal import Journal

STORE = get_typestore(Stores.ROS2_JAZZY)
STEP_NS = 50_000_000
CLOCK = "rosgraph_msgs/msg/Clock"


class Sent(NamedTuple):
    """What a test writes into a journal."""

    topic: str
    type_name: str
    data: bytes
    log_time_ns: int
    publish_time_ns: int
    sequence: int


def sent(topic: str, message: Any, time_ns: int, sequence: int = 0) -> Sent:
    name = message.__msgtype__
    return Sent(topic, name, bytes(STORE.serialize_cdr(message, name)), time_ns, time_ns - 1, sequence)


def make(name: str, *args: Any) -> Any:
    return STORE.types[name](*args)


def time_of(ns: int) -> Any:
    return make("builtin_interfaces/msg/Time", *divmod(ns, 1_000_000_000))


def header(ns: int) -> Any:
    return make("std_msgs/msg/Header", time_of(ns), "panda_link0")


def pose(x: float, y: float) -> Any:
    position = make("geometry_msgs/msg/Point", x, y, 0.0)
    return make("geometry_msgs/msg/Pose", position, make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0))


def tool(ns: int, x: float = 0.25) -> Any:
    return make("geometry_msgs/msg/PoseStamped", header(ns), pose(x, -x))


def objects(ns: int) -> Any:
    return make("geometry_msgs/msg/PoseArray", header(ns), [pose(0.5, 0.1)])


def authority(ns: int, who: str = "policy", intervention: int = 0, **changed: str) -> Any:
    values = {
        "authority": who,
        "intervention": str(intervention),
        "executed": "0.1 -0.2",
        "policy": "0.1 -0.2",
        "expert": "",
        "expert_name": "",
        "score": "nan",
        **changed,
    }
    pairs = [make("diagnostic_msgs/msg/KeyValue", key, value) for key, value in values.items()]
    status = make("diagnostic_msgs/msg/DiagnosticStatus", 0, "gate", "steady", "abc", pairs)
    return make("diagnostic_msgs/msg/DiagnosticArray", header(ns), [status])


def step(k: int, prefix: str = "/", who: str = "policy", intervention: int = 0) -> list[Sent]:
    """The messages of step k: an observation and a record of authority."""
    ns = 1_000_000_000 + k * STEP_NS
    return [
        sent(f"{prefix}tool_pose", tool(ns, k / 100), ns, k),
        sent(f"{prefix}objects", objects(ns), ns + 1, k),
        sent(f"{prefix}gate/authority", authority(ns, who, intervention), ns + 2, k),
    ]


def clocks(count: int) -> list[Sent]:
    return [sent("/clock", make(CLOCK, time_of(k)), k + 1, k) for k in range(count)]


@pytest.fixture
def kit() -> Any:
    """The builders of this file, as one namespace."""
    import types

    names = (sent, make, time_of, header, pose, tool, objects, authority, step, clocks)
    return types.SimpleNamespace(**{f.__name__: f for f in names}, STEP_NS=STEP_NS)


@pytest.fixture
def contract() -> Contract:
    return Contract.load("panda_plane")


@pytest.fixture
def journal_of(tmp_path: Path) -> Callable[..., Path]:
    """Write messages into the closed journal of episode ``number``; returns its path."""

    def write(messages: Iterable[Sent], number: int = 1, folder: Path = tmp_path, **facts: Any) -> Path:
        with Journal(
            folder / f"episode_{number:06d}.journal.mcap", {"task": "fork", "seed": number, **facts}
        ) as journal:
            for message in messages:
                journal.write(*message)
        return journal.path

    return write


@pytest.fixture
def content() -> Callable[..., list[Sent]]:
    """What a scan or a reader yields, in the form in which it was sent."""

    def plain(messages: Iterable[Any]) -> list[Sent]:
        return [Sent(m.topic.name, m.topic.type_name, m.data, *m[1:4]) for m in messages]

    return plain
