# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Steering of scripted experts that handle things with a gripper.

Every phase is told by geometry, from what is measured now, and none by a timer: a missed grasp, a block that slipped or
was carried away is no special case, and what an expert says is right for any state that a policy has come to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from il_ros.core.frames import matrix, shortened
from il_ros.core.types import Array, RobotState, ToolCommand
from il_ros.sim.tasks.base import Body

GAIN_PER_S = 5.0
"""The share of what is left to go, or to turn, that is covered in a second."""
FASTEST_M_S, FASTEST_UP_M_S, FASTEST_DOWN_M_S = 0.22, 0.2, 0.15
"""Sideways, up and down."""
FASTEST_RAD_S = 1.2
ARM_M = 0.03
"""A thing that is turned by an angle counts as aside by so much per rad."""
SLOPE = 6.0
"""Of the funnel above a place: so much higher stays what is so far aside."""
HOVER_M = 0.1
"""The funnel goes up to this height."""
FREE_M = 0.02
"""What is farther than this below the funnel first rises."""
WIDEST_M = (0.08, 0.1)
"""Between the fingers of an open gripper, of one arm or another; as one closes, this shrinks about evenly."""
GENTLE_M_S, LIFTED_M = 0.05, 0.003
"""What stands on the table is lifted gently to this height, while the fingers close firmly."""
AT_M, AROUND_M = 0.005, 0.012
"""The tool is where it may close; the block is where fingers that are closed on something hold it."""
ABOVE_HOLE_M = 0.006
"""What belongs in a hole waits so high above it until it is in line."""
CLEAR_M, CLOSE_M = 0.002, 0.02
"""What is so high above a hole's rim, and no farther aside, may move sideways as it likes: nothing is in its way."""
ENTERED_M, NEARING_M, ENTERING_M_S = 0.008, 0.02, 0.03
"""Until a thing is so deep in a hole, on the last of the way, it is let down slowly: one that is not in line is not to
be pressed onto the rim, where it would tilt between the fingers."""
LEAVE_M = 0.11
"""The tool goes so high above the centre of what it has let go."""


@dataclass(frozen=True)
class Place:
    """Where a thing belongs."""

    foot: Array
    """(3,) m, of the middle of its underside."""
    yaw: float | None = None
    """rad, how it is to be turned, or by a quarter of a turn from that; None: anyhow."""
    near_m: float = 0.008
    """It is there if it is no farther aside."""
    fine_m: float = 0.004
    """It is let down once it is no farther aside."""
    deep_m: float = 0.0
    """How deep in a hole it then is; above it, it waits until it is in line."""


class Hand:
    """Where a reading has the gripper."""

    def __init__(self, reading: RobotState) -> None:
        self.position, self.grip = reading.tool_position, reading.grip
        across = matrix(reading.tool_quaternion)[:, 1]
        self.axis = math.atan2(across[1], across[0])
        """rad, the direction in which the fingers open: that of the tool's y axis, or the opposite one."""


