# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simplest thing to teach: bring the tool to a place in the air."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from il_ros.core.frames import shortened
from il_ros.core.types import Array, RobotState, ToolCommand
from il_ros.sim.experts.manipulation import FASTEST_M_S, GAIN_PER_S
from il_ros.sim.tasks.base import Body, SceneLayout, Steer, StepState, Task, upright
from il_ros.sim.tasks.handling import BLUE, lasts

NEAR_M = 0.01
LOW, HIGH = (0.35, -0.2, 0.08), (0.55, 0.2, 0.3)
"""m, the corners of the box in which tool and target start."""
APART_M = 0.08


class Reach(Task):
    """Bring the tool within a centimetre of the target, and stay there for a second."""

    time_limit_s = 8.0
    contract = "panda_reach"
    bodies = (Body("target", "box", (0.02, 0.02, 0.02), 0.0, BLUE, solid=False),)
    experts = ("direct",)
    ways = 1

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw tool and target, some way apart."""
        while True:
            tool, target = rng.uniform(LOW, HIGH, (2, 3))
            if math.dist(tool, target) > APART_M:
                return SceneLayout(tool, upright(target[None]), grip=1.0)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``direct``, the only one, or ``nearest``, which is the same."""
        return steer

    def outcome(self, states: Sequence[StepState]) -> str | None:
        """Return ``success`` once the tool has been at the target for a second, ``timeout``, or None."""
        if lasts(states, _is_near):
            return "success"
        return "timeout" if states[-1].elapsed_s >= self.time_limit_s else None

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0, the only way; None if the tool is elsewhere."""
        return 0 if _is_near(states[-1]) else None


def steer(reading: RobotState) -> ToolCommand:
    """Return the command that goes straight to the target."""
    way: Array = reading.objects[0] - reading.tool_position
    return ToolCommand(shortened(GAIN_PER_S * way, FASTEST_M_S))


def _is_near(state: StepState) -> bool:
    return math.dist(state.tool_position, state.poses[0, :3]) < NEAR_M
