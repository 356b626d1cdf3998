# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who takes hold of a device leaves the gripper as it is, until they press or squeeze; and only while they hold on."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.topics import BROWSER_INPUT, GUIDING, HAND_GRIPPER, LEADER_PEDAL, LEADER_STATES
from il_ros.core.types import ToolCommand
from il_ros.robot.ik import Kinematics
from il_ros.teleop import Setup, load
from il_ros.teleop.gripper import GripperInput, with_grip

GRIP = {"kind": "gripper", "max_velocity": 0.2}
FINGER = {**GRIP, "low": 0.0, "high": 0.04, "rest": 0.04, "closed": "low", "unit": "m"}
DRIVE = {**GRIP, "low": 0.0, "high": 0.85, "rest": 0.0, "closed": "high", "unit": "rad"}
SHARES = st.floats(0.0, 1.0)


def gripped(name, joint, part):
    plain = Contract.load(name).to_dict()
    action = {**dict(list(plain["action"].items())[:2]), joint: part, **dict(list(plain["action"].items())[2:])}
    return Contract.from_dict(f"{name}_gripper", {**plain, "action": action})  # in the midst of it


def tool_contract():
    plain = Contract.load("panda_plane").to_dict()
    axis = {"low": -0.5, "high": 0.5, "max_acceleration": 5.0, "rest": 0.0}
    names = ("tool_vx", "tool_vy", "tool_vz", "tool_wx", "tool_wy", "tool_wz")
    action = {"panda_finger_joint1": FINGER, **{name: axis for name in names}}
    command = {"type": "std_msgs/msg/Float64MultiArray"}
    return Contract.from_dict("tool", {**plain, "action": action, "command": command})


TOOL = tool_contract()
PANDA = gripped("panda_joints", "panda_finger_joint1", FINGER)
XARM = gripped("xarm6_joints", "drive_joint", DRIVE)


def reading_of(home, grip, step=0):
    return dataclasses.replace(home, grip=grip, stamp_ns=step * TOOL.step_ns)


@pytest.fixture(scope="module")
def home(reading):
    return reading()


@given(linear=st.tuples(*[st.floats(-0.3, 0.3)] * 3), angular=st.tuples(*[st.floats(-0.3, 0.3)] * 3), grip=SHARES)
def test_a_command_becomes_the_action_of_the_contract(home, linear, angular, grip):
    device = load("twist", Setup(TOOL))
    action = device.action(ToolCommand(np.array(linear), np.array(angular), grip), home)
    assert action.tolist() == [pytest.approx(0.04 * (1.0 - grip)), *linear, *angular]
    as_it_is = device.action(ToolCommand(np.array(linear), np.array(angular)), home)
    assert np.isnan(as_it_is[0]) and as_it_is[1:].tolist() == [*linear, *angular]


def press(name, down, pressed=False, x=0.0):
    if name == "browser":
        return BROWSER_INPUT.name, SimpleNamespace(
            axes=[x, 0, 0, 0, 0, 0, 0.5], buttons=[int(down), 0, 0, int(pressed)]
        )
    buttons = [int(pressed), 0, 0, 0, int(down), *[0] * 6]
    return "joy", SimpleNamespace(axes=[0.0, x, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0], buttons=buttons)


@pytest.mark.parametrize("name", ["browser", "joy"])
@given(grip=SHARES, presses=st.lists(st.booleans(), min_size=1, max_size=12))
def test_each_press_toggles_the_gripper_while_the_switch_is_held_and_taking_hold_leaves_it(name, home, grip, presses):
    device, wanted, step, was_down = load(name, Setup(TOOL)), math.nan, 2, True
    now = reading_of(home, grip)
    device.hear(*press(name, False, True), 0)  # it does not count: nobody holds the switch
    device.answer(now, 0)
    device.hear(*press(name, True, True), 1)
    assert np.isnan(device.answer(now, 1).action[0])
    for pressed in presses:
        device.hear(*press(name, True, pressed), step)
        if pressed and not was_down:
            closed = grip >= 0.1 if math.isnan(wanted) else wanted == 0.0
            wanted = 0.04 if closed else 0.0
        was_down, step = pressed, step + 1
        assert device.answer(now, step).action[0] == pytest.approx(wanted, nan_ok=True)
    device.hear(*press(name, False), step)
    assert device.answer(now, step).action is None
    device.hear(*press(name, True), step + 1)
    assert np.isnan(device.answer(now, step + 1).action[0])


@given(first=SHARES, held=SHARES, later=st.lists(SHARES, max_size=20))
def test_a_trigger_is_gone_with_only_once_it_was_moved_and_reaches_what_the_gripper_holds(home, first, held, later):
    hand, follows = GripperInput(), False
    hand.squeeze(first)
    hand.let_go()
    assert hand.wanted(reading_of(home, held)) is None
    for share in later:
        hand.squeeze(share)
        follows = follows or (abs(share - first) > 0.1 and max(share, first) >= held - 0.02)
        assert hand.wanted(reading_of(home, held)) == (share if follows else None)
    hand.let_go()
    assert hand.wanted(reading_of(home, held)) is None


