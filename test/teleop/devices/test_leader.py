# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Puppeteering: the follower goes where the leader is, once the leader has been where the follower is."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.topics import LEADER_PEDAL, LEADER_STATES
from il_ros.core.types import EpisodeStart
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.description import Robot
from il_ros.sim.env import ArmEnv
from il_ros.teleop import DEAD_MAN_S, Setup, load

JOINT_NAMES = Robot.load("").joints
JOINTS = Contract.load("panda_joints")
HOME = np.array([0.0, 0.2, 0.0, -2.2, 0.0, 2.4, 0.785])
SILENT_NS = round(DEAD_MAN_S * 1e9)
STEP_NS = 20_000_000


def leader(**options):
    return load("leader", Setup(JOINTS, options=options))


def states(positions=HOME, names=JOINT_NAMES):
    return SimpleNamespace(name=list(names), position=list(positions))


def pedal(down=True):
    return SimpleNamespace(data=down)


@pytest.fixture
def at_home(reading):
    return dataclasses.replace(reading(), joint_positions=HOME, joint_names=JOINT_NAMES)


def taken(device, message, now_ns=0):
    device.hear(LEADER_PEDAL.name, pedal(False), now_ns)
    device.hear(LEADER_PEDAL.name, pedal(), now_ns)
    device.hear(LEADER_STATES.name, message, now_ns)
    return device


def test_who_is_aligned_and_holds_the_pedal_drives_and_the_arm_does_as_the_leader(at_home):
    device = taken(leader(), states())
    assert device.answer(at_home, 0).engaged
    for step in range(1, 26):
        device.hear(LEADER_STATES.name, states(HOME + 0.02 * step), step * STEP_NS)
        answer = device.answer(at_home, step * STEP_NS)
        assert answer.engaged
        assert answer.action == pytest.approx(np.clip(HOME + 0.02 * step, JOINTS.low, JOINTS.high))


@pytest.mark.parametrize("joint", range(7))
def test_control_does_not_pass_before_every_joint_is_where_the_arm_is(at_home, joint):
    away = HOME + 0.11 * np.eye(7)[joint]
    device = taken(leader(), states(away))
    assert not device.answer(at_home, 0).engaged
    device.hear(LEADER_STATES.name, states((HOME + away) / 2), 1)
    assert device.answer(at_home, 1).engaged


@pytest.mark.parametrize("lets_go", ["pedal", "silence", "episode"])
def test_who_has_let_go_must_align_anew(at_home, lets_go):
    device = taken(leader(), states())
    assert device.answer(at_home, 0).engaged
    now_ns = 1
    if lets_go == "pedal":
        device.hear(LEADER_PEDAL.name, pedal(False), 1)
        assert not device.answer(at_home, 1).engaged
    elif lets_go == "silence":
        now_ns = 2 * SILENT_NS
        assert device.answer(at_home, now_ns).lost
    else:
        device.reset(EpisodeStart("fork", 1, 0))
    taken(device, states(HOME + 0.15), now_ns)
    assert not device.answer(at_home, now_ns).engaged
    taken(device, states(), now_ns)
    assert device.answer(at_home, now_ns).engaged


@given(st.integers(0, 4 * SILENT_NS))
def test_a_stuck_pedal_does_not_drive_an_arm_whose_leader_is_silent(age_ns):
    at_home = SimpleNamespace(joint_positions=HOME, joint_names=JOINT_NAMES)
    device = taken(leader(), states())
    answer = device.answer(at_home, age_ns)
    assert (answer.engaged, answer.lost) == (age_ns <= SILENT_NS, age_ns > SILENT_NS)


def test_a_pedal_that_was_never_seen_up_drives_nothing_until_it_was_let_go_once(at_home):
    device = leader()
    device.hear(LEADER_PEDAL.name, pedal(), 0)
    device.hear(LEADER_STATES.name, states(), 0)
    assert not device.answer(at_home, 0).engaged
    assert taken(device, states(), 1).answer(at_home, 1).engaged


