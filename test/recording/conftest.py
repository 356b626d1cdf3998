# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages, journals and a contract to record with; and episodes in which everything happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.messages import DOUBTS
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


FIRST_NS = 1_700_000_000_123_456_789


def episode(contract: Contract, offsets_ns: np.ndarray, seed: int = 0, **facts: Any) -> Episode:
    """One with a step at each of ``offsets_ns`` (T,) after it began; who drives changes every few steps."""
    rng, count = np.random.default_rng(seed), len(offsets_ns)
    width = len(contract.action)
    authority = np.repeat(rng.integers(0, 3, count), rng.integers(1, 6, count))[:count].astype(np.uint8)
    starts = np.flatnonzero(np.diff(authority, prepend=255) != 0)
    takes_over = authority[starts] == Authority.EXPERT
    numbers = np.where(takes_over, np.cumsum(takes_over) * rng.integers(0, 2), 0)  # a rollout, or a demonstration
    wanted = rng.uniform(contract.low, contract.high, (3, count, width)).astype(np.float32)
    wanted[1:][rng.random((2, count)) < 0.3] = np.nan
    return Episode(
        stamps_ns=FIRST_NS + offsets_ns.astype(np.int64),
        observations=rng.normal(size=(count, len(contract.observation))).astype(np.float32),
        executed=wanted[0],
        policy=wanted[1],
        expert=wanted[2],
        authority=authority,
        intervention=np.repeat(numbers, np.diff([*starts, count])).astype(np.int32),
        doubts=np.where(rng.random((count, 1)) < 0.5, np.nan, rng.random((count, len(DOUBTS)))).astype(np.float32),
        step_ns=contract.step_ns,
        facts={"task": "fork", "seed": seed, "outcome": "success", "expert": "left", "partial": False, **facts},
    )


def jittered(
    contract: Contract, count: int, seed: int, jitter: float = 0.2, gaps: int = 2, pace: float = 1.0
) -> np.ndarray:
    """(count,) when steps were, ns: each off by at most ``jitter`` steps, and with as many gaps of 2 to 5 steps."""
    rng = np.random.default_rng(seed)
    late = np.zeros(count)
    for place in rng.choice(np.arange(1, count), gaps, replace=False):
        late[place:] += rng.uniform(2.0, 5.0)
    steps = pace * np.arange(count) + late + rng.uniform(-jitter, jitter, count)
    return np.round((steps - steps[0]) * contract.step_ns)


@pytest.fixture
def make_episode(contract: Contract) -> Callable[..., Episode]:
    """``make_episode(offsets_ns, seed, **facts)``."""
    return lambda offsets_ns, seed=0, **facts: episode(contract, offsets_ns, seed, **facts)


@pytest.fixture
def offsets(contract: Contract) -> Callable[..., np.ndarray]:
    """``offsets(count, seed, jitter, gaps, pace)``."""
    return lambda count, seed=0, **how: jittered(contract, count, seed, **how)


@pytest.fixture
def even(contract: Contract) -> Callable[[int], np.ndarray]:
    """``even(count)``: steps as lockstep makes them."""
    return lambda count: np.arange(count) * contract.step_ns
