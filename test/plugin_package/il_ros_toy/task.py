# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A task without obstacles: carry the tool straight ahead, across a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.tasks.base import SceneLayout, Steer, StepState, upright
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M, PostsTask


class ToyLine(PostsTask):
    """Cross the line within two seconds; one post stands far aside."""

    time_limit_s = 2.0
    post_radius_m = 0.01
    finish_x_m = 0.4
    half_width_m = 0.3
    experts = ("straight",)
    ways = 1

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where the tool starts."""
        start = np.array([0.33, rng.uniform(-0.05, 0.05), TOOL_HEIGHT_M])
        return SceneLayout(start, upright(np.array([[0.5, 0.28, self.post_height_m / 2]])))

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Return the expert, who moves ahead at 0.1 m/s."""

        def steer(reading: RobotState) -> Array:
            return np.array([0.1, 0.0])

        return steer

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return the only way."""
        return 0
