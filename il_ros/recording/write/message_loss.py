# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Count messages that never arrived, by the sequence numbers of every publisher; and note silences."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from il_ros.core.types import SILENCE_NS


class MessageLoss:
    """Counts, by topic, the messages that are missing or came twice.

    A publisher's first message sets where its count begins: what was sent before is not missing.
    A late message closes the gap that it left.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, Hashable], int] = {}
        self._missing: dict[tuple[str, Hashable], list[tuple[int, int]]] = {}
        self._duplicates: dict[str, int] = {}

    def add(self, topic: str, publisher: Hashable, sequence: int) -> None:
        """Add one message: its topic, its publisher (GID) and its sequence number."""
        key = (topic, publisher)
        newest = self._newest.setdefault(key, sequence - 1)
        if sequence > newest:
            if sequence > newest + 1:
                self._missing.setdefault(key, []).append((newest + 1, sequence - 1))
            self._newest[key] = sequence
        elif not self._fill(key, sequence):
            self._duplicates[topic] = self._duplicates.get(topic, 0) + 1

    def _fill(self, key: tuple[str, Hashable], sequence: int) -> bool:
        ranges = self._missing.get(key, [])
        for i, (first, last) in enumerate(ranges):
            if first <= sequence <= last:
                ranges[i : i + 1] = [r for r in ((first, sequence - 1), (sequence + 1, last)) if r[0] <= r[1]]
                return True
        return False

    def missing(self, topic: str) -> list[tuple[int, int]]:
        """Return the ranges ``(first, last)`` of the missing numbers, both ends included, publisher by publisher."""
        return [r for (name, _), ranges in self._missing.items() if name == topic for r in ranges]

    def duplicates(self, topic: str) -> int:
        """Return how many messages of ``topic`` arrived more than once."""
        return self._duplicates.get(topic, 0)

    def facts(self) -> dict[str, dict[str, Any]]:
        """Return the entry of the episode's facts: topics with a gap or a duplicate only."""
        topics = sorted({topic for topic, _ in self._newest})
        losses = {topic: (self.missing(topic), self.duplicates(topic)) for topic in topics}
        return {
            topic: {
                "missing": [list(r) for r in ranges],
                "lost": sum(last - first + 1 for first, last in ranges),
                "duplicates": twice,
            }
            for topic, (ranges, twice) in losses.items()
            if ranges or twice
        }


class Silences:
    """Times without any message, by the steady clock; messages that arrive late afterwards may still be complete."""

    def __init__(self) -> None:
        self._stamp_ns = self._received_ns = -1
        self.facts: list[dict[str, Any]] = []
        """For each silence the stamp of the last message before it, and its duration, s."""

    def add(self, stamp_ns: int, now_ns: int) -> None:
        """Add the arrival of the message with this stamp."""
        if self._received_ns >= 0 and now_ns - self._received_ns > SILENCE_NS:
            self.facts.append({"after_ns": self._stamp_ns, "s": round((now_ns - self._received_ns) / 1e9, 3)})
        self._stamp_ns, self._received_ns = stamp_ns, now_ns
