# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A long horizon: follow a winding groove round a post, lap after lap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.types import Array, RobotState
from il_ros.sim.experts.steering import FASTEST, SPEED
from il_ros.sim.tasks.base import SceneLayout, Steer, StepState, upright
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M, PostsTask, tool_path

CENTRE = (0.46, 0.0)
RADIUS_M, LOBE_M, LOBES = 0.13, 0.03, 5
GROOVE_HALF_WIDTH_M = 0.01
"""Farther from the middle of the groove than this, the tool is outside."""
RETURN_PER_S = 6.0
"""How fast the expert leads a tool back that is beside the middle."""
ASTRAY_M = 0.03
"""Farther than this, a supervisor counts the tool as astray."""
WHOLE = 0.75
"""Share of what the expert covers in the time that must have been covered, along the groove."""

_ANGLES = np.linspace(0.0, 2.0 * math.pi, 1000, endpoint=False)
_RADII = RADIUS_M + LOBE_M * np.cos(LOBES * _ANGLES)
GROOVE = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)]) * _RADII[:, None] + np.array(CENTRE)
"""(1000, 2), m: the middle of the groove, counter-clockwise; the last point is followed by the first."""
_STEPS = np.roll(GROOVE, -1, axis=0) - GROOVE
LAP_M = float(np.hypot(*_STEPS.T).sum())
_ALONG = np.concatenate([[0.0], np.hypot(*_STEPS.T).cumsum()[:-1]])  # (1000,) m from the first point
_TANGENTS = _STEPS / np.hypot(*_STEPS.T)[:, None]


@dataclass(frozen=True)
class Trace(PostsTask):
    """Stay in the groove and keep going until the time is over; touching the post or leaving the table ends it early.

    The groove is closed, so that the horizon can be as long as one likes. A tool that covers it is inside nearly
    all the time: beside it no state was demonstrated, and none shows the way back. The cost of an episode is the number
    of steps outside the groove, the measure of Ross and Bagnell 2010.
    """

    horizon_s: float = 20.0
    """How long an episode is."""

    post_radius_m = 0.02
    finish_x_m = CENTRE[0] + RADIUS_M + LOBE_M + 0.05
    half_width_m = 0.24
    experts = ("tracer",)
    ways = 1
    groove = GROOVE

    def __post_init__(self) -> None:
        if not 1.0 <= self.horizon_s <= 3600.0:
            raise ConfigError(f"task 'trace': horizon_s is {self.horizon_s}; it must be from 1 to 3600")

    @property
    def time_limit_s(self) -> float:  # type: ignore[override]
        """The horizon."""
        return self.horizon_s

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where on the groove the tool starts."""
        start = np.array([*GROOVE[rng.integers(len(GROOVE))], TOOL_HEIGHT_M])
        return SceneLayout(start, upright(np.array([[*CENTRE, self.post_height_m / 2]])))

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make ``tracer``, the only one, or ``nearest``, which is the same."""
        return steer

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0 if the tool went along the groove; None if it was outside, or stood still."""
        return 0 if _covered_m(tool_path(states)) > 0 else None

    def outcome(self, states: Sequence[StepState]) -> str | None:
        """Return ``collision`` or ``lost``; at the end ``success``, or ``timeout`` for a tool that did not get far."""
        x, y = states[-1].tool_position[:2]
        if states[-1].touched:
            return "collision"
        if abs(y) > self.half_width_m or not 0.2 <= x <= self.finish_x_m:
            return "lost"
        if states[-1].elapsed_s < self.horizon_s:
            return None
        return "success" if _covered_m(tool_path(states)) >= WHOLE * SPEED * self.horizon_s else "timeout"

    def clearance(self, positions: Array, objects: Array) -> float:
        """Return the distance, m, of the tool at ``positions`` (N, 2) from being astray; negative once it is."""
        return ASTRAY_M - float(self.distances(positions).max())

    def distances(self, positions: Array) -> Array:
        """Return (N,) m, how far ``positions`` (N, 2) are from the middle of the groove."""
        return np.asarray(np.sqrt(_squares(positions).min(1)))

    def costs(self, positions: Array) -> Array:
        """Return (N,), 1 where the tool at ``positions`` (N, 2) is out of the groove, 0 where it is in it."""
        return np.asarray(self.distances(positions) > GROOVE_HALF_WIDTH_M, dtype=np.float64)


def steer(reading: RobotState) -> Array:
    """Return the velocity (2,), m/s, along the groove and back into its middle."""
    position = reading.tool_position[:2]
    nearest = int(_squares(position[None]).argmin())
    back = RETURN_PER_S * (GROOVE[nearest] - position)  # (2,)
    length = float(np.hypot(*back))
    forward = SPEED * max(0.0, 1.0 - length / SPEED)  # a tool beside the groove first returns to it
    velocity: Array = forward * _TANGENTS[nearest] + back * min(1.0, SPEED / max(length, 1e-9))
    return np.clip(velocity, -FASTEST, FASTEST)


def _squares(positions: Array) -> Array:
    """Return (N, 1000) m2 from each of ``positions`` (N, 2) to each point of the groove."""
    squares: Array = ((np.asarray(positions)[:, None] - GROOVE) ** 2).sum(-1)
    return squares


def _covered_m(path: Sequence[Array]) -> float:
    """Return how far, m, along the groove the ``path`` came while it was in it; going back counts against it."""
    squares = _squares(np.array([p[:2] for p in path]))
    along, inside = _ALONG[squares.argmin(1)], squares.min(1) <= GROOVE_HALF_WIDTH_M**2
    ahead = (np.diff(along) + LAP_M / 2) % LAP_M - LAP_M / 2
    return float(ahead[inside[1:] & inside[:-1]].sum())
