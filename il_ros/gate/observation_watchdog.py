# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How long there has been no complete observation, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


class ObservationWatchdog:
    """Watches the time since the last complete observation, by the steady clock."""

    def __init__(self, blind_ns: int, step_ns: int) -> None:
        self._blind_ns, self._step_ns = blind_ns, step_ns
        self._seen_ns: int | None = None
        self._acted_ns = 0
        self._counts: Counter[str] = Counter()
        self._is_reported = False
        self.stamp_ns = -1
        """The stamp of the last complete observation."""
        self.reason = ""
        """Why an observation could not be used since the last one that was complete."""

    def end(self, now_ns: int, stamp_ns: int) -> None:
        """Note a complete observation."""
        self._seen_ns, self.stamp_ns, self._is_reported, self.reason = now_ns, stamp_ns, False, ""

    def passed_ns(self, now_ns: int) -> int:
        """Return the time since the last complete observation, ns; 0 before the first."""
        return 0 if self._seen_ns is None else now_ns - self._seen_ns

    def is_due(self, now_ns: int, counts: Counter[str]) -> bool:
        """Return whether the arm has to be commanded to rest now, which is once a control period.

        Args:
            now_ns: the steady clock.
            counts: how many messages of each topic have come so far.
        """
        if self.passed_ns(now_ns) <= self._blind_ns:
            self._counts = counts.copy()
            return False
        if now_ns - self._acted_ns < self._step_ns:
            return False
        self._acted_ns = now_ns
        return True

    def is_news(self) -> bool:
        """Return whether this is called for the first time since the last complete observation."""
        is_news, self._is_reported = not self._is_reported, True
        return is_news

    def missing(self, newest_ns: Mapping[str, int], topics: Iterable[str], counts: Counter[str]) -> str:
        """Return what keeps observations from being complete.

        Args:
            newest_ns: the newest stamp of each topic.
            topics: those of the contract.
            counts: how many messages of each have come so far.
        """
        behind = [topic for topic in topics if newest_ns.get(topic, -1) <= self.stamp_ns]
        if not behind:
            return self.reason or "the stamps of its topics do not agree (resync_node gives them one)"
        words = []
        for topic in behind:
            stands = f"cannot be read, or its stamps stand still at {newest_ns.get(topic, 0) / 1e9:.3f} s"
            words.append(f"{topic} {stands if counts[topic] > self._counts[topic] else 'is silent'}")
        return " and ".join(words)
