# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gamepad drives only while its button is held and it is heard."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import EpisodeStart
from il_ros.teleop import Setup, load
from il_ros.teleop.devices.joy import LAYOUTS, PadLayout

PLANE = Contract.load("panda_plane")
LAYOUT = PadLayout()
SPACE = Contract.from_dict("space", {**PLANE.to_dict(), "action": {
    f"tool_v{axis}": {**PLANE.to_dict()["action"]["tool_vx"], "field": f"twist.linear.{axis}"} for axis in "xyz"
}})  # fmt: skip
"""The height is commanded, too."""
TIMEOUT_NS = round(LAYOUT.timeout_s * 1e9)


def joy(**options):
    """A pad whose button has been seen up."""
    pad = load("joy", Setup(PLANE, options=options))
    pad.hear("joy", SimpleNamespace(axes=[0.0] * 8, buttons=[0] * 11), 0)
    return pad


def state(forward=0.0, left=0.0, enable=True, turbo=False, axes=8, buttons=11):
    """What an Xbox pad says: axis 1 is the left stick forward, axis 0 the left stick to the left."""
    message = SimpleNamespace(axes=[0.0] * axes, buttons=[0] * buttons)
    message.axes[0:2] = [left, forward]
    message.buttons[LAYOUT.enable_button : LAYOUT.enable_button + 2] = [int(enable), int(turbo)]
    return message


def answered(pad, message, reading, now_ns=0):
    pad.hear("joy", message, 0)
    return pad.answer(reading, now_ns)


sticks = st.floats(-1, 1)


def beyond_the_deadzone(value):
    return value if abs(value) >= LAYOUT.deadzone else 0.0


@given(sticks, sticks, st.booleans())
def test_forward_is_plus_x_left_is_plus_y_and_the_turbo_is_faster(forward, left, turbo):
    answer = answered(joy(), state(forward, left, turbo=turbo), None)
    scale = LAYOUT.scale_turbo_m_s if turbo else LAYOUT.scale_m_s
    assert answer.engaged and answer.author == "joy"
    assert answer.action == pytest.approx([scale * beyond_the_deadzone(forward), scale * beyond_the_deadzone(left)])
    assert (np.abs(answer.action) <= PLANE.high).all()


@given(sticks, sticks)
def test_the_sticks_do_nothing_while_the_button_is_up(forward, left):
    answer = answered(joy(), state(forward, left, enable=False), None)
    assert (answer.action, answer.engaged) == (None, False)


def test_a_held_button_with_centred_sticks_keeps_control_and_stands_still():
    answer = answered(joy(), state(), None)
    assert answer.engaged and answer.action.tolist() == [0.0, 0.0]


def test_nobody_has_touched_it_yet():
    assert not load("joy", Setup(PLANE)).answer(None, 0).engaged


def test_a_button_that_is_stuck_from_the_beginning_drives_only_after_it_was_let_go():
    pad = load("joy", Setup(PLANE))
    assert not any(answered(pad, state(1.0), None).engaged for _ in range(3))
    assert not answered(pad, state(1.0, enable=False), None).engaged
    assert answered(pad, state(1.0), None).engaged


def test_letting_go_gives_back_at_once():
    pad = joy()
    assert answered(pad, state(1.0), None).engaged
    assert not answered(pad, state(1.0, enable=False), None).engaged


@given(st.integers(0, 4 * TIMEOUT_NS))
def test_a_pad_that_has_been_silent_for_longer_than_its_timeout_is_lost(age_ns):
    answer = answered(joy(), state(1.0), None, age_ns)
    assert (answer.engaged, answer.lost) == (age_ns <= TIMEOUT_NS, age_ns > TIMEOUT_NS)


def test_a_pad_that_speaks_again_is_lost_until_its_button_was_let_go_and_is_held_again():
    pad = joy()
    assert answered(pad, state(1.0), None, 2 * TIMEOUT_NS).lost
    for enable, engaged, lost in (
        (True, False, True),
        (False, False, True),
        (True, True, False),
        (False, False, False),
    ):
        pad.hear("joy", state(0.5, enable=enable), 3 * TIMEOUT_NS)
        answer = pad.answer(None, 3 * TIMEOUT_NS)
        assert (answer.engaged, answer.lost) == (engaged, lost)
        assert not engaged or answer.action == pytest.approx([0.5 * LAYOUT.scale_m_s, 0.0])


