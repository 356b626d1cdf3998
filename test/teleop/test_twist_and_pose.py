# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Drivers that speak in twists and in poses: who speaks drives, silence lets go, and nothing makes the arm jump."""

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

PLANE = Contract.load("panda_plane")
SILENT_NS = 200_000_000
BROKEN = [math.nan, math.inf, -math.inf]


def made(name, **options):
    return load(name, Setup(PLANE, options=options))


def twist(x=0.0, y=0.0, z=0.0):
    return SimpleNamespace(twist=SimpleNamespace(linear=SimpleNamespace(x=x, y=y, z=z)))


def pose(x=0.0, y=0.0, z=0.0):
    return SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=x, y=y, z=z)))


SPEAKS = {"twist": ("delta_twist_cmds", twist), "pose": ("hand_pose", pose)}


@pytest.mark.parametrize("name", SPEAKS)
def test_nobody_has_spoken_yet(name, reading):
    assert not made(name).answer(reading()).engaged


@pytest.mark.parametrize("name", SPEAKS)
@given(age_ns=st.integers(0, 4 * SILENT_NS))
def test_silence_lets_go_and_the_next_word_drives_again(name, reading, age_ns):
    device, (topic, message) = made(name), SPEAKS[name]
    device.hear(topic, message(0.1), 0)
    assert device.answer(reading(), age_ns).engaged == (age_ns <= SILENT_NS)
    device.hear(topic, message(0.1), age_ns)
    assert device.answer(reading(), age_ns).engaged


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("axis", "xyz")
@pytest.mark.parametrize("name", SPEAKS)
def test_a_number_that_is_not_finite_counts_as_let_go(name, axis, broken, reading):
    device, (topic, message) = made(name), SPEAKS[name]
    device.hear(topic, message(0.1), 0)
    with pytest.raises(MessageError, match=f"{topic}: .*not finite; .* counts as let go"):
        device.hear(topic, message(**{axis: broken}), 1)
    assert not device.answer(reading(), 1).engaged
    device.hear(topic, message(0.1), 2)
    assert device.answer(reading(), 2).engaged


@pytest.mark.parametrize("name", SPEAKS)
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_option_beyond_its_limits_is_named(name, value):
    with pytest.raises(ConfigError, match="timeout_s is "):
        made(name, timeout_s=value)


@given(*[st.floats(-0.2, 0.2)] * 2)
def test_a_twist_is_the_tools_velocity_in_the_base_frame(x, y):
    device = made("twist", scale=0.5)
    device.hear("delta_twist_cmds", twist(x, y), 0)
    assert device.answer(None, 0).action == pytest.approx([0.5 * x, 0.5 * y])


@given(hand=st.tuples(*[st.floats(-2.0, 2.0)] * 3), leads=st.tuples(*[st.floats(-0.02, 0.02)] * 2))
def test_wherever_the_hand_begins_the_arm_stands_still_and_then_goes_along(reading, hand, leads):
    device, (x, y, z) = made("pose"), hand
    device.hear("hand_pose", pose(x, y, z), 0)
    assert device.answer(reading(), 0).action == pytest.approx([0.0, 0.0], abs=1e-9)
    device.hear("hand_pose", pose(x + leads[0], y + leads[1], z), 1)
    assert device.answer(reading(), 1).action == pytest.approx(6.0 * np.array(leads), abs=1e-9)


def test_who_reaches_far_is_followed_no_faster_than_allowed(reading):
    device = made("pose", speed_m_s=0.1)
    device.hear("hand_pose", pose(), 0)
    device.answer(reading(), 0)
    device.hear("hand_pose", pose(3.0, 4.0), 1)
    assert device.answer(reading(), 1).action == pytest.approx([0.06, 0.08])


def test_the_tool_arrives_where_the_hand_leads(reading):
    device, place, target = made("pose"), np.array([0.3, 0.0]), np.array([0.36, -0.04])
    for step in range(60):
        now_ns = step * PLANE.step_ns
        device.hear("hand_pose", pose(*(5.0, 5.0) if step == 0 else 5.0 + target - [0.3, 0.0]), now_ns)
        place = place + device.answer(reading(*place), now_ns).action * PLANE.step_ns / 1e9
    assert place == pytest.approx(target, abs=1e-3)


@pytest.mark.parametrize("between", ["silence", "an episode's end"])
def test_after_a_pause_the_hand_may_be_elsewhere_and_the_arm_does_not_jump(reading, between):
    device = made("pose")
    device.hear("hand_pose", pose(), 0)
    assert device.answer(reading(), 0).engaged
    now_ns = 10 * SILENT_NS
    if between == "silence":
        assert not device.answer(reading(), now_ns).engaged
    else:
        now_ns = 1
        device.reset(EpisodeStart("fork", 1, 0))
    device.hear("hand_pose", pose(0.5, 0.5), now_ns)
    assert device.answer(reading(0.5, 0.1), now_ns).action == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_pause_that_nobody_asked_about_is_a_pause_too(reading):
    device = made("pose")
    device.hear("hand_pose", pose(), 0)
    device.answer(reading(), 0)
    device.hear("hand_pose", pose(0.5), 10 * SILENT_NS)
    assert device.answer(reading(0.5), 10 * SILENT_NS).action == pytest.approx([0.0, 0.0], abs=1e-9)
