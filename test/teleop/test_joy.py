# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A gamepad drives only while its button is held and it is heard."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.errors import ConfigError, MessageError
from il_ros.signals import EpisodeStart
from il_ros.specs import Contract
from il_ros.teleop import Setup, load
from il_ros.teleop.joy import PadLayout

PLANE = Contract.load("panda_plane")
LAYOUT = PadLayout()
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


@given(sticks, sticks, st.booleans())
def test_forward_is_plus_x_left_is_plus_y_and_the_turbo_is_faster(forward, left, turbo):
    answer = answered(joy(), state(forward, left, turbo=turbo), None)
    scale = LAYOUT.scale_turbo_m_s if turbo else LAYOUT.scale_m_s
    assert answer.engaged and answer.author == "joy"
    assert answer.action == pytest.approx([scale * forward, scale * left])
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
def test_a_pad_that_has_been_silent_for_longer_than_its_timeout_counts_as_let_go(age_ns):
    assert answered(joy(), state(1.0), None, age_ns).engaged == (age_ns <= TIMEOUT_NS)


def test_a_pad_that_speaks_again_drives_again():
    pad = joy()
    assert not answered(pad, state(1.0), None, 2 * TIMEOUT_NS).engaged
    pad.hear("joy", state(0.5), 3 * TIMEOUT_NS)
    assert pad.answer(None, 3 * TIMEOUT_NS).action == pytest.approx([0.5 * LAYOUT.scale_m_s, 0.0])


@pytest.mark.parametrize("axis", [0, 1, 4])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_axis_that_is_not_finite_counts_as_let_go(axis, value):
    pad = joy()
    pad.hear("joy", state(1.0), 0)
    broken = state(1.0)
    broken.axes[axis] = value
    with pytest.raises(MessageError, match="not finite; the pad counts as let go"):
        pad.hear("joy", broken, 1)
    assert not pad.answer(None, 1).engaged
    pad.hear("joy", state(1.0), 2)
    assert pad.answer(None, 2).engaged


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
    pad = joy(enable_button=0, axis_x=3, axis_y=2, scale_m_s=0.2)
    message = SimpleNamespace(axes=[0.0, 0.0, -1.0, 0.5], buttons=[1])
    assert answered(pad, message, None).action == pytest.approx([0.1, -0.2])


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
