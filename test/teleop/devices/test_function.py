# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A function as an expert: what it is given, what is made of its answer, and what is said when it is none."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import gymnasium
import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import EpisodeStart
from il_ros.sim.gym_adapter import names
from il_ros.teleop import Setup, load
from il_ros.teleop.devices.function import nested

PART = {"topic": "observation", "field": "position[goal.0]"}
ACTION = {"low": -1.0, "high": 1.0, "max_step": 2.0}
CONTRACT = Contract.from_dict(
    "mine",
    {
        "rate_hz": 20.0,
        "topics": {"observation": "sensor_msgs/msg/JointState"},
        "observation": {"goal.0": PART},
        "action": {"action.0": ACTION, "action.1": ACTION},
        "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
    },
)
HEARD = {"observation": SimpleNamespace(name=["at.0", "at.1", "goal.0", "goal.1"], position=[0.0, 1.0, 0.5, -4.0])}
SPACES = gymnasium.spaces
BOX = SPACES.Box(-1.0, 1.0, (2, 3), np.float64)


def asked(function, pilots: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pilots, "mine", function, raising=False)
    return load("function", Setup(CONTRACT, options={"expert": "pilots:mine"}))


@pytest.mark.parametrize(
    "space",
    [
        BOX,
        SPACES.Box(-1.0, 1.0, (12,), np.float64),
        SPACES.Dict({"goal": SPACES.Box(-1.0, 1.0, (1,), np.float64), "at": BOX}),
        SPACES.Dict({"z": SPACES.Dict({"b": BOX, "a": BOX}), "keys": SPACES.MultiBinary((2, 2))}),
    ],
)
def test_what_was_flattened_and_named_comes_back_as_it_was(space):
    space.seed(3)
    seen = space.sample()
    back = nested(names(space), SPACES.flatten(space, seen).tolist())
    if not isinstance(seen, dict):
        assert np.array_equal(back, seen)
        return
    assert SPACES.flatten(space, back).tolist() == SPACES.flatten(space, seen).tolist()
    assert back.keys() == seen.keys()


def test_it_is_given_the_observation_of_gymnasium_and_its_answer_is_kept_within_the_limits(pilots, monkeypatch):
    device = asked(lambda seen: seen["goal"] - seen["at"], pilots, monkeypatch)
    answer = device.respond(HEARD)
    assert answer.action.tolist() == [0.5, -1.0]
    assert (answer.author, answer.engaged) == ("mine", True)
    assert device.watched == CONTRACT.topics


def test_one_with_a_reset_is_told_of_each_episode_by_its_seed(pilots, monkeypatch):
    def function(seen):
        return [0.0, 0.0]

    told = []
    function.reset = told.append
    device = asked(function, pilots, monkeypatch)
    for seed in (4, 5):
        device.reset(EpisodeStart("mine", seed, 10**9))
    assert told == [4, 5]


@pytest.mark.parametrize("answer", [[0.1], [0.1, 0.2, 0.3], [0.1, np.nan], 0.5])
def test_an_answer_that_is_no_action_is_refused(answer, pilots, monkeypatch):
    device = asked(lambda seen: answer, pilots, monkeypatch)
    with pytest.raises(MessageError, match="expert 'mine' answers .*; it must return 2 finite numbers"):
        device.respond(HEARD)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("pilots", "is no function; write it as package.module:function"),
        ("no_such_module:expert", "cannot be imported .*No module named"),
        ("pilots:nobody", "cannot be imported .*nobody"),
        ("math:pi", "is 3.14.*; it must be a function of the observation"),
    ],
)
def test_an_expert_that_is_no_function_is_refused(name, complaint):
    with pytest.raises(ConfigError, match=f"expert '{name}' {complaint}"):
        load("function", Setup(CONTRACT, options={"expert": name}))


def test_without_a_function_nobody_drives_and_the_device_says_so():
    device = load("function", Setup(CONTRACT, options={"expert": ""}))
    device.reset(EpisodeStart("fork", 1, 4))
    answer = device.respond(HEARD)
    assert answer.action is None and not answer.engaged and not answer.lost
    assert "set it to package.module:function" in device.notes["expert"]
