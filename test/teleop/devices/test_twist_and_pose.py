# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drivers that speak in twists and in poses: who speaks drives, silence lets go, and nothing makes the arm jump."""

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
from il_ros.core.frames import Frame, rotated
from il_ros.core.types import EpisodeStart
from il_ros.teleop import DEAD_MAN_S, Setup, load
from il_ros.teleop.devices.pose import FROZEN_S, SETTLE_S

PLANE = Contract.load("panda_plane")
SILENT_NS = round(DEAD_MAN_S * 1e9)
STEP_NS = 20_000_000
BROKEN = [math.nan, math.inf, -math.inf, 1e30]
AT = 7.0
"""Where the hand is, m, along each axis of the tracker's frame."""


def made(name, **options):
    return load(name, Setup(PLANE, options=options, frames=FRAMES))


def vector(x=0.0, y=0.0, z=0.0):
    return SimpleNamespace(x=x, y=y, z=z)


LEVEL = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)


def twist(x=0.0, y=0.0, z=0.0, turning=0.0, frame=""):
    velocity = SimpleNamespace(linear=vector(x, y, z), angular=vector(turning))
    return SimpleNamespace(header=SimpleNamespace(frame_id=frame), twist=velocity)


def pose(x=0.0, y=0.0, z=0.0, frame=""):
    place = vector(AT + x, AT + y, AT + z)
    return SimpleNamespace(
        header=SimpleNamespace(frame_id=frame), pose=SimpleNamespace(position=place, orientation=LEVEL)
    )


SPEAKS = {"twist": ("delta_twist_cmds", twist), "pose": ("hand_pose", pose)}
TILTED = (0.9, 0.3, 0.1, math.sqrt(1 - 0.91))
FRAMES = {
    "base": Frame((0.0, 0.0, 1.0, 0.0)),
    "hand": Frame(turns_with_tool=True),
    "flange": Frame((0.0, 0.0, math.sin(0.4), math.cos(0.4)), turns_with_tool=True),
}


@pytest.mark.parametrize("name", SPEAKS)
def test_nobody_has_spoken_yet(name, reading):
    answer = made(name).answer(reading())
    assert (answer.engaged, answer.lost) == (False, False)


@pytest.mark.parametrize("name", SPEAKS)
@given(age_ns=st.integers(0, 4 * SILENT_NS))
def test_who_falls_silent_while_they_drive_is_lost(name, reading, age_ns):
    device, (topic, message) = made(name), SPEAKS[name]
    device.hear(topic, message(0.1), 0)
    answer = device.answer(reading(), age_ns)
    assert (answer.engaged, answer.lost) == (age_ns <= SILENT_NS, age_ns > SILENT_NS)


@pytest.mark.parametrize("name", SPEAKS)
@given(age_ns=st.integers(0, 4 * SILENT_NS))
def test_with_a_driver_that_speaks_only_while_it_drives_silence_lets_go(name, reading, age_ns):
    device, (topic, message) = made(name, silence_lets_go=True), SPEAKS[name]
    device.hear(topic, message(0.1), 0)
    answer = device.answer(reading(), age_ns)
    assert (answer.engaged, answer.lost) == (age_ns <= SILENT_NS, False)
    device.hear(topic, message(0.1), age_ns)
    assert device.answer(reading(), age_ns).engaged


def test_a_twist_that_comes_back_after_it_was_lost_drives_once_zeros_were_told(reading):
    device = made("twist")
    device.hear("delta_twist_cmds", twist(0.1), 0)
    for step, (velocity, engaged) in enumerate([(0.1, False), (0.0, False), (0.1, True)]):
        now_ns = 2 * SILENT_NS + step * STEP_NS
        device.hear("delta_twist_cmds", twist(velocity), now_ns)
        answer = device.answer(reading(), now_ns)
        assert (answer.engaged, answer.lost) == (engaged, not engaged)


