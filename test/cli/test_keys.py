# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Keys of a terminal are pulses: none makes the arm go on for ever."""

from __future__ import annotations

import math
import os
import pty
import select
import subprocess
import sys
import termios
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.cli.keys import GRIP_AFTER_S, GRIP_S, GRIPPER, REPEAT_S, WAYS, Pulses
from il_ros.core.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "velocity"),
    [
        ("w", (0.1, 0, 0, 0)),
        ("s", (-0.1, 0, 0, 0)),
        ("a", (0, 0.1, 0, 0)),
        ("D", (0, -0.1, 0, 0)),
        ("r", (0, 0, 0.1, 0)),
        ("q", (0, 0, 0, 0.6)),
        ("E", (0, 0, 0, -0.6)),
    ],
)
def test_a_key_is_a_velocity_for_as_long_as_its_pulse(key, velocity):
    pulses = Pulses(0.1, 0.3)
    assert pulses.velocity(5.0) is None
    pulses.press(key, 5.0)
    assert pulses.velocity(5.0) == pulses.velocity(5.29) == pytest.approx(velocity)
    assert pulses.velocity(5.3) is None


@given(st.lists(st.tuples(st.floats(0, 10), st.text(max_size=1)), max_size=40), st.floats(0, 20))
def test_whatever_was_typed_the_arm_is_nobodys_soon_after(typed, now):
    pulses, last = Pulses(0.1, 0.3), -1.0
    for at, key in sorted(typed):
        pulses.press(key, at)
        pulse = {**dict.fromkeys(WAYS, 0.3), GRIPPER: GRIP_S}.get(key.lower(), 0.0)
        last = max(last, at + pulse)
    if now >= last:
        assert pulses.velocity(now) is None


def test_keys_of_two_axes_go_together_and_the_later_of_one_axis_counts():
    pulses = Pulses(0.2, 0.3)
    for key, at in (("w", 0.0), ("a", 0.1), ("d", 0.2)):
        pulses.press(key, at)
    assert pulses.velocity(0.25) == pytest.approx((0.2, -0.2, 0.0, 0.0))
    assert pulses.velocity(0.35) == pytest.approx((0.0, -0.2, 0.0, 0.0))


def test_space_stops_at_once():
    pulses = Pulses(0.2, 0.3)
    pulses.press("w", 0.0)
    pulses.press(" ", 0.1)
    assert pulses.velocity(0.1) is None


def commanded(pulses, keys, until):
    """How far the gripper was to close, each time that it was commanded, and when; keys come at their times."""
    grips = []
    for step in range(round(until * 40)):
        for at in keys:
            if step == round(at * 40):
                pulses.press(GRIPPER, step / 40)
        share = pulses.grip(step / 40)
        if share is not None:
            velocity = pulses.velocity(step / 40)
            assert velocity is not None and 0.0 < math.hypot(*velocity) < 1e-5, "it drives and stands still"
            grips.append((step / 40, share))
    return grips


@given(st.lists(st.floats(REPEAT_S + 0.05, 3.0), min_size=1, max_size=6))
def test_each_press_of_the_grippers_key_closes_or_opens_it_in_turn_while_the_arm_is_driven(gaps):
    times = [sum(gaps[:n]) for n in range(1, len(gaps) + 1)]
    grips = commanded(Pulses(0.1, 0.3), times, times[-1] + 2.0)
    assert [share for _, share in grips] == [float(n % 2 == 0) for n in range(len(times))]
    assert [at for at, _ in grips] == pytest.approx([at + GRIP_AFTER_S for at in times], abs=0.05)


def test_a_grippers_key_that_is_held_counts_once():
    held = [0.0, *(0.5 + n / 30 for n in range(60))]
    assert [share for _, share in commanded(Pulses(0.1, 0.3), held, 5.0)] == [1.0]


@pytest.mark.parametrize("values", [(0.0, 0.3), (0.1, -1.0), (float("nan"), 0.3), (0.1, float("inf")), (0.1, 0.3, 0.0)])
def test_values_that_cannot_be_are_refused(values):
    with pytest.raises(ConfigError, match="must be a positive number"):
        Pulses(*values)


def test_without_a_terminal_it_says_so(il_ros):
    said = il_ros("keys")
    assert said.code == 2 and "standard input is no terminal; run it in one" in said.err


@pytest.mark.slow
@pytest.mark.graph
def test_what_is_typed_is_spoken_and_the_terminal_is_left_as_it_was():
    import rclpy
    from geometry_msgs.msg import TwistStamped
    from std_msgs.msg import Float64

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen([sys.executable, "-m", "il_ros.cli", "keys"], stdin=theirs, stdout=theirs, stderr=theirs)
    rclpy.init()
    heard: list[tuple[float, float]] = []
    grips: list[float] = []
    try:
        node = rclpy.create_node("listener")
        node.create_subscription(
            TwistStamped, "delta_twist_cmds", lambda m: heard.append((m.twist.linear.x, m.twist.linear.y)), 10
        )
        node.create_subscription(Float64, "hand_gripper", lambda m: grips.append(m.data), 10)
        limit = time.monotonic() + 30
        while node.count_publishers("delta_twist_cmds") == 0 or not select.select([ours], [], [], 0)[0]:
            rclpy.spin_once(node, timeout_sec=0.05)
            assert time.monotonic() < limit and process.poll() is None
        while not heard or heard[-1] != (0.0, 0.0):
            os.write(ours, b"wa" if not heard else b"")
            rclpy.spin_once(node, timeout_sec=0.1)
            assert time.monotonic() < limit
        moved = len(heard)
        os.write(ours, b"c")
        while not grips or heard[-1] != (0.0, 0.0):
            rclpy.spin_once(node, timeout_sec=0.1)
            assert time.monotonic() < limit
        os.write(ours, b"x")
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        rclpy.shutdown()
    assert (0.1, 0.1) in heard and heard.index((0.0, 0.0)) == moved - 1
    assert set(heard[: moved - 1]) <= {(0.1, 0.0), (0.0, 0.1), (0.1, 0.1)}
    assert grips == [1.0] and set(heard[moved:]) <= {(1e-6, 0.0), (0.0, 0.0)}
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