@given(held=st.floats(0.2, 1.0))
def test_a_driver_that_knows_open_and_closed_alone_opens_what_it_closed_before_it_let_go(home, held):
    hand = GripperInput()
    hand.squeeze(1.0, at_rest=0.0)
    assert hand.wanted(reading_of(home, 0.0)) == 1.0
    hand.let_go()
    assert hand.wanted(reading_of(home, held)) is None
    hand.squeeze(0.0, at_rest=0.0)
    assert hand.wanted(reading_of(home, held)) == 0.0


@pytest.mark.parametrize("options", [{"gripper_axis": 2}, {"layout": "game_controller_node", "gripper_axis": 5}])
def test_a_trigger_of_a_pad_closes_the_gripper_as_far_as_it_is_squeezed(home, options):
    device = load("joy", Setup(TOOL, options=options))
    m = device.mapping
    for step, share in enumerate([0.0, 0.0, 0.5, 1.0]):
        axes, buttons = [0.0] * 8, [0] * 21
        axes[m.gripper_axis] = m.gripper_at_rest + share * (m.gripper_squeezed - m.gripper_at_rest)
        buttons[m.enable_button] = int(step > 0)
        device.hear("joy", SimpleNamespace(axes=axes, buttons=buttons), step)
        answer = device.answer(reading_of(home, 0.0, step), step)
        assert (answer.action is None) if step == 0 else True
        if share:
            assert answer.action[0] == pytest.approx(0.04 * (1.0 - share))
        elif step:
            assert np.isnan(answer.action[0])


@pytest.mark.parametrize("name", ["twist", "pose", "kinesthetic"])
def test_a_topic_closes_the_gripper(name, home):
    device = load(name, Setup(TOOL))
    vector, level = SimpleNamespace(x=1.0, y=0.0, z=0.0), SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)
    header = SimpleNamespace(frame_id="")
    holds = {
        "twist": (
            "delta_twist_cmds",
            SimpleNamespace(header=header, twist=SimpleNamespace(linear=vector, angular=vector)),
        ),
        "pose": ("hand_pose", SimpleNamespace(header=header, pose=SimpleNamespace(position=vector, orientation=level))),
        "kinesthetic": (GUIDING.name, SimpleNamespace(data=True)),
    }[name]
    for step, (share, expected) in enumerate([(None, math.nan), (1.0, 0.0), (None, 0.0), (0.25, 0.03)]):
        if share is not None:
            device.hear(HAND_GRIPPER.name, SimpleNamespace(data=share), step)
        device.hear(*holds, step)
        answer = device.answer(reading_of(home, 0.0, step), step)
        assert answer.action[0] == pytest.approx(expected, nan_ok=True)


def test_fingers_that_are_squeezed_by_hand_are_where_they_are_and_others_as_they_were(home):
    device = load("kinesthetic", Setup(TOOL))
    device.hear(GUIDING.name, SimpleNamespace(data=True), 0)
    for step, (share, expected) in enumerate([(0.5, math.nan), (0.52, math.nan), (0.75, 0.01), (0.5, 0.02)]):
        assert device.answer(reading_of(home, share, step), 0).action[0] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("contract", "opens"), [(PANDA, 0.04), (XARM, 0.0)])
def test_the_leaders_gripper_is_mapped_as_its_joints_are_and_needs_no_alignment(contract, opens):
    column = int(np.flatnonzero(contract.is_gripper)[0])
    part = contract.action[column]
    at = dict.fromkeys(contract.action_names, 0.0)
    device = load("leader", Setup(contract, options={"ranges": {part.name: [0, 100]}}))
    seen = SimpleNamespace(
        joint_names=tuple(at), joint_positions=np.array(list(at.values())), grip=0.5, tool_position=None
    )
    device.hear(LEADER_PEDAL.name, SimpleNamespace(data=False), 0)
    for step, (share, expected) in enumerate([(0.0, math.nan), (0.3, math.nan), (0.9, 0.9), (0.2, 0.2)]):
        low_or_high = 100 * (1 - share if part.closed == "low" else share)
        told = SimpleNamespace(name=list(at), position=list({**at, part.name: low_or_high}.values()))
        device.hear(LEADER_PEDAL.name, SimpleNamespace(data=step > 0), step)
        device.hear(LEADER_STATES.name, told, step)
        if step == 0:
            device.answer(seen, step)
            device.hear(LEADER_PEDAL.name, SimpleNamespace(data=True), step)
        action = device.answer(seen, step).action
        assert action[column] == pytest.approx(part.at(expected), nan_ok=True)
        assert np.delete(action, column) == pytest.approx(
            np.clip(0.0, *np.delete([contract.low, contract.high], column, 1))
        )
    told = SimpleNamespace(name=[n for n in at if n != part.name], position=[0.0] * (len(at) - 1))
    device.hear(LEADER_STATES.name, told, step)  # a leader without a gripper
    assert "the gripper stays as it is" in device.notes["gripper"]


@given(grip=SHARES)
def test_how_far_a_gripper_is_closed_is_measured_by_its_joint(home, grip):
    for contract in (PANDA, XARM):
        (part,) = (part for part in contract.action if part.kind == "gripper")
        told = dataclasses.replace(home, joint_names=("a", part.name), joint_positions=np.array([9.0, part.at(grip)]))
        assert with_grip(contract, told).grip == pytest.approx(grip)
        assert math.isnan(with_grip(contract, home).grip)


@pytest.mark.parametrize("contract", [PANDA, XARM])
def test_joints_are_solved_for_beside_a_gripper(contract):
    assert Kinematics.of(contract) is not None
