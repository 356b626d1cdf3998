# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every device must keep, the day that it lands."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from il_ros import teleop
from il_ros.core import messages, plugins
from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import EpisodeStart, ExpertAction
from il_ros.recording.bag.typestore import definition
from il_ros.teleop import Setup

DEVICES = tuple(plugins.available("device"))
PLANE = Contract.load("panda_plane")
START = EpisodeStart("fork", 4, 10**9)


def commanding(*names: str) -> Contract:
    plain = PLANE.to_dict()
    return Contract.from_dict("mine", {**plain, "action": dict.fromkeys(names, plain["action"]["tool_vx"])})


def test_the_devices_of_the_house_are_there():
    assert {"joy", "scripted", "supervisor"} <= set(DEVICES)


@pytest.mark.parametrize("name", DEVICES)
def test_every_answer_is_an_action_of_the_contract_or_none(name, device, reading):
    made = device(name)
    made.reset(START)
    for step in range(60):
        answer = made.answer(reading(0.3 + 0.003 * step, 0.0, step), step)
        assert isinstance(answer, ExpertAction) and answer.author
        assert answer.action is not None or not answer.engaged  # nobody drives without saying where to
        if answer.action is not None:
            contract = made.setup.contract
            assert answer.action.shape == (len(contract.action),) and np.isfinite(answer.action).all()
            assert (answer.action >= contract.low).all() and (answer.action <= contract.high).all()


@pytest.mark.parametrize("name", DEVICES)
def test_equal_readings_get_equal_answers_and_a_reset_begins_anew(name, device, reading):
    readings = [reading(*np.random.default_rng(step).uniform((0.3, -0.1), (0.6, 0.1)), step) for step in range(80)]
    one, other = device(name), device(name)

    def told(made):
        made.reset(START)
        answers = [made.answer(r, step) for step, r in enumerate(readings)]
        return [(a.author, a.engaged, None if a.action is None else a.action.tolist()) for a in answers]

    first = told(one)
    assert first == told(other)
    assert first == told(one)


@pytest.mark.parametrize("name", DEVICES)
def test_the_topics_of_a_drivers_are_of_common_types(name):
    topics = plugins.available("device")[name].topics
    assert all(topic and definition(type_name) for topic, type_name in topics.items())


@pytest.mark.parametrize("name", DEVICES)
def test_an_option_that_a_device_does_not_know_is_named(name, device):
    with pytest.raises(ConfigError, match=f"device '{name}': key 'speeed' is not known; "):
        device(name, speeed=3)


@pytest.mark.parametrize("name", DEVICES)
def test_without_a_task_a_device_works_or_says_that_it_needs_one(name):
    try:
        made = teleop.load(name, Setup(Contract.load("panda_joints") if name == "leader" else PLANE))
    except ConfigError as error:
        assert ("lacks the key 'expert'" if name == "function" else "set the parameter 'task'") in str(error)
        return
    assert made.topics  # an operator's device subscribes to its driver


def test_a_supervisor_needs_a_script_but_no_clearance(device):
    setup = dataclasses.replace(device("supervisor").setup, clearance=None)
    teleop.load("supervisor", setup)
    with pytest.raises(ConfigError, match="set the parameter 'task'"):
        teleop.load("supervisor", dataclasses.replace(setup, guide=None))


def test_an_unknown_device_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="device 'joi' is not known; choose from .*joy, .*did you mean 'joy'"):
        teleop.load("joi", Setup(PLANE))


def test_a_velocity_goes_to_the_components_by_name(device, reading):
    made = device("scripted", commanding("tool_vz", "tool_vy", "tool_vx"))
    assert made.action(np.array([0.1, 0.2, 0.3]), reading()).tolist() == [0.3, 0.2, 0.1]
    assert made.action(np.array([0.1, 0.2]), reading()).tolist() == [0.0, 0.2, 0.1]
    assert device("scripted", commanding("tool_vy")).action(np.array([0.1, 0.2]), reading()).tolist() == [0.2]


def test_a_contract_without_tool_velocities_is_refused_with_the_ones_there_are(device, reading):
    made = device("scripted", commanding("panda_joint1"))
    with pytest.raises(ConfigError, match=f"commands panda_joint1, which .* a contract with {', '.join(TOOL_AXES)}"):
        made.answer(reading())


def test_the_scripted_device_drives_all_the_time_under_the_name_of_whom_it_drew(device, reading):
    made = device("scripted", expert="random")
    authors = []
    for seed in range(20):
        made.reset(EpisodeStart("fork", seed, 10**9))
        answers = [made.answer(reading(0.4 + 0.01 * step, 0.0, step)) for step in range(12)]
        assert all(answer.engaged and answer.action is not None for answer in answers)
        (author,) = {answer.author for answer in answers}
        authors.append(author)
        assert np.sign(sum(answer.action[1] for answer in answers)) == {"left": 1, "right": -1}[author]
    assert set(authors) == {"left", "right"}


def test_an_arm_that_a_person_drives_needs_nobody_who_sees_objects(device, reading):
    alone, script = teleop.load("joy", Setup(PLANE)), device("scripted")
    assert set(script.watched) - set(alone.watched) == {"objects"}
    seen = messages.plain_messages(reading())
    told = messages.reading_from({name: seen[name] for name in alone.watched})
    assert len(told.objects) == 0
    assert not alone.respond({name: seen[name] for name in alone.watched}).engaged
