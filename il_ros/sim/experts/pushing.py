# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Steering of scripted experts that push a block to a pose on the table: round it, behind one of its sides, forward."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from il_ros.core.frames import shortened
from il_ros.core.types import Array, RobotState, ToolCommand
from il_ros.sim.experts.manipulation import (
    FASTEST_M_S,
    FASTEST_UP_M_S,
    GAIN_PER_S,
    Hand,
    nearest_turn,
    turning,
    yaw_of,
)
from il_ros.sim.tasks.base import Body

PUSH_M_S = 0.1
CLEAR_M = 0.075
"""The tool's centre keeps this distance from the block, and stops as far behind it."""
ROUND_M = 0.02
"""It rounds the corners of its way by so much."""
IN_LINE_M, IN_LINE_RAD = 0.012, 0.15
"""A tool that is so well in line with the middle of a side pushes it."""
NEAR_M, NEAR_RAD = 0.008, 0.09
"""The block is left alone once it is so near to its goal."""
TURN_M = 0.03
"""Over about this way, a push brings the block into line with its goal."""
MOST_TURN = 10.0
"""rad/m, the most by which a pushed block is turned on its way."""
LEAVE_M = 0.1
"""The tool withdraws to this distance from the middle of the block."""


@dataclass(frozen=True)
class BlockSide:
    """One side of the block, and what pushing it would do."""

    heading: float
    """rad, where the block moves."""
    depth: float
    """m, from the middle of the block to this side."""
    width: float
    """m, half of it."""
    ahead: float
    """m, from the middle of the block to that of its goal, along the heading."""

    def frame(self, vector: Array) -> Array:
        """Return a vector (2,) along the heading and to the left of it."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.array([c * vector[0] + s * vector[1], c * vector[1] - s * vector[0]])

    def in_base(self, vector: Array) -> Array:
        """Return a vector (2,) of this frame in the base frame."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1]])


class Pushing:
    """Steering that pushes the first object of a reading to the pose of the second one, or half a turn from it.

    Args:
        block: what is pushed.
        side: round which side of the block the tool goes that stands before it, 1 left, -1 right; None for the nearest.
        height_m: of the tool's tip above the table.
        grip: how far the gripper is closed meanwhile.
    """

    def __init__(self, block: Body, side: float | None, height_m: float, grip: float) -> None:
        self._halves = (block.size[0] / 2, block.size[1] / 2)
        self._side, self._height_m, self._grip = side, height_m, grip

    def __call__(self, reading: RobotState) -> ToolCommand:
        """Return the command that is right for a reading."""
        hand = Hand(reading)
        block, goal = reading.object_poses[:2]
        way, yaw = goal[:2] - block[:2], yaw_of(block[3:])
        turn = nearest_turn(yaw_of(goal[3:]) - yaw, math.pi)
        sides = [self._a_side(yaw, quarter, way) for quarter in range(4)]
        if math.hypot(*way) < NEAR_M and abs(turn) < NEAR_RAD:
            return self._leave(hand, block)
        pushed = next((side for side in sides if side.ahead > NEAR_M / 3 and self._is_in_line(hand, block, side)), None)
        if pushed is not None:
            return self._push(hand, block, way, turn, pushed)
        return self._go_behind(hand, block, max(sides, key=lambda side: side.ahead))

    def _a_side(self, yaw: float, quarter: int, way: Array) -> BlockSide:
        heading = yaw + quarter * math.pi / 2
        depth, width = self._halves if quarter % 2 == 0 else self._halves[::-1]
        return BlockSide(heading, depth, width, float(way @ (math.cos(heading), math.sin(heading))))

    def _is_in_line(self, hand: Hand, block: Array, side: BlockSide) -> bool:
        along, aside = side.frame(hand.position[:2] - block[:2])
        askew = nearest_turn(side.heading + math.pi / 2 - hand.axis, math.pi)
        return along < -side.depth and abs(aside) < IN_LINE_M and abs(askew) < IN_LINE_RAD

    def _push(self, hand: Hand, block: Array, way: Array, turn: float, side: BlockSide) -> ToolCommand:
        """Push on, and turn the block about its middle so that it comes into line with its goal.

        The fingers lie flat on the side, so that hand and block move as one as long as they do not turn sharply.
        """
        along, aside = side.frame(hand.position[:2] - block[:2])
        goal_heading = side.heading + turn
        beside = float(way @ (-math.sin(goal_heading), math.cos(goal_heading)))  # m, of the goal's line from the block
        bend = np.clip(beside / TURN_M**2 + 2.0 * turn / TURN_M, -MOST_TURN, MOST_TURN)
        speed = float(np.clip(GAIN_PER_S * side.ahead, 0.02, PUSH_M_S))
        rate = float(bend) * speed if along > -side.depth - 0.03 else 0.0  # rad/s, once it touches
        velocity = side.in_base(np.array([speed, rate * along - GAIN_PER_S * aside / 2]))
        askew = nearest_turn(side.heading + math.pi / 2 - hand.axis, math.pi)
        return self._command(hand, velocity, turning(askew) + (0.0, 0.0, rate))

    def _go_behind(self, hand: Hand, block: Array, side: BlockSide) -> ToolCommand:
        """Go round the block, by right angles, to where it can be pushed."""
        along, aside = side.frame(hand.position[:2] - block[:2])
        behind, lane = -side.depth - CLEAR_M, side.width + CLEAR_M
        if along < behind + ROUND_M:
            target = np.array([behind, 0.0])
        elif abs(aside) > lane - ROUND_M:
            target = np.array([behind, math.copysign(lane, aside)])
        elif along < -side.depth:
            target = np.array([behind, aside])
        else:
            outwards = self._side if self._side is not None and along > side.depth else math.copysign(1.0, aside)
            target = np.array([along, lane * outwards])
        velocity = shortened(GAIN_PER_S * side.in_base(target - (along, aside)), FASTEST_M_S)
        askew = nearest_turn(side.heading + math.pi / 2 - hand.axis, math.pi)
        return self._command(hand, velocity, turning(askew))

    def _leave(self, hand: Hand, block: Array) -> ToolCommand:
        away = hand.position[:2] - block[:2]
        distance = max(float(np.hypot(*away)), 1e-6)
        speed = min(FASTEST_M_S, GAIN_PER_S * max(0.0, LEAVE_M - distance))
        return self._command(hand, speed / distance * away, np.zeros(3))

    def _command(self, hand: Hand, velocity: Array, angular: Array) -> ToolCommand:
        up = np.clip(GAIN_PER_S * (self._height_m - hand.position[2]), -FASTEST_UP_M_S, FASTEST_UP_M_S)
        return ToolCommand(np.append(velocity, up), angular, self._grip)
