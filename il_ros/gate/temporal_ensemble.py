# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Temporal ensembling: every step is the mean of what all recent action chunks predict for its instant."""

from __future__ import annotations

import numpy as np

from il_ros.core.types import Array, Chunk, ChunkInPlay
from il_ros.gate.chunk_executor import ChunkExecutor


class TemporalEnsemble(ChunkExecutor):
    """Weighs the chunks that reach an instant by ``exp(-decay i)``, i = 0 for the oldest, and takes their mean.

    Zhao et al. 2023 (ACT), arXiv:2304.13705, section IV-B. It smooths a policy with one answer; of one with several it
    makes the mean of them, like L2 regression, so it is not for experts who disagree. A gripper goes by the newest
    chunk alone: what lies between open and closed is what neither of two means.
    """

    def __init__(self, step_ns: int, decay: float, anchored: bool = True, is_gripper: Array | None = None) -> None:
        self._decay, self._is_gripper = decay, is_gripper
        super().__init__(step_ns, 1, anchored)

    def clear(self) -> None:
        """Forget every chunk."""
        super().clear()
        self._chunks: list[Chunk] = []

    def stop(self) -> None:
        """Forget the chunks received so far: the next one is the newest."""
        super().stop()
        self._chunks.clear()

    @property
    def plays(self) -> ChunkInPlay | None:
        """None: it plays several at once."""
        return None

    def action(self, stamp_ns: int) -> Array | None:
        """Return (Da,) the mean for the instant ``stamp_ns``; None if no chunk reaches it."""
        if self._newest is not None:
            self._adopt(stamp_ns)
            assert self.current is not None
            self._chunks.append(self.current)
        self._chunks = self._reaching(stamp_ns)
        return self.planned(stamp_ns)

    def _reaching(self, stamp_ns: int) -> list[Chunk]:
        return [c for c in self._chunks if self._row(stamp_ns, c) < len(c.actions)]

    def planned(self, stamp_ns: int) -> Array | None:
        """Return (Da,) the mean of what the present chunks predict for an instant; None if none of them reaches it."""
        chunks = self._reaching(stamp_ns)
        if not chunks:
            return None
        rows = np.array([c.actions[self._row(stamp_ns, c)] for c in chunks])  # (n, Da), the oldest first
        mean: Array = np.average(rows, axis=0, weights=np.exp(-self._decay * np.arange(len(rows))))
        return mean if self._is_gripper is None else np.where(self._is_gripper, rows[-1], mean)
