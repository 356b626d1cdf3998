# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message synchronization by exact stamp, live or of a bag, like message_filters' ``TimeSynchronizer``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from il_ros.core.types import Array


class ExactTimeSync:
    """Joins the messages of one step: those with the same stamp, one of every topic.

    A stamp that is overtaken by a complete later one before it is complete itself is dropped and counted. Where the
    stamps of a topic go back by more than ``step_ns`` its clock was set, and everything starts over.
    """

    def __init__(self, topics: Sequence[str], remember: int = 64, step_ns: float = math.inf) -> None:
        self._topics, self._remember, self._step_ns = tuple(topics), remember, step_ns
        self._waiting: dict[int, dict[str, Any]] = {}
        self._newest = -1
        self.newest: dict[str, int] = {}
        """The newest stamp of each topic, ns."""
        self.dropped = 0

    def add(self, topic: str, stamp: int, message: Any) -> tuple[int, dict[str, Any]] | None:
        """Add a message; return ``(stamp, messages by topic)`` when it completes its step."""
        last = self.newest.get(topic, stamp)
        went_back = stamp < last - self._step_ns
        if went_back:
            self._newest = -1
            self._waiting = {waiting: parts for waiting, parts in self._waiting.items() if waiting <= stamp}
        self.newest[topic] = stamp if went_back else max(stamp, last)
        if stamp <= self._newest:
            return None
        step = self._waiting.setdefault(stamp, {})
        step[topic] = message
        if len(step) < len(self._topics):
            if len(self._waiting) > self._remember:
                self._waiting.pop(min(self._waiting))
                self.dropped += 1
            return None
        self._newest = stamp
        self.dropped += sum(waiting < stamp for waiting in self._waiting)
        self._waiting = {waiting: parts for waiting, parts in self._waiting.items() if waiting > stamp}
        return stamp, step


def exact_join(stamps_ns: Sequence[Array], orders: Sequence[Array]) -> tuple[Array, Array, list[Array]]:
    """Join all messages of several topics as ``ExactTimeSync`` joins them one by one, while no clock goes back.

    Args:
        stamps_ns: of each topic (n,) int64, the messages' stamps.
        orders: of each topic (n,) int64, increasing: the place of each message among those of all topics.

    Returns:
        (T,) the complete stamps, increasing; (T,) the order of the message that completed each; and of each topic (T,)
        which of its messages belongs to each stamp.
    """
    if are_in_step(stamps_ns):
        rows = np.arange(len(stamps_ns[0]))
        return stamps_ns[0], np.max(orders, axis=0), [rows] * len(stamps_ns)
    stamps, order = _complete(stamps_ns, orders)
    return stamps, order, [_latest(own, place, stamps, order) for own, place in zip(stamps_ns, orders)]


def are_in_step(stamps_ns: Sequence[Array]) -> bool:
    """Return whether each stamp came once on every topic, in order of time, as it nearly always does."""
    first, *others = stamps_ns
    is_increasing = bool((np.diff(first, prepend=-1) > 0).all())
    return is_increasing and all(np.array_equal(other, first) for other in others)


def _complete(stamps_ns: Sequence[Array], orders: Sequence[Array]) -> tuple[Array, Array]:
    """Return the stamps that have a message of every topic, (T,), and the order of the one that completed each, (T,).

    A stamp that is overtaken by a later one which is complete sooner is left out.
    """
    first = [np.unique(own, return_index=True) for own in stamps_ns]
    stamps = first[0][0]
    for others, _ in first[1:]:
        stamps = np.intersect1d(stamps, others, assume_unique=True)
    completed = [order[index[np.searchsorted(own, stamps)]] for order, (own, index) in zip(orders, first)]
    order = np.max(completed, axis=0)  # (T,)
    by_order = order.argsort()
    in_time = stamps[by_order]
    newest = np.maximum.accumulate(np.concatenate(([-1], in_time)))[:-1]
    selected = np.sort(by_order[in_time > newest])
    return stamps[selected], order[selected]


def _latest(own_ns: Array, places: Array, stamps: Array, order: Array) -> Array:
    """Return (T,) which of a topic's messages of each stamp came last and not after ``order``; there must be one."""
    if np.array_equal(own_ns, stamps):
        return np.arange(len(stamps))
    own, number = np.unique(own_ns, return_inverse=True)
    apart = int(places.max(initial=0)) + 1
    keys = number * apart + places  # a stamp's messages lie together, in their order
    by_key = keys.argsort()
    limits = np.searchsorted(own, stamps) * apart + np.minimum(order, apart - 1)
    rows: Array = by_key[np.searchsorted(keys[by_key], limits, side="right") - 1]
    return rows
