# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pick and place: take a block, and stand it in a zone."""

from __future__ import annotations

import math

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.manipulation import Handling, Place
from il_ros.sim.tasks.base import Body, SceneLayout, Steer
from il_ros.sim.tasks.handling import BLUE, ORANGE, GraspingTask, standing

BLOCK = Body("block", "box", (0.04, 0.04, 0.05), 0.1, ORANGE)
ZONE = Body("zone", "cylinder", (0.1, 0.1, 0.002), 0.0, BLUE, solid=False)
NEAR_M = 0.03
"""How far from the middle of the zone the middle of the block may stand, so that all of it is inside, about."""
TURNED = math.radians(20.0)
"""The block is turned by at most so much, and the tool stands between its two axes: it may be taken along either."""


class PickPlace(GraspingTask):
    """Grasp the block, lift it, and stand it in the zone."""

    time_limit_s = 20.0
    bodies = (BLOCK, ZONE)

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw the block on the right, the zone on the left, and the tool above them."""
        block = standing(rng.uniform((0.38, -0.18), (0.52, -0.06)), BLOCK.size[2], rng.uniform(-TURNED, TURNED))
        zone = standing(rng.uniform((0.38, 0.06), (0.52, 0.18)), ZONE.size[2], 0.0)
        tool = rng.uniform((0.4, -0.05, 0.17), (0.5, 0.05, 0.2))
        return SceneLayout(tool, np.stack([block, zone]), tool_yaw=math.pi / 4)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``along_x`` or ``along_y``, by the axis of the block along which fingers close; or ``nearest``."""
        return Handling(BLOCK, _place, None if name == "nearest" else name[-1])

    def is_there(self, block: Array, goal: Array) -> bool:
        """Return whether the block stands in the zone."""
        return math.dist(block[:2], goal[:2]) < NEAR_M and abs(block[2] - BLOCK.size[2] / 2) < 0.004


def _place(reading: RobotState) -> Place:
    return Place(np.append(reading.objects[1, :2], 0.0))
