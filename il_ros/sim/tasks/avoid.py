# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Three rows of one, two and three obstacles, hence 2 x 3 x 4 = 24 ways through.

The task is that of D3IL's Avoiding (Jia et al. 2024, arXiv:2402.14606, section 4): cross the finish line without
touching. The measures of the scene are our own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.steering import GapSteering, Row, gap_taken
from il_ros.sim.tasks.base import SceneLayout, Steer, StepState, upright
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M, PostsTask, tool_path

SPACING_M = 0.14
ROWS = tuple(Row(x, tuple(SPACING_M * (n / 2 - i) for i in range(n + 1))) for n, x in ((1, 0.38), (2, 0.49), (3, 0.60)))
POSTS = np.array([[x, SPACING_M * ((n - 1) / 2 - i)] for n, x in ((1, 0.38), (2, 0.49), (3, 0.60)) for i in range(n)])
START = np.array([[0.26, -0.10], [0.30, 0.10]])
"""Two corners of the strip in which the tool starts."""


class Avoid(PostsTask):
    """Thread three rows of posts. The posts stand still; the tool starts anywhere in a strip before them.

    The strip is 20 cm wide and 4 cm deep, so that a few demonstrations do not show every place to start from.
    """

    time_limit_s = 12.0
    post_count = len(POSTS)
    post_radius_m = 0.018
    finish_x_m = 0.66
    half_width_m = 0.27
    experts = tuple(f"way_{i:02d}" for i in range(24))
    ways = 24

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where the tool starts."""
        start = np.array([*rng.uniform(START[0], START[1]), TOOL_HEIGHT_M])
        return SceneLayout(start, upright(np.column_stack([POSTS, np.full(len(POSTS), self.post_height_m / 2)])))

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``way_00`` to ``way_23``, numbered by gap from left to right, row by row; or ``nearest``."""
        choice = None if name == "nearest" else np.unravel_index(int(name.removeprefix("way_")), (2, 3, 4))
        threading = GapSteering(ROWS, choice)  # type: ignore[arg-type]

        def steer(reading: RobotState) -> Array:
            return threading(reading, np.zeros(2))

        return steer

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0 to 23; None if a row was not crossed."""
        gaps = [gap_taken(tool_path(states), row, np.zeros(2)) for row in ROWS]
        if None in gaps:
            return None
        return int(np.ravel_multi_index(tuple(g for g in gaps if g is not None), (2, 3, 4)))