@given(zeros=st.integers(1, 30))
def test_zeros_let_go_after_a_while_and_never_take_over(reading, zeros):
    device = made("twist")
    for step in range(10):
        device.hear("delta_twist_cmds", twist(), step * STEP_NS)
        assert not device.answer(reading(), step * STEP_NS).engaged
    for step in range(10, 11 + zeros):
        now_ns = step * STEP_NS
        device.hear("delta_twist_cmds", twist(0.1 if step == 10 else 0.0), now_ns)
        answer = device.answer(reading(), now_ns)
        assert (answer.engaged, answer.lost) == (now_ns < 10 * STEP_NS + 200_000_000, False)
        assert not answer.engaged or answer.action.tolist() == ([0.1, 0.0] if step == 10 else [0.0, 0.0])
    silence = device.answer(reading(), now_ns + 2 * SILENT_NS)  # a driver whose last word is zero may fall silent
    assert (silence.engaged, silence.lost) == (False, False)
    device.hear("delta_twist_cmds", twist(0.1), now_ns + 2 * SILENT_NS)
    assert device.answer(reading(), now_ns + 2 * SILENT_NS).engaged


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("axis", "xyz")
@pytest.mark.parametrize("name", SPEAKS)
def test_a_number_that_is_not_finite_counts_as_lost(name, axis, broken, reading):
    device, (topic, message) = made(name), SPEAKS[name]
    device.hear(topic, message(0.1), 0)
    assert device.answer(reading(), 0).engaged
    with pytest.raises(MessageError, match=f"{topic}: .*not finite.* counts as lost"):
        device.hear(topic, message(**{axis: broken}), 1)
    assert device.answer(reading(), 1).lost


@pytest.mark.parametrize("name", SPEAKS)
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_option_beyond_its_limits_is_named(name, value):
    with pytest.raises(ConfigError, match="timeout_s is "):
        made(name, timeout_s=value)


@given(*[st.floats(-0.2, 0.2)] * 2)
def test_a_twist_is_the_tools_velocity_in_the_base_frame(x, y):
    for frame in ("", PLANE.frame):
        device = made("twist", scale=0.5)
        device.hear("delta_twist_cmds", twist(x, y, frame=frame), 0)
        answer = device.answer(None, 0)
        assert answer.engaged == bool(0.5 * x or 0.5 * y)
        assert not answer.engaged or answer.action == pytest.approx([0.5 * x, 0.5 * y])


@given(
    x=st.floats(0.01, 0.1),
    y=st.floats(-0.1, 0.1),
    z=st.floats(-0.1, 0.1),
    quaternion=st.sampled_from([TILTED, (1.0, 0, 0, 0)]),
)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", SPEAKS)
def test_what_is_told_in_another_frame_is_turned(name, frame, x, y, z, quaternion, reading):
    device, at = (
        made(name, **({"gain_per_s": 10.0} if name == "pose" else {})),
        dataclasses.replace(reading(), tool_quaternion=np.array(quaternion)),
    )
    turned = rotated((x, y, z), FRAMES[frame].quaternion)
    expected = rotated(turned, quaternion) if FRAMES[frame].turns_with_tool else turned
    topic, message = SPEAKS[name]
    if name == "pose":
        x, y, z, expected = 0.1 * x, 0.1 * y, 0.1 * z, expected  # a gain of 10/s makes the velocity of it
        device.hear(topic, message(frame=frame), 0)
        device.answer(at, 0)
    device.hear(topic, message(x, y, z, frame=frame), 1)
    assert device.answer(at, 1).action == pytest.approx(expected[:2], abs=1e-9)


def test_a_twist_of_a_frame_that_nobody_knows_is_refused_with_those_that_are_known(reading):
    device = made("twist")
    device.hear("delta_twist_cmds", twist(0.1), 0)
    with pytest.raises(
        MessageError, match="frame_id 'camera' is not known; make the driver use base, flange, hand, pan"
    ):
        device.hear("delta_twist_cmds", twist(0.1, frame="camera"), 1)
    assert device.answer(reading(), 1).lost
    named = made("twist", frame="camera")
    named.hear("delta_twist_cmds", twist(0.1, frame="camera"), 1)
    assert named.answer(reading(), 1).action == pytest.approx([0.1, 0.0])