class Handling:
    """Steering that takes the first object of a reading to its place and lets it go there.

    Args:
        block: what is handled.
        place: tells where it belongs in a reading.
        axis: of the block, along which the fingers close: ``x``, ``y``; None for the nearest.
        above_m: how far above its centre it is grasped.
    """

    def __init__(
        self, block: Body, place: Callable[[RobotState], Place], axis: str | None, above_m: float = 0.0
    ) -> None:
        self._place, self._above_m, self._half_m = place, above_m, block.size[2] / 2
        self._angle, self._period = (math.pi / 2 if axis == "y" else 0.0), (math.pi if axis else math.pi / 2)
        self._touching, self._closed = (1.0 - block.size[0] / widest_m for widest_m in WIDEST_M)

    def __call__(self, reading: RobotState) -> ToolCommand:
        """Return the command that is right for a reading."""
        hand, pose, place = Hand(reading), reading.object_poses[0], self._place(reading)
        foot = foot_of(pose, self._half_m)
        is_there = math.dist(foot[:2], place.foot[:2]) < place.near_m and abs(foot[2] - place.foot[2]) < 0.002
        if is_there:
            return self._leave(hand, pose)
        to_grasp = pose[:3] + (0.0, 0.0, self._above_m) - hand.position
        if self._holds(hand, to_grasp):
            return self._carry(foot, yaw_of(pose[3:]), place)
        return self._fetch(hand, to_grasp, yaw_of(pose[3:]))

    def _holds(self, hand: Hand, to_grasp: Array) -> bool:
        closed_on_it = self._touching - 0.03 < hand.grip < self._closed + 0.1
        slid_m = AROUND_M + self._above_m / 2  # what is long may slide in the fingers, and is held none the less
        return closed_on_it and bool(np.hypot(*to_grasp[:2]) < AROUND_M and abs(to_grasp[2]) < slid_m)

    def _leave(self, hand: Hand, pose: Array) -> ToolCommand:
        """Open the fingers; then go up, and stay there."""
        up = GAIN_PER_S * (pose[2] + LEAVE_M - hand.position[2]) if self._is_open(hand) else 0.0
        return ToolCommand(np.array([0.0, 0.0, np.clip(up, 0.0, FASTEST_UP_M_S)]), grip=0.0)

    def _is_open(self, hand: Hand) -> bool:
        return hand.grip < self._touching - 0.2

    def _carry(self, foot: Array, yaw: float, place: Place) -> ToolCommand:
        turn = 0.0 if place.yaw is None else nearest_turn(place.yaw - yaw, math.pi / 2)
        is_inside = foot[2] < place.foot[2] + place.deep_m - 0.0005
        below = np.array([0.0, 0.0, 0.001])  # so that it comes to stand, and does not hover
        wait_m = place.deep_m + ABOVE_HOLE_M if place.deep_m and not is_inside else 0.0
        fine_m = place.near_m if is_inside else place.fine_m
        clear_m = place.deep_m + CLEAR_M if place.deep_m else math.inf
        velocity = come_down(place.foot - below - foot, turn, fine_m, wait_m, clear_m)
        if foot[2] < LIFTED_M:
            velocity[2] = min(velocity[2], GENTLE_M_S)
        if place.deep_m and 0.0 < foot[2] - place.foot[2] - place.deep_m + ENTERED_M < NEARING_M:
            velocity[2] = max(velocity[2], -ENTERING_M_S)
        return ToolCommand(velocity, turning(turn), grip=1.0)

    def _fetch(self, hand: Hand, to_grasp: Array, yaw: float) -> ToolCommand:
        turn = nearest_turn(yaw + self._angle - hand.axis, self._period)
        aside = float(np.hypot(*to_grasp[:2])) + ARM_M * abs(turn)
        closes = aside < AT_M and abs(to_grasp[2]) < AT_M and hand.grip < self._closed + 0.1
        wait_m = 0.0 if self._is_open(hand) or closes else HOVER_M
        return ToolCommand(come_down(to_grasp, turn, AT_M / 2, wait_m), turning(turn), grip=float(closes))


def come_down(way: Array, turn: float, fine_m: float, wait_m: float = 0.0, clear_m: float = math.inf) -> Array:
    """Return (3,) m/s with which a thing comes down on a place as through a funnel.

    Args:
        way: (3,) m, from the thing to the place.
        turn: rad, what it has to turn yet.
        fine_m: m, how far aside it may be for the last of the way.
        wait_m: m, the height above the place at which it waits until it is no farther aside; at ``HOVER_M`` it stays.
        clear_m: m, the height above the place from which on, close to it, nothing is in its way.
    """
    aside = float(np.hypot(*way[:2])) + ARM_M * abs(turn)
    height = min(HOVER_M, wait_m + SLOPE * (aside - fine_m)) if aside > fine_m or wait_m >= HOVER_M else 0.0
    rise = float(way[2]) + height
    is_clear = -float(way[2]) > clear_m and aside < CLOSE_M
    free = 1.0 if is_clear else np.clip(1.0 - rise / FREE_M, 0.0, 1.0)
    sideways = shortened(GAIN_PER_S * way[:2], FASTEST_M_S) * free
    return np.append(sideways, np.clip(GAIN_PER_S * rise, -FASTEST_DOWN_M_S, FASTEST_UP_M_S))


def turning(turn: float) -> Array:
    """Return (3,) rad/s about the axes of the base frame, with which a thing turns by ``turn``, rad."""
    return np.array([0.0, 0.0, np.clip(GAIN_PER_S * turn, -FASTEST_RAD_S, FASTEST_RAD_S)])


def nearest_turn(angle: float, period: float) -> float:
    """Return the angle, rad, nearest to 0 that is the same but for whole periods."""
    return (angle + period / 2) % period - period / 2


def yaw_of(quaternion: Array) -> float:
    """Return the angle, rad, about the vertical of an orientation's x axis."""
    x_axis = matrix(quaternion)[:, 0]
    return math.atan2(x_axis[1], x_axis[0])


def foot_of(pose: Array, half_m: float) -> Array:
    """Return (3,) m, the middle of the underside of a thing at ``pose`` (7,) that is twice ``half_m`` high."""
    foot: Array = pose[:3] - half_m * matrix(pose[3:])[:, 2]
    return foot
