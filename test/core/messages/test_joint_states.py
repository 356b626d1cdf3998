# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Joint states of several publishers are those of one: each joint as it was told of last, none that is too old."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.messages import JointStateMerger, joints_of
from il_ros.core.topics import JOINT_STATE

STALE_NS = 100


def state(velocity: Any = (), effort: Any = (), **position: float) -> Any:
    values = list(position.values())
    return SimpleNamespace(header=None, name=list(position), position=values, velocity=velocity, effort=effort)


def test_a_publisher_of_all_joints_is_passed_on_as_it_is() -> None:
    merger, message = JointStateMerger(["a", "b"], STALE_NS), state(b=1.0, a=2.0)
    assert merger.add(message, 5)
    assert merger.merged(5) is message


def test_parts_are_joined_by_name_and_the_first_joint_makes_the_step() -> None:
    merger = JointStateMerger(["a", "grip"], STALE_NS)
    assert merger.add(state(a=1.0, b=2.0, velocity=[3.0, 4.0]), 0)
    with pytest.raises(MessageError, match="'grip' is not in the joint states"):
        merger.merged(0)
    assert not merger.add(state(grip=0.5), 7)
    assert merger.add(state(a=1.5, b=2.5, velocity=[3.5, 4.5]), 10)
    merged = merger.merged(10)
    assert (merged.name, list(merged.position)) == (["a", "b", "grip"], [1.5, 2.5, 0.5])
    assert np.array_equal(merged.velocity, [3.5, 4.5, np.nan], equal_nan=True) and not len(merged.effort)
    assert merger.ages_ns(12) == {"a": 2, "grip": 5, "b": 2}


@pytest.mark.parametrize("time_ns", [5 + STALE_NS + 1, 5 - STALE_NS - 1])
def test_a_joint_that_is_too_far_from_the_step_is_named_with_its_age(time_ns: int) -> None:
    merger = JointStateMerger(["a", "grip"], STALE_NS)
    merger.add(state(grip=0.5), 5)
    merger.add(state(a=1.0), time_ns)
    with pytest.raises(MessageError, match="'grip' is .* older than the newest.*stale_s"):
        merger.merged(time_ns)


def test_what_nobody_asks_for_is_left_out_once_it_is_old() -> None:
    merger = JointStateMerger([], STALE_NS)
    assert merger.add(state(a=1.0), 0) and merger.add(state(b=1.0), 1)
    assert merger.merged(1).name == ["b", "a"]
    assert merger.add(state(b=1.0), STALE_NS + 1) and merger.merged(STALE_NS + 1).name == ["b"]
    with pytest.raises(MessageError, match="no joint states"):
        merger.merged(3 * STALE_NS)


@pytest.mark.parametrize(
    "message",
    [
        state(),
        SimpleNamespace(name=["a", "a"], position=[1.0, 2.0], velocity=[], effort=[]),
        SimpleNamespace(name=["a", "b"], position=[1.0], velocity=[], effort=[]),
        SimpleNamespace(name=["a"], position=[1.0], velocity=[1.0, 2.0], effort=[]),
        SimpleNamespace(name=["a"], position=[1.0], velocity=[], effort=[1.0, 2.0]),
    ],
)
def test_a_state_whose_numbers_have_no_names_is_refused(message: Any) -> None:
    with pytest.raises(MessageError, match="joint states"):
        JointStateMerger(["a"], STALE_NS).add(message, 0)


parts = st.sets(st.sampled_from("abcdef"), min_size=1).map(sorted)


@given(st.lists(st.tuples(parts, st.integers(0, 40)), min_size=1, max_size=40))
def test_each_joint_is_the_one_that_was_told_of_last(told: list[tuple[list[str], int]]) -> None:
    merger, last, now = JointStateMerger(["a"], STALE_NS), dict[str, tuple[int, float]](), 0
    for n, (names, passed) in enumerate(told):
        now += passed
        last.update({name: (now, float(n)) for name in names})
        assert merger.add(state(**dict.fromkeys(names, float(n))), now) == ("a" in names)
        if "a" in names:
            merged = merger.merged(now)
            fresh = {name: value for name, (then, value) in last.items() if now - then <= STALE_NS}
            assert dict(zip(merged.name, merged.position)) == fresh


def test_a_contract_says_which_joints_there_must_be() -> None:
    def contract(*fields: str) -> Contract:
        observation = {f"o{n}": {"topic": "joint_states", "field": field} for n, field in enumerate(fields)}
        action = {"a": {"low": -1.0, "high": 1.0, "max_step": 0.1}}
        command = {"type": "std_msgs/msg/Float64MultiArray"}
        told = {"rate_hz": 20.0, "topics": {"joint_states": JOINT_STATE}, "observation": observation}
        return Contract.from_dict("two", {**told, "action": action, "command": command})

    assert joints_of(contract("position[b]", "velocity[a]", "velocity[b]"), "joint_states") == ("b", "a")
    assert joints_of(contract("position[b]", "position.1"), "joint_states") == ()
    assert joints_of(contract("position[b]"), "left/joint_states") == ()
