# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Put one block on another."""

from __future__ import annotations

import math

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.manipulation import Handling, Place
from il_ros.sim.tasks.base import Body, SceneLayout, Steer
from il_ros.sim.tasks.handling import BLUE, ORANGE, GraspingTask, standing

EDGE_M = 0.04
UPPER = Body("upper", "box", (EDGE_M, EDGE_M, EDGE_M), 0.1, ORANGE)
LOWER = Body("lower", "box", (EDGE_M, EDGE_M, EDGE_M), 0.1, BLUE)
TURNED = math.radians(20.0)


class Stack(GraspingTask):
    """Grasp the block on the right, and put it on the block on the left."""

    time_limit_s = 20.0
    bodies = (UPPER, LOWER)

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw the blocks, each turned a little, and the tool above them."""
        upper = standing(rng.uniform((0.38, -0.17), (0.52, -0.07)), EDGE_M, rng.uniform(-TURNED, TURNED))
        lower = standing(rng.uniform((0.38, 0.07), (0.52, 0.17)), EDGE_M, rng.uniform(-TURNED, TURNED))
        tool = rng.uniform((0.4, -0.05, 0.17), (0.5, 0.05, 0.2))
        return SceneLayout(tool, np.stack([upper, lower]), tool_yaw=math.pi / 4)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``along_x`` or ``along_y``, by the axis of the block along which fingers close; or ``nearest``."""
        return Handling(UPPER, _place, None if name == "nearest" else name[-1])

    def is_there(self, block: Array, goal: Array) -> bool:
        """Return whether one block is on the other: over half of its width, and higher by an edge."""
        return math.dist(block[:2], goal[:2]) < EDGE_M / 2 and abs(block[2] - goal[2] - EDGE_M) < 0.004


def _place(reading: RobotState) -> Place:
    return Place(reading.objects[1] + (0.0, 0.0, EDGE_M / 2))
