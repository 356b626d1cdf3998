# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No device of a person moves an arm that nobody moves: at rest, and whatever its driver tells."""

from __future__ import annotations

import contextlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.topics import BROWSER_INPUT, GUIDING, HAND_GRIPPER, LEADER_PEDAL, LEADER_STATES
from il_ros.robot.description import Robot
from il_ros.robot.ik import Kinematics
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Operated, Setup, load

DEVICES = {name: made for name, made in plugins.available("device").items() if issubclass(made, Operated)}
CONTRACTS = ("panda_joints", "xarm6_joints")


def vector(x=0.0, y=0.0, z=0.0):
    return SimpleNamespace(x=x, y=y, z=z)


LEVEL = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)


def header(frame=""):
    return SimpleNamespace(frame_id=frame)


def pad(down):
    return SimpleNamespace(axes=[0.0] * 8, buttons=[0, 0, 0, 0, int(down), *[0] * 6])


def page(down, place=None):
    drags = int(place is not None)
    axes = [0.0, 0.0, 0.0, *(map(float, place) if drags else (0.0, 0.0, 0.0))]
    return SimpleNamespace(axes=axes, buttons=[int(down), 0, drags])


def still(x=0.0):
    return SimpleNamespace(header=header(), twist=SimpleNamespace(linear=vector(x), angular=vector()))


class Resting:
    """What each driver tells while a hand holds on and leads nowhere; the first word is that it holds nothing."""

    def __init__(self, first):
        self._first = first

    def joy(self, step, reading):
        return [("joy", pad(step > 0))]

    def browser(self, step, reading):
        return [(BROWSER_INPUT.name, page(step > 0))]

    def browser_dragged(self, step, reading):
        return [(BROWSER_INPUT.name, page(step > 0, self._first.tool_position))]

    def twist(self, step, reading):
        # zeros for ever let go: whoever drives at rest touches the cap now and then, by next to nothing
        return [("delta_twist_cmds", still(1e-7 * (step % 4 == 0)))]

    def pose(self, step, reading):
        place = vector(1.0, 2.0, 3.0 + 1e-6 * (step % 2))
        return [
            ("hand_pose", SimpleNamespace(header=header(), pose=SimpleNamespace(position=place, orientation=LEVEL)))
        ]

    def leader(self, step, reading):
        told = SimpleNamespace(name=list(self._first.joint_names), position=self._first.joint_positions.tolist())
        return [(LEADER_PEDAL.name, SimpleNamespace(data=step > 0)), (LEADER_STATES.name, told)]

    def kinesthetic(self, step, reading):
        return [(GUIDING.name, SimpleNamespace(data=step > 0))]


def test_every_device_of_a_person_is_tried_at_rest():
    assert {name for name in vars(Resting) if not name.startswith("_")} == {*DEVICES, "browser_dragged"}


@pytest.fixture(scope="module", params=CONTRACTS)
def arm(request):
    env = ArmEnv("fork", request.param, time_limit=False)
    yield env
    env.close()


def turned(env, turn, tilt):
    """What the arm tells once somebody has turned and tilted its hand."""
    env.reset(seed=0)
    joints = env.reading().joint_positions.copy()
    joints[-1] += turn
    joints[-2] += tilt
    at = dict(zip(env.robot.joints, joints))
    for _ in range(30):
        env.advance(np.array([at[name] for name in env.contract.action_names]))
    return env.reading()


@pytest.mark.parametrize(("turn", "tilt"), [(0.0, 0.0), (0.8, 0.0), (-0.6, 0.3), (0.3, -0.4)])
@pytest.mark.parametrize("name", [*DEVICES, "browser_dragged"])
def test_a_device_that_is_engaged_at_rest_moves_the_tool_by_less_than_a_millimetre(arm, name, turn, tilt):
    contract, first = arm.contract, turned(arm, turn, tilt)
    device = load(name.partition("_")[0], Setup(contract, solve=Kinematics.of(contract)))
    resting, reading, engaged = Resting(first), first, 0
    for step in range(60):
        now_ns = step * contract.step_ns
        for topic, message in getattr(resting, name)(step, reading):
            device.hear(topic, message, now_ns)
        answer = device.answer(reading, now_ns)
        engaged += answer.engaged
        reading, _ = arm.advance(first.joint_positions if answer.action is None else answer.action)
        assert np.linalg.norm(reading.tool_position - first.tool_position) < 1e-3
        assert np.abs(reading.joint_positions - first.joint_positions).max() < 2e-3
    assert engaged >= 55


