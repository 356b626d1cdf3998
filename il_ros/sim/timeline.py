# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The clock of a simulated world, and the start of the episode that runs in it."""

from __future__ import annotations

from il_ros.core.types import PAUSE_NS, EpisodeStart

UNKNOWN = "unknown"
"""The outcome of an episode that terminated where success is not reported."""


class EpisodeClock:
    """Base of simulated worlds: stamps go on from episode to episode, and episodes are counted."""

    def __init__(self, task: str) -> None:
        self._stamp_ns = 0
        self._start = EpisodeStart(task, 0, 0)

    @property
    def start(self) -> EpisodeStart:
        """The start of the running episode."""
        return self._start

    @property
    def stamp_ns(self) -> int:
        """Time of the state now, in nanoseconds of the world's clock."""
        return self._stamp_ns

    def _begin(self, seed: int) -> None:
        """Begin the next episode, a pause after the last one."""
        self._stamp_ns += PAUSE_NS
        self._start = EpisodeStart(self._start.task, seed, self._stamp_ns, self._start.number + 1)