def test_a_pad_that_falls_silent_with_its_button_up_was_let_go_and_is_not_lost():
    pad = joy()
    assert answered(pad, state(1.0), None).engaged
    answer = answered(pad, state(1.0, enable=False), None, 2 * TIMEOUT_NS)
    assert (answer.engaged, answer.lost) == (False, False)


def test_a_button_that_goes_down_during_a_silence_must_be_let_go_first():
    pad = joy()
    pad.hear("joy", state(1.0), 2 * TIMEOUT_NS)
    assert not pad.answer(None, 2 * TIMEOUT_NS).engaged


def test_messages_that_were_held_up_end_the_driving():
    pad = joy()
    assert answered(pad, state(1.0), None).engaged
    pad.interrupt()
    pad.hear("joy", state(1.0), 0)
    answer = pad.answer(None, 0)
    assert (answer.engaged, answer.lost) == (False, True)


@pytest.mark.parametrize("axis", [0, 1, 4])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_an_axis_that_is_not_finite_counts_as_lost(axis, value):
    pad = joy()
    pad.hear("joy", state(1.0), 0)
    broken = state(1.0)
    broken.axes[axis] = value
    with pytest.raises(MessageError, match=r"not finite, or beyond 1\.5; the pad is lost"):
        pad.hear("joy", broken, 1)
    assert pad.answer(None, 1).lost
    pad.hear("joy", state(1.0), 2)
    assert pad.answer(None, 2).lost
    pad.hear("joy", state(1.0, enable=False), 3)
    pad.hear("joy", state(1.0), 4)
    assert pad.answer(None, 4).engaged


def test_an_axis_that_nobody_uses_may_be_anything():
    message = state(1.0)
    message.axes[2] = math.nan
    assert answered(joy(), message, None).engaged


@pytest.mark.parametrize(("axes", "buttons"), [(1, 11), (0, 0), (8, 4)])
def test_a_pad_with_too_little_is_refused_with_what_it_has_and_what_is_needed(axes, buttons):
    message = SimpleNamespace(axes=[0.0] * axes, buttons=[1] * buttons)
    with pytest.raises(MessageError, match=f"joy has {axes} axes and {buttons} buttons; .* needs axis 1 and button 4"):
        joy().hear("joy", message, 0)


def test_each_axis_has_a_scale_of_its_own_and_may_go_the_other_way():
    answer = answered(joy(scale_x=0.5, scale_y=-1.0), state(1.0, 0.5), None)
    assert answer.action == pytest.approx([0.5 * LAYOUT.scale_m_s, -0.5 * LAYOUT.scale_m_s])


def test_a_small_pad_without_turbo_and_third_axis_drives_in_the_plane():
    message = SimpleNamespace(axes=[0.5, 1.0], buttons=[0, 0, 0, 0, 1])
    assert answered(joy(), message, None).action == pytest.approx([0.12, 0.06])


def test_another_layout_is_a_matter_of_options():
    pad = joy(enable_button=0, axis_x=3, axis_y=0, scale_m_s=0.2)
    message = SimpleNamespace(axes=[-1.0, 0.0, 0.0, 0.5], buttons=[1])
    assert answered(pad, message, None).action == pytest.approx([0.1, -0.2])


PADS = {  # axes of the left stick, axis of the right one, button to enable, numbers of axes and buttons
    "xbox": (4, 4, 8, 11),
    "xbox_bluetooth": (3, 6, 8, 15),
    "ps4": (4, 4, 8, 13),
    "ps5": (4, 4, 8, 13),
    "game_controller_node": (3, 9, 6, 21),
}


def test_every_layout_is_tested():
    assert set(PADS) == set(LAYOUTS)


@pytest.mark.parametrize("layout", PADS)
def test_a_layout_by_name_knows_where_sticks_and_buttons_are(layout):
    up, enable, axes, buttons = PADS[layout]
    pad = load("joy", Setup(SPACE, options={"layout": layout}))

    def told(deflection, down):
        message = SimpleNamespace(axes=[0.0] * axes, buttons=[0] * buttons)
        message.axes[0], message.axes[1], message.axes[up] = deflection
        message.buttons[enable] = int(down)
        pad.hear("joy", message, 0)
        return pad.answer(None, 0)

    assert not told((0.0, 0.0, 0.0), False).engaged
    assert told((0.5, 1.0, -0.5), True).action == pytest.approx([0.12, 0.06, -0.06])
    assert pad.notes == {}