def test_a_hand_in_a_frame_that_nobody_knows_leads_nothing_and_is_told_of(reading):
    device = made("pose")
    for step in range(20):
        device.hear("hand_pose", pose(0.001 * step, frame="camera"), step * STEP_NS)
        assert not device.answer(reading(), step * STEP_NS).engaged
    assert "frame_id 'camera' is not known" in device.notes["hand"]
    device.hear("hand_pose", pose(frame="world"), 10**9)  # a tracker's own, which stands still
    assert device.answer(reading(), 10**9).engaged and not device.notes


def test_what_the_contract_cannot_do_is_told(reading):
    device = made("twist")
    device.hear("delta_twist_cmds", twist(0.1, z=0.1, turning=0.2), 0)
    assert device.answer(reading(), 0).action == pytest.approx([0.1, 0.0])
    (note,) = device.notes.values()
    assert "delta_twist_cmds has linear.z, angular.x, of which" in note


@given(hand=st.tuples(*[st.floats(-2.0, 2.0)] * 3), leads=st.tuples(*[st.floats(-0.01, 0.01)] * 2))
def test_wherever_the_hand_begins_the_arm_stands_still_and_then_goes_along(reading, hand, leads):
    device, (x, y, z) = made("pose"), hand
    device.hear("hand_pose", pose(x, y, z), 0)
    assert device.answer(reading(), 0).action == pytest.approx([0.0, 0.0], abs=1e-9)
    device.hear("hand_pose", pose(x + leads[0], y + leads[1], z), STEP_NS)
    assert device.answer(reading(), STEP_NS).action == pytest.approx(6.0 * np.array(leads), abs=1e-9)


def led(device, reading, way, steps, at=(0.3, 0.0), first=0):
    """Where the tool comes to if the hand goes by ``way`` in so many messages, and the answers."""
    place, answers = np.array(at), []
    for step in range(first, first + steps):
        share = min(1.0, (step - first) / max(1, steps - 20))
        device.hear("hand_pose", pose(*(share * np.array(way))), step * STEP_NS)
        answers.append(device.answer(reading(*place), step * STEP_NS))
        if answers[-1].action is not None:
            place = place + answers[-1].action * STEP_NS / 1e9
    return place, answers


def test_who_reaches_far_is_followed_no_faster_than_allowed(reading):
    _, answers = led(made("pose", speed_m_s=0.1), reading, (0.3, 0.4), 60)
    assert all(answer.engaged for answer in answers)
    assert max(np.linalg.norm(answer.action) for answer in answers) == pytest.approx(0.1)


@given(x=st.floats(-0.05, 0.05), y=st.floats(-0.05, 0.05))
def test_the_tool_arrives_where_the_hand_leads(reading, x, y):
    place, _ = led(made("pose"), reading, (x, y), 80)
    assert place == pytest.approx([0.3 + x, y], abs=5e-3)


def elsewhere(step):
    """Still for a while, then trembling in another place."""
    return (0.1, 1e-4 * (step % 2)) if step > 120 else (0.0, 0.0)


STRANGE = {
    "re-centred": lambda step: pose(0.4, 0.0) if step >= 50 else pose(),
    "lost sight": lambda step: vector_pose(0.0, 0.0, 0.0) if 50 <= step < 70 else pose(),
    "another frame": lambda step: pose(0.01, frame="world") if step >= 50 else pose(frame="local"),
    "flickers": lambda step: pose(0.3) if step >= 50 and step % 3 else pose(),
    "freezes and goes on elsewhere": lambda step: pose(1e-4 * (step % 2)) if step < 40 else pose(*elsewhere(step)),
}


def vector_pose(x, y, z):
    return pose(x - AT, y - AT, z - AT)


