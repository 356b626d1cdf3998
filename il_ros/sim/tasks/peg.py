# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fine motion: put a square peg into a square hole with a millimetre of play."""

from __future__ import annotations

import math

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.manipulation import Handling, Place, foot_of, yaw_of
from il_ros.sim.tasks.base import Body, SceneLayout, Steer
from il_ros.sim.tasks.handling import GREY, ORANGE, GraspingTask, standing

WIDTH_M, LENGTH_M, PLAY_M = 0.024, 0.08, 0.001
HOLE_M, DEEP_M, WALL_M = WIDTH_M + PLAY_M, 0.03, 0.02
OUTER_M, ASIDE_M = HOLE_M + 2 * WALL_M, (HOLE_M + WALL_M) / 2
PEG = Body("peg", "box", (WIDTH_M, WIDTH_M, LENGTH_M), 0.06, ORANGE)
SOCKET = Body(
    "socket", "box", (OUTER_M, OUTER_M, DEEP_M), 0.0, GREY, friction=0.3,
    parts=(
        *(((OUTER_M, WALL_M, DEEP_M), (0.0, side * ASIDE_M, 0.0)) for side in (-1.0, 1.0)),
        *(((WALL_M, HOLE_M, DEEP_M), (side * ASIDE_M, 0.0, 0.0)) for side in (-1.0, 1.0)),
    ),
)  # fmt: skip
ABOVE_M = 0.022
"""The peg is held so far above its middle."""
TURNED = math.radians(20.0)


class Peg(GraspingTask):
    """Grasp the peg, and put it into the hole down to the table."""

    time_limit_s = 25.0
    bodies = (PEG, SOCKET)

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw the peg on the right, the socket on the left, each turned a little, and the tool above them."""
        peg = standing(rng.uniform((0.38, -0.16), (0.5, -0.07)), LENGTH_M, rng.uniform(-TURNED, TURNED))
        socket = standing(rng.uniform((0.38, 0.07), (0.5, 0.16)), DEEP_M, rng.uniform(-TURNED, TURNED))
        tool = rng.uniform((0.4, -0.04, 0.18), (0.48, 0.04, 0.21))
        return SceneLayout(tool, np.stack([peg, socket]), tool_yaw=math.pi / 4)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``along_x`` or ``along_y``, by the axis of the peg along which fingers close; or ``nearest``."""
        return Handling(PEG, _place, None if name == "nearest" else name[-1], ABOVE_M)

    def is_there(self, block: Array, goal: Array) -> bool:
        """Return whether the peg's foot is at the bottom of the hole."""
        foot = foot_of(block, LENGTH_M / 2)
        return math.dist(foot[:2], goal[:2]) < 2 * PLAY_M and foot[2] < 0.003


def _place(reading: RobotState) -> Place:
    """Return the bottom of the hole."""
    bottom = reading.objects[1] - (0.0, 0.0, DEEP_M / 2)
    return Place(bottom, yaw_of(reading.object_poses[1, 3:]), near_m=2 * PLAY_M, fine_m=PLAY_M / 4, deep_m=DEEP_M)
