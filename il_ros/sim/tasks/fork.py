# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The lecture's picture: one obstacle exactly in the way; one expert passes left of it, one passes right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.steering import GapSteering, Row, gap_taken
from il_ros.sim.tasks.base import SceneLayout, Steer, StepState, upright
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M, PostsTask, tool_path

POST = (0.48, 0.0)
ROW = Row(0.0, (0.06, -0.06))
"""Left is +y, as the robot looks along +x."""
SWERVE_M = (0.085, 0.03)
"""Until the first distance both experts do the same thing, so that the state says nothing about what follows."""


class Fork(PostsTask):
    """Carry the tool past the post, on either side, across the line beyond it.

    The post stands still and the tool starts on the line through it, within 1 cm before or behind the same place (and
    within half a millimetre beside it). With a scene that differed from episode to episode, a policy could memorise
    which expert saw which scene, and the state would not be ambiguous.
    """

    time_limit_s = 8.0
    post_radius_m = 0.02
    finish_x_m = 0.62
    half_width_m = 0.2
    experts = ("left", "right")
    ways = 2

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where the tool starts."""
        start = np.array([0.31 + rng.uniform(-0.01, 0.01), rng.uniform(-0.0005, 0.0005), TOOL_HEIGHT_M])
        return SceneLayout(start, upright(np.array([[*POST, self.post_height_m / 2]])))

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``left``, ``right``, or ``nearest``: the side on which the tool already is."""
        choice = None if name == "nearest" else [self.experts.index(name)]
        threading = GapSteering([ROW], choice, SWERVE_M)

        def steer(reading: RobotState) -> Array:
            return threading(reading, reading.objects[0, :2])

        return steer

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0 for left, 1 for right."""
        return gap_taken(tool_path(states), ROW, states[-1].poses[0, :2])