def test_without_a_pedal_who_is_aligned_drives(at_home):
    device = leader(pedal=False)
    device.hear(LEADER_STATES.name, states(), 0)
    assert device.answer(at_home, 0).engaged
    assert not leader().answer(at_home, 0).engaged


def test_a_leader_of_other_names_signs_and_zeros(at_home):
    signs, offsets = {"panda_joint2": -1}, {"panda_joint2": 0.3, "panda_joint4": -2.0}
    device = leader(prefix="leader_", signs=signs, offsets_rad=offsets)
    led = HOME.copy()
    led[1], led[3] = 0.3 - HOME[1], HOME[3] + 2.0
    answer = taken(device, states(led, [f"leader_{name}" for name in JOINT_NAMES])).answer(at_home, 0)
    assert answer.action == pytest.approx(HOME)


@pytest.mark.parametrize(
    "message", [states(HOME[:6], JOINT_NAMES[:6]), states([*HOME[:6], math.nan]), states([], []), states(HOME[:6])]
)
def test_a_leader_without_one_of_the_joints_counts_as_lost(at_home, message):
    device = taken(leader(), states())
    with pytest.raises(MessageError, match="no position of .*panda_joint7.* lost; set the device's option 'prefix'"):
        device.hear(LEADER_STATES.name, message, 1)
    assert not device.answer(at_home, 1).engaged
    device.hear(LEADER_STATES.name, states(), 2)
    assert not device.answer(at_home, 2).engaged


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"align_rad": -1.0}, "align_rad is -1.0"),
        ({"timeout_s": math.nan}, "timeout_s is nan"),
        ({"signs": {"panda_joint1": 2}}, "a sign is 1 or -1"),
        ({"signs": ["panda_joint1"]}, "it must be a mapping"),
        ({"offsets_rad": {"panda_joint1": "far"}}, "offsets_rad.panda_joint1 is 'far'; it must be a number"),
        ({"offsets_rad": {"elbow": 0.1}}, "commands no elbow"),
        ({"scales": {"panda_joint1": 0}}, "a scale must not be 0"),
        ({"ranges": {"panda_joint1": [0]}}, "must map joints to .at low, at high"),
        ({"ranges": {"panda_joint1": [1, 1]}}, "must map joints to .at low, at high"),
        ({"ranges": {"panda_joint1": [0, 1]}, "signs": {"panda_joint1": -1}}, "panda_joint1 has a range and a sign"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, words):
    with pytest.raises(ConfigError, match=words):
        leader(**options)


XARM = Contract.load("xarm6_joints")
XARM_AT = np.array([0.0, -0.3, -0.9, 0.0, 1.2, 3.0])


def at_joints(contract, joints):
    return SimpleNamespace(joint_positions=joints, joint_names=contract.action_names)


def wrapped(angle):
    return (angle + math.pi) % (2 * math.pi) - math.pi


@given(
    turns=st.integers(-3, 3),
    sign=st.sampled_from([-1.0, 1.0]),
    degrees=st.booleans(),
    ways=st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=60),
)
def test_a_leader_that_wraps_or_counts_turns_leads_as_one_that_does_neither(turns, sign, degrees, ways):
    device = load("leader", Setup(XARM, options={"pedal": False, "degrees": degrees, "signs": {"joint6": sign}}))
    true = XARM_AT.copy()
    for step, way in enumerate([0.0, *ways]):
        true[5] += way
        told = true.copy()
        told[5] = sign * wrapped(true[5]) + (2 * math.pi * turns)
        device.hear(
            LEADER_STATES.name, states(np.degrees(told) if degrees else told, XARM.action_names), step * STEP_NS
        )
        answer = device.answer(at_joints(XARM, XARM_AT), step * STEP_NS)
        assert answer.engaged and answer.action == pytest.approx(np.clip(true, XARM.low, XARM.high), abs=1e-9)


