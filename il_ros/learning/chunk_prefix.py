# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Real-time chunking: what of a policy's chunks is executed before its next answer can be."""

from __future__ import annotations

from collections import deque

import numpy as np

from il_ros.core.episode import Record
from il_ros.core.types import Array, ChunkInPlay

DELAYS = 8
"""Of so many adoptions the shortest delay is that of an answer: a chunk may also wait for the one in play to end."""


class ChunkPrefix:
    """Keeps the last chunks, knows from the gate's records which of them is played, and what is played next.

    The delay of an answer, from its observation to the first row that is played, is counted in the records and not
    estimated.

    Args:
        step_ns: of the contract.
        rows: how many rows of a chunk may be given to the policy; with 0 nothing is kept.
    """

    def __init__(self, step_ns: int, rows: int) -> None:
        self._step_ns, self._rows = step_ns, rows
        self.clear()

    def clear(self) -> None:
        """Forget all, as at a change of authority."""
        self._sent: dict[int, Array] = {}
        self._plays: ChunkInPlay | None = None
        self._delays_ns: deque[int] = deque(maxlen=DELAYS)

    def send(self, stamp_ns: int, actions: Array) -> None:
        """Keep a chunk, (Ta, Da) in real units; those whose last instant has passed are dropped."""
        if self._rows:
            last_ns = (len(actions) - 1) * self._step_ns
            self._sent = {then_ns: rows for then_ns, rows in self._sent.items() if then_ns + last_ns >= stamp_ns}
            self._sent[stamp_ns] = actions

    def follow(self, record: Record) -> None:
        """Take note of which chunk the gate plays in a step."""
        if record.plays is not None and (self._plays is None or record.plays.stamp_ns != self._plays.stamp_ns):
            self._delays_ns.append(record.stamp_ns - record.plays.stamp_ns)
        self._plays = record.plays

    def prefix(self, stamp_ns: int) -> Array | None:
        """Return (n, Da), what is executed from ``stamp_ns`` on until an answer to that is; None if nothing is known.

        The gate plays a chunk for a while, then goes over to the newest one that has come. So there is none either for
        an answer that is not going to be played, since a newer one will have come by then.
        """
        if self._plays is None:
            return None
        delay_ns, span_ns = min(self._delays_ns), self._plays.until_ns - self._plays.stamp_ns
        period_ns = stamp_ns - max((then_ns for then_ns in self._sent if then_ns < stamp_ns), default=stamp_ns)
        chunk_ns, until_ns = self._plays.stamp_ns, self._plays.until_ns
        rows: list[Array] = []
        for instant_ns in range(stamp_ns, stamp_ns + self._rows * self._step_ns, self._step_ns):
            if instant_ns >= until_ns:
                if instant_ns - delay_ns >= stamp_ns + period_ns:
                    return None  # the answer after this one is played
                if instant_ns - delay_ns >= stamp_ns:
                    break  # this one is the newest
                newest_ns = max((then_ns for then_ns in self._sent if then_ns <= instant_ns - delay_ns), default=0)
                if newest_ns > chunk_ns:
                    chunk_ns, until_ns = newest_ns, newest_ns + span_ns
            chunk, row = self._sent.get(chunk_ns), round((instant_ns - chunk_ns) / self._step_ns)
            if chunk is None or row >= len(chunk):
                break
            rows.append(chunk[row])
        return np.array(rows) if rows else None
