# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The family of tasks in which the tool is moved in a plane, past posts that it must not touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from il_ros.core.types import Array
from il_ros.sim.tasks.base import Body, StepState, Task

TOOL_RADIUS_M = 0.012
"""Half the depth of the closed fingers, which experts and supervisors take for their whole size; across they are twice
as wide, so whoever passes a post closely may still touch it."""
TOOL_HEIGHT_M = 0.035
"""The height above the table at which the tool is moved, m."""
ORANGE = (0.84, 0.37, 0.0, 1.0)


class PostsTask(Task):
    """Carry the tool across a line without touching a post; a subclass says where posts and line are."""

    table_is_solid = False
    post_count: ClassVar[int] = 1
    post_radius_m: ClassVar[float]
    post_height_m: ClassVar[float] = 0.065
    finish_x_m: ClassVar[float]
    """The line that the tool must cross, if it must cross one; the table goes a little beyond it."""
    groove: ClassVar[Array | None] = None
    """(N, 2), m: what the tool must follow, if it must follow something."""
    half_width_m: ClassVar[float]
    """The tool must stay within this distance of the middle."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        across = 2.0 * cls.post_radius_m
        cls.bodies = tuple(
            Body(f"post_{number}", "cylinder", (across, across, cls.post_height_m), 0.0, ORANGE, 0.5, obstacle=True)
            for number in range(cls.post_count)
        )
        finish = np.array([[cls.finish_x_m, -cls.half_width_m], [cls.finish_x_m, cls.half_width_m]])
        cls.lines = (finish if cls.groove is None else np.vstack([cls.groove, cls.groove[:1]]),)

    def clearance(self, positions: Array, objects: Array) -> float:
        """Return the distance, m, of the tool at ``positions`` (N, 2) from posts and table edge; negative inside."""
        gaps = np.hypot(*(positions[:, None] - objects[:, :2]).T) - self.post_radius_m - TOOL_RADIUS_M
        return float(min(gaps.min(initial=np.inf), self.half_width_m - np.abs(positions[:, 1]).max()))

    def outcome(self, states: Sequence[StepState]) -> str | None:
        """Return ``success``, ``collision``, ``lost`` or ``timeout`` if the episode ends at this step, or None."""
        state = states[-1]
        x, y = state.tool_position[:2].tolist()
        if state.touched:
            return "collision"
        if x >= self.finish_x_m:
            return "success"
        if abs(y) > self.half_width_m or x < 0.2:
            return "lost"
        return "timeout" if state.elapsed_s >= self.time_limit_s else None


def tool_path(states: Sequence[StepState]) -> list[Array]:
    """Return where the tool has been, (3,) m each."""
    return [state.tool_position for state in states]
