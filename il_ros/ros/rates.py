# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How often things happen, counted as they do and told once a second."""

from __future__ import annotations

from collections import Counter

SHORTEST_S = 0.5
"""Rates over less than this say little: the ones before are told again."""


class Rates:
    """Counts events by name; an increment of ``counts`` is all that an event costs."""

    def __init__(self, now_ns: int) -> None:
        self.counts: Counter[str] = Counter()
        self._then, self._then_ns = Counter[str](), now_ns
        self._told: dict[str, float] = {}

    def told(self, now_ns: int) -> dict[str, float]:
        """Events a second since the call before, by name."""
        elapsed_s = (now_ns - self._then_ns) / 1e9
        if elapsed_s >= SHORTEST_S:
            self._told = {name: (count - self._then[name]) / elapsed_s for name, count in self.counts.items()}
            self._then, self._then_ns = self.counts.copy(), now_ns
        return self._told