def test_a_whole_turn_between_leader_and_follower_is_none():
    device = load("leader", Setup(XARM, options={"pedal": False}))
    follower = np.array([*XARM_AT[:5], 3.18 - 2 * math.pi])
    device.hear(LEADER_STATES.name, states([*XARM_AT[:5], 3.18], XARM.action_names), 0)
    assert device.answer(at_joints(XARM, follower), 0).action == pytest.approx(follower)


@given(jump=st.floats(0.4, 2.9), sign=st.sampled_from([-1.0, 1.0]))
def test_a_leader_that_jumps_is_not_followed_before_it_was_aligned_anew(jump, sign):
    at_home = at_joints(JOINTS, HOME)
    device = taken(leader(), states())
    assert device.answer(at_home, 0).engaged
    for step in range(1, 10):
        device.hear(LEADER_PEDAL.name, pedal(), step * STEP_NS)
        device.hear(LEADER_STATES.name, states(HOME + sign * jump * np.eye(7)[0]), step * STEP_NS)
        answer = device.answer(at_home, step * STEP_NS)
        assert (answer.engaged, answer.lost) == (False, True)
    for step in range(10, 400):  # it is led back as a hand does
        away = max(0.0, jump - 0.01 * (step - 10))
        device.hear(LEADER_STATES.name, states(HOME + sign * away * np.eye(7)[0]), step * STEP_NS)
    assert device.answer(at_home, 400 * STEP_NS).lost
    taken(device, states(), 400 * STEP_NS)
    assert device.answer(at_home, 400 * STEP_NS).engaged


GRIPPED = Contract.from_dict("gripped", {**JOINTS.to_dict(), "action": {
    **JOINTS.to_dict()["action"], "gripper": {"low": 0.0, "high": 0.08, "max_step": 0.02, "unit": "m"}
}})  # fmt: skip


@given(
    closed=st.floats(-50.0, 50.0), span=st.floats(1.0, 200.0), sign=st.sampled_from([-1.0, 1.0]), share=st.floats(0, 1)
)
def test_a_gripper_in_other_units_is_mapped_to_its_range(closed, span, sign, share):
    opened = closed + sign * span
    device = load("leader", Setup(GRIPPED, options={"pedal": False, "ranges": {"gripper": [closed, opened]}}))
    at = at_joints(GRIPPED, np.array([*HOME, 0.08 * share]))
    told = [*HOME, closed + share * (opened - closed)]
    device.hear(LEADER_STATES.name, states(told, GRIPPED.action_names), 0)
    assert device.answer(at, 0).action == pytest.approx([*HOME, 0.08 * share], abs=1e-9)


def test_a_joint_of_another_length_is_scaled(at_home):
    device = leader(pedal=False, scales={"panda_joint4": 0.5}, offsets_rad={"panda_joint4": -0.2})
    told = HOME.copy()
    told[3] = (HOME[3] + 0.2) / 0.5
    device.hear(LEADER_STATES.name, states(told), 0)
    assert device.answer(at_home, 0).action == pytest.approx(HOME)


def test_a_contract_that_commands_no_joints_is_refused():
    with pytest.raises(ConfigError, match="commands no joints but tool_vx, tool_vy.*panda_joints"):
        load("leader", Setup(Contract.load("panda_plane")))


def test_the_follower_does_the_task_as_the_leader_does_it(puppeteer):
    env, gate = ArmEnv("fork", JOINTS), Gate(JOINTS, GateConfig(rule="demonstration"))
    rollouts = [run_episode(env, gate, seed, None, puppeteer()) for seed in range(3)]
    env.close()
    assert [rollout.outcome for rollout in rollouts] == ["success"] * 3
    assert all(rollout.way == 0 for rollout in rollouts)
    assert all((np.abs(np.diff(r.episode.executed, axis=0)) <= JOINTS.max_step + 1e-6).all() for r in rollouts)