@pytest.mark.parametrize("what", STRANGE)
def test_no_tracker_sends_the_tool_where_no_hand_has_gone(what, reading):
    device, place, answers = made("pose"), np.array([0.3, 0.0]), []
    for step in range(200):
        device.hear("hand_pose", STRANGE[what](step), step * STEP_NS)
        answers.append(device.answer(reading(*place), step * STEP_NS))
        if answers[-1].action is not None:
            place = place + answers[-1].action * STEP_NS / 1e9
        assert answers[-1].engaged or answers[-1].lost
    assert place == pytest.approx([0.3, 0.0], abs=1e-3)
    assert any(answer.lost for answer in answers[50:])
    assert answers[-1].engaged == (what != "flickers")
    assert sum(answer.lost for answer in answers) >= SETTLE_S * 1e9 / STEP_NS
    assert what != "freezes and goes on elsewhere" or answers[round(42 + FROZEN_S * 1e9 / STEP_NS)].lost


@pytest.mark.parametrize("between", ["silence", "an episode's end"])
def test_after_a_pause_the_hand_may_be_elsewhere_and_the_arm_does_not_jump(reading, between):
    device = made("pose")
    device.hear("hand_pose", pose(), 0)
    assert device.answer(reading(), 0).engaged
    now_ns, elsewhere = 10 * SILENT_NS, pose(0.5, 0.5)
    if between == "silence":
        assert device.answer(reading(), now_ns).lost
    else:
        now_ns, elsewhere = 1, pose(0.01)
        device.reset(EpisodeStart("fork", 1, 0))
    device.hear("hand_pose", elsewhere, now_ns)
    assert device.answer(reading(0.5, 0.1), now_ns).action == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_pause_that_nobody_asked_about_is_a_pause_too(reading):
    device = made("pose")
    device.hear("hand_pose", pose(), 0)
    device.answer(reading(), 0)
    device.hear("hand_pose", pose(0.5), 10 * SILENT_NS)
    assert device.answer(reading(0.5), 10 * SILENT_NS).action == pytest.approx([0.0, 0.0], abs=1e-9)


TURNING = Contract.from_dict(
    "turning",
    {
        **PLANE.to_dict(),
        "action": {
            f"tool_{kind}{axis}": {"low": -1.0, "high": 1.0, "max_acceleration": 9.0, "rest": 0.0}
            for kind in "vw"
            for axis in "xyz"
        },
        "command": {"type": "std_msgs/msg/Float64MultiArray"},
    },
)


@given(axis=st.tuples(*[st.floats(-1.0, 1.0)] * 3), angle=st.floats(0.0, 3.0), frame=st.sampled_from(["", *FRAMES]))
def test_the_tool_turns_as_the_hand_has_turned_and_an_angular_velocity_is_one_of_its_frame(reading, axis, angle, frame):
    length = math.hypot(*axis)
    axis = np.array(axis) / length if length > 0.1 else np.array([0.0, 0.0, 1.0])
    device = load("pose", Setup(TURNING, options={"turn_rad_s": 100.0, "gain_per_s": 1.0}, frames=FRAMES))
    now = dataclasses.replace(reading(), tool_quaternion=np.array(TILTED))
    for step, turned in enumerate([0.0, angle]):
        told = pose(1e-6 * step, frame=frame)
        x, y, z = axis * math.sin(turned / 2)
        told.pose.orientation = SimpleNamespace(x=x, y=y, z=z, w=math.cos(turned / 2))
        device.hear("hand_pose", told, step * STEP_NS)
        action = device.answer(now, step * STEP_NS).action
    expected = FRAMES.get(frame, Frame()).in_base(angle * axis, TILTED)
    assert action[3:] == pytest.approx(expected, abs=1e-6)
    spun = load("twist", Setup(TURNING, frames=FRAMES))
    told = twist(0.1, frame=frame)
    told.twist.angular = vector(*(0.1 * axis))
    spun.hear("delta_twist_cmds", told, 0)
    assert spun.answer(now, 0).action[3:] == pytest.approx(FRAMES.get(frame, Frame()).in_base(0.1 * axis, TILTED))


def test_a_hand_whose_orientation_is_not_known_does_not_turn_the_tool(reading):
    device = load("pose", Setup(TURNING))
    for step in range(3):
        told = pose(1e-6 * step)
        told.pose.orientation = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=0.0)
        device.hear("hand_pose", told, step * STEP_NS)
        answer = device.answer(reading(), step * STEP_NS)
        assert answer.engaged and not answer.action[3:].any()