def test_a_layout_that_nobody_knows_is_refused_and_one_may_be_changed():
    with pytest.raises(ConfigError, match="layout 'xbux' is not known; choose from .*did you mean 'xbox'"):
        joy(layout="xbux")
    expected = PadLayout("game_controller_node", 9, 10, axis_z=2, axis_yaw=2, gripper_at_rest=0, gripper_squeezed=1)
    assert joy(layout="game_controller_node", axis_z=2).mapping == expected


def test_a_pad_that_looks_like_one_of_another_layout_is_told_of():
    pad = joy()
    pad.hear("joy", state(axes=6, buttons=21), 0)
    assert "as a pad of layout game_controller_node has; the device's option 'layout' is xbox" in pad.notes["layout"]
    pad.hear("joy", state(), 0)
    assert pad.notes == {}


TRIGGERS = {
    "rests at its end": [1.0] * 20,
    "tells 0 before it is touched": [0.0] * 8 + [1.0] * 12,
    "is pressed and let go": [1.0, 0.98, 0.6, 0.05, -0.4, -1.0, -1.0, -0.5, 0.03, 0.5, 1.0, 1.0, 1.0],
    "is touched, pressed and let go": [0.0] * 6 + [0.97, 0.5, 0.0, -0.5, -1.0, -0.3, 0.4, 1.0, 1.0, 1.0, 1.0],
}


@pytest.mark.parametrize("number", [2, 4, 5])
@pytest.mark.parametrize("kind", TRIGGERS)
def test_a_trigger_where_a_stick_should_be_lifts_nothing_and_is_told_of(kind, number):
    pad, notes = load("joy", Setup(SPACE, options={"axis_z": number})), set()
    for step, value in enumerate(TRIGGERS[kind]):
        message = state(enable=step > 2)
        message.axes[number] = value
        pad.hear("joy", message, step * 50_000_000)
        answer = pad.answer(None, step * 50_000_000)
        at_rest = value in (0.0, 1.0)  # while it is pressed it may be taken for a stick
        assert answer.action is None or not at_rest or answer.action[2] == 0.0
        notes |= set(pad.notes.values())
    assert any(f"joy axis {number} (at 1.00) has not been seen at rest near 0" in note for note in notes)


@pytest.mark.parametrize("number", [0, 1, 3, 4, 6])
def test_a_stick_drives_once_it_was_seen_near_rest(number):
    pad = load("joy", Setup(SPACE, options={"axis_z": number, "axis_x": 7, "axis_y": 7}))
    for step, (value, driven) in enumerate([(0.8, 0.0), (0.0, 0.0), *[(0.0, 0.0)] * 5, (0.5, 0.5), (-1.0, -1.0)]):
        message = state(enable=step > 0)
        message.axes[number] = value
        pad.hear("joy", message, step * 50_000_000)
        answer = pad.answer(None, step * 50_000_000)
        assert step == 0 or answer.action[2] == pytest.approx(LAYOUT.scale_m_s * driven)


def test_a_stick_that_is_held_at_its_end_when_the_button_is_pressed_drives_nothing_until_it_was_let_go():
    pad = joy()
    pad.hear("joy", state(1.0, enable=False), 0)
    assert answered(pad, state(1.0), None).action == pytest.approx([0.0, 0.0])
    assert "joy axis 1 (at 1.00)" in pad.notes["axis"]
    assert answered(pad, state(0.0), None).action == pytest.approx([0.0, 0.0])
    assert answered(pad, state(1.0), None).action == pytest.approx([LAYOUT.scale_m_s, 0.0])
    assert pad.notes == {}


def test_a_button_that_is_held_stays_held_from_one_episode_to_the_next():
    pad = joy()
    pad.hear("joy", state(1.0), 0)
    pad.reset(EpisodeStart("fork", 1, 0))
    assert pad.answer(None, 0).engaged


@pytest.mark.parametrize("options", [{"axis_x": 1.5}, {"enable_button": "A"}, {"scale_m_s": "fast"}])
def test_an_option_of_the_wrong_type_is_named(options):
    (key,) = options
    with pytest.raises(ConfigError, match=f"device 'joy': {key} is .*must be a"):
        joy(**options)


@pytest.mark.parametrize(
    "options",
    [{"axis_x": -1}, {"enable_button": -3}, {"timeout_s": math.nan}, {"timeout_s": -1.0}, {"scale_m_s": math.nan}],
)
def test_an_option_beyond_its_limits_is_named(options):
    (key,) = options
    with pytest.raises(ConfigError, match=f"{key} is "):
        joy(**options)
