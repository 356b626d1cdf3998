# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Steering of scripted experts through gaps in rows of posts: a velocity field over the tool's position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.types import Array, RobotState

SPEED = 0.15
"""m/s, forward."""
FASTEST = 0.25
"""m/s, sideways."""
PASSED_M = 0.028
"""A row is behind the tool once the tool is this far beyond it."""
WAIT_M = 0.055
"""Where a tool that is not in line with its gap waits, before the row."""
ALIGNED_M = 0.035
"""Closer than this to the middle of its gap, the tool may go on."""


class Row:
    """Posts side by side at one x, and the middles of the gaps between them and beside them."""

    def __init__(self, x: float, gaps: Sequence[float]) -> None:
        self.x = x
        self.gaps = np.array(gaps)

    def nearest(self, y: float) -> int:
        """Return the gap whose middle is nearest to ``y``."""
        return int(np.argmin(np.abs(self.gaps - y)))


class GapSteering:
    """Steer through one gap of every row.

    Args:
        rows: the rows, in the order of their x, relative to ``origin``.
        choice: the gap to take in each row, or None for the nearest one, settled anew at each row.
        swerve: how far before a row the expert leaves the middle, and how far before it the tool is in line with its
            gap; without it the expert makes for the gap as soon as the row before is passed.
    """

    def __init__(
        self, rows: Sequence[Row], choice: Sequence[int] | None, swerve: tuple[float, float] | None = None
    ) -> None:
        self._rows, self._choice, self._swerve = rows, choice, swerve
        self._settled: dict[int, int] = {}

    def __call__(self, reading: RobotState, origin: Array) -> Array:
        """Return the velocity (2,), m/s, that is right for ``reading``; ``origin`` (2,) shifts the rows."""
        x, y = (reading.tool_position[:2] - origin).tolist()
        ahead = next((i for i, row in enumerate(self._rows) if x < row.x + PASSED_M), None)
        if ahead is None:
            return np.array([SPEED, 0.0])
        row = self._rows[ahead]
        share, slope = self._share(row.x - x)
        gap = float(row.gaps[self._gap(ahead, row, y)])
        return _toward(row.x - x, share * gap - y, slope * gap)

    def _gap(self, index: int, row: Row, y: float) -> int:
        if self._choice is not None:
            return self._choice[index]
        return self._settled.setdefault(index, row.nearest(y))

    def _share(self, distance: float) -> tuple[float, float]:
        """Return the share of the way to its gap that the tool should have gone, and its slope, 1/m."""
        if self._swerve is None:
            return 1.0, 0.0
        begin, done = self._swerve
        t = float(np.clip((begin - distance) / (begin - done), 0.0, 1.0))
        return t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t) / (begin - done)


def _toward(distance: float, aside: float, slope: float) -> Array:
    """Follow a path that is ``aside`` m away and has ``slope``; advance as far as being on it allows.

    Far from the path the tool waits before the row, and backs off from one that is too near to be cleared.
    """
    aligned = float(np.clip(1.5 - abs(aside) / ALIGNED_M, 0.0, 1.0))
    waiting = float(np.clip(4.0 * (distance - WAIT_M), -SPEED, SPEED))
    forward = aligned * SPEED + (1.0 - aligned) * waiting
    sideways = float(np.clip(slope * forward + np.clip(6.0 * aside, -SPEED, SPEED), -FASTEST, FASTEST))
    return np.array([forward, sideways])


def gap_taken(path: Sequence[Array], row: Row, origin: Array) -> int | None:
    """Return the gap of ``row`` that the ``path`` of tool positions went through; None if it never crossed the row."""
    for before, after in zip(path, path[1:]):
        if before[0] - origin[0] < row.x <= after[0] - origin[0]:
            return row.nearest(float(after[1] - origin[1]))
    return None
