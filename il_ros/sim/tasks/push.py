# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Push a block to a pose on the table; to come behind it, the tool goes round it on the left or on the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from il_ros.core.types import Array
from il_ros.sim.experts.manipulation import nearest_turn, yaw_of
from il_ros.sim.experts.pushing import Pushing
from il_ros.sim.tasks.base import Body, SceneLayout, Steer, StepState
from il_ros.sim.tasks.handling import BLUE, ORANGE, HandlingTask, standing

BLOCK = Body("block", "box", (0.06, 0.1, 0.04), 0.15, ORANGE, friction=0.5)
GOAL = Body("goal", "box", (0.06, 0.1, 0.001), 0.0, BLUE, solid=False)
HEIGHT_M, GRIP = 0.02, 0.5
NEAR_M, NEAR_RAD = 0.015, math.radians(10.0)
"""How near to its goal the block must be."""
TURNED = 0.15
"""rad, by which block and goal are turned at most."""


class Push(HandlingTask):
    """Push the block forward to its goal.

    The tool starts on the line through both, between them: it may go round the block either way, and must not go
    straight.
    """

    time_limit_s = 20.0
    bodies = (BLOCK, GOAL)
    experts = ("left", "right")
    ways = 2
    must_open = False

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where the block is, where it is to go, and where the tool starts before it."""
        place = rng.uniform((0.41, -0.06), (0.45, 0.06))
        goal = place + rng.uniform((0.12, -0.02), (0.16, 0.02))
        block = standing(place, BLOCK.size[2], rng.uniform(-TURNED, TURNED))
        mark = standing(goal, GOAL.size[2], rng.uniform(-TURNED, TURNED))
        tool = np.append(place + rng.uniform((0.085, -0.002), (0.095, 0.002)), HEIGHT_M)
        return SceneLayout(tool, np.stack([block, mark]), tool_yaw=math.pi / 4, grip=GRIP)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``left``, ``right`` or ``nearest``, after the side on which the tool goes round; left is +y."""
        return Pushing(BLOCK, {"left": 1.0, "right": -1.0}.get(name), HEIGHT_M, GRIP)

    def is_there(self, block: Array, goal: Array) -> bool:
        """Return whether the block is at its goal, or turned by half a turn from it."""
        turn = nearest_turn(yaw_of(goal[3:]) - yaw_of(block[3:]), math.pi)
        is_near = math.dist(block[:2], goal[:2]) < NEAR_M and abs(block[2] - BLOCK.size[2] / 2) < 0.004
        return is_near and abs(turn) < NEAR_RAD

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0 if the tool went round the block on the left, 1 on the right; None if it never did."""
        for before, after in pairwise(map(_in_block_frame, states)):
            if after[0] < 0.0 <= before[0]:
                return int(after[1] < 0.0)
        return None


def _in_block_frame(state: StepState) -> tuple[float, float]:
    """Return where the tool is, m ahead of the middle of the block, as it faces the goal, and to the left of it."""
    x, y = (state.tool_position - state.poses[0, :3])[:2]
    yaw = nearest_turn(yaw_of(state.poses[0, 3:]), math.pi)
    c, s = math.cos(yaw), math.sin(yaw)
    return c * x + s * y, c * y - s * x
