# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Receding-horizon execution of action chunks, anchored to the time of the observation that each one answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from il_ros.core.types import Array, Chunk, ChunkInPlay

EXECUTE_STEPS = 8
"""How many rows of a chunk are executed if neither configuration nor policy says."""


class ChunkExecutor:
    """Plays the first ``execute_steps`` rows of a chunk, or as many as it asks for, then goes over to the newest one.

    A row belongs to one instant, ``stamp_ns + i * step_ns``; rows whose instant has passed are dropped, so a late chunk
    is played from its middle (Chi et al. 2023, arXiv:2303.04137, section IV-C). Without ``anchored`` a chunk is played
    from its first row whenever it comes, so that a study can tell what that costs.
    """

    def __init__(self, step_ns: int, execute_steps: int = 0, anchored: bool = True) -> None:
        self._step_ns, self._execute_steps, self._anchored = step_ns, execute_steps, anchored
        self.clear()

    def clear(self) -> None:
        """Forget the chunk that is played and the one that waits."""
        self.current: Chunk | None = None
        self._newest: Callable[[], Chunk] | None = None
        self._newest_stamp_ns = -1

    def stop(self) -> None:
        """Forget the chunk that is played: the next one is the newest."""
        self.current = None

    @property
    def plays(self) -> ChunkInPlay | None:
        """The chunk that is played, if its rows belong to instants."""
        if self.current is None or not self._anchored:
            return None
        until_ns = self.current.stamp_ns + self._last(self.current) * self._step_ns
        return ChunkInPlay(self.current.stamp_ns, until_ns)

    def offer(self, stamp_ns: int, chunk: Callable[[], Chunk]) -> None:
        """Offer a chunk for the observation at ``stamp_ns``; it is drawn only if it is executed."""
        if stamp_ns > self._newest_stamp_ns:
            self._newest, self._newest_stamp_ns = chunk, stamp_ns

    def action(self, stamp_ns: int) -> Array | None:
        """Return (Da,) the action for the instant ``stamp_ns``; None if no chunk reaches it."""
        if self.current is None or self._row(stamp_ns, self.current) >= self._last(self.current):
            self._adopt(stamp_ns)
        return self.planned(stamp_ns)

    def planned(self, stamp_ns: int) -> Array | None:
        """Return (Da,) what the chunks that are played now predict for an instant; None if none of them reaches it."""
        if self.current is None:
            return None
        row = self._row(stamp_ns, self.current)
        return self.current.actions[row] if 0 <= row < len(self.current.actions) else None

    def _row(self, stamp_ns: int, chunk: Chunk) -> int:
        return round((stamp_ns - chunk.stamp_ns) / self._step_ns)

    def _last(self, chunk: Chunk) -> int:
        """Return how many rows of a chunk are played; a short chunk is played to its end."""
        return min(self._execute_steps or chunk.execute or EXECUTE_STEPS, len(chunk.actions))

    def _adopt(self, stamp_ns: int) -> None:
        """Go over to the newest chunk, if there is one."""
        if self._newest is not None:
            self.current, self._newest = self._newest(), None
            if not self._anchored:
                self.current = dataclasses.replace(self.current, stamp_ns=stamp_ns)