wild = st.one_of(st.floats(width=32), st.sampled_from([math.nan, math.inf, -math.inf, 1e30, -1e300, 0.0, 1.0, -1.0]))
numbers = st.lists(wild, max_size=9)
JOINT_NAMES = Robot.load("").joints
anything = {
    "joy": st.builds(SimpleNamespace, axes=numbers, buttons=st.lists(st.integers(-2, 2), max_size=12)),
    BROWSER_INPUT.name: st.builds(SimpleNamespace, axes=numbers, buttons=st.lists(st.integers(-2, 2), max_size=4)),
    "delta_twist_cmds": st.builds(
        SimpleNamespace,
        header=st.builds(header, st.sampled_from(["", "panda_link0", "nowhere"])),
        twist=st.builds(SimpleNamespace, linear=st.builds(vector, wild, wild, wild), angular=st.builds(vector, wild)),
    ),
    "hand_pose": st.builds(
        SimpleNamespace,
        header=st.builds(header, st.sampled_from(["", "world", "nowhere"])),
        pose=st.builds(
            SimpleNamespace,
            position=st.builds(vector, wild, wild, wild),
            orientation=st.builds(SimpleNamespace, x=wild, y=wild, z=wild, w=wild),
        ),
    ),
    LEADER_STATES.name: st.builds(SimpleNamespace, name=st.permutations([*JOINT_NAMES, "x"]), position=numbers),
    LEADER_PEDAL.name: st.builds(SimpleNamespace, data=st.booleans()),
    GUIDING.name: st.builds(SimpleNamespace, data=st.booleans()),
    HAND_GRIPPER.name: st.builds(SimpleNamespace, data=wild),
}
JOINTS = Contract.load("panda_joints")
SOLVE = Kinematics.of(JOINTS)
HOME = np.array(list(Robot.load("").rest.values()))


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_driver_tells_is_told_of_and_after_rubbish_or_silence_nothing_moves(name, data, home):
    device, now_ns = load(name, Setup(JOINTS, solve=SOLVE)), 0
    for _ in range(data.draw(st.integers(1, 12))):
        now_ns += data.draw(st.sampled_from([0, 10_000_000, 50_000_000, 400_000_000]))
        topic = data.draw(st.sampled_from(sorted(device.topics)))
        refused = False
        try:
            device.hear(topic, data.draw(anything[topic]), now_ns)
        except MessageError:
            refused = True
        answer = device.answer(home, now_ns)
        assert answer.engaged == (answer.action is not None) and not (answer.engaged and answer.lost)
        assert answer.action is None or np.isfinite(answer.action).all()
        assert not (refused and answer.engaged and answer.author != "kinesthetic")
    silent = device.answer(home, now_ns + 250_000_000)
    assert silent.action is None and not silent.engaged
    assert silent.lost or not answer.engaged or name == "twist"  # whose last word may have been zero


@pytest.fixture(scope="module")
def home():
    """A reading of the arm at rest, whose tool is where its joints have it."""
    env = ArmEnv("fork", JOINTS)
    env.reset(seed=0)
    yield env.reading()
    env.close()


@pytest.mark.parametrize("name", DEVICES)
def test_who_was_interrupted_is_lost_until_they_take_hold_anew(name, home):
    device, resting = load(name, Setup(JOINTS, solve=SOLVE)), Resting(home)
    SOLVE._span = None
    for step in range(5):
        for topic, message in getattr(resting, name)(step, home):
            device.hear(topic, message, step)
    assert device.answer(home, 5).engaged
    device.interrupt()
    answer = device.answer(home, 5)
    assert (answer.engaged, answer.lost, answer.action) == (False, True, None)
    for step in (4, 8):  # still held
        for topic, message in getattr(resting, name)(step, home):
            device.hear(topic, message, step)
    assert device.answer(home, 9).engaged == (name == "pose")  # which is anchored anew
    for step in (0, 1, 4):
        for topic, message in getattr(resting, name)(step, home):
            with contextlib.suppress(MessageError):
                device.hear(topic, message if name != "twist" or step else still(), 10 + step)
    assert device.answer(home, 14).engaged


def test_a_page_that_was_lost_says_so_itself(home):
    device = load("browser", Setup(JOINTS, solve=SOLVE))
    for step, down in enumerate([False, True]):
        device.hear(BROWSER_INPUT.name, page(down), step)
    assert device.answer(home, 1).engaged
    device.hear(BROWSER_INPUT.name, SimpleNamespace(axes=[], buttons=[]), 2)
    assert device.answer(home, 2).lost


def test_an_arm_that_is_not_the_one_that_is_reckoned_with_is_driven_by_nobody(home):
    device = load("joy", Setup(JOINTS, solve=SOLVE))
    elsewhere = SimpleNamespace(**{**vars(home), "tool_position": home.tool_position + [0.0, 0.0, 0.1]})
    for step, down in enumerate([False, True, True]):
        device.hear("joy", pad(down), step)
        answer = device.answer(elsewhere, step)
        assert (answer.engaged, answer.lost) == (False, down)
    assert "100 mm and 0 deg apart, where 10 mm" in device.notes["arm"]
    for step, down in enumerate([False, True]):
        device.hear("joy", pad(down), 3 + step)
    assert device.answer(home, 4).engaged and "arm" not in device.notes
