# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Timing of messages: how often they come, when each arrived at this machine, and how long answers take."""

from __future__ import annotations

import math
from collections import Counter, deque

import numpy as np

LATENCIES = 1000
"""Over how many of the last answers the quantiles of the latency are computed."""
MIN_INTERVAL_S = 0.5
"""Rates over less than this mean little: the ones before are returned again."""
WINDOW_NS = 5_000_000_000
"""For one to two of these the shortest transit is remembered: a clock that was set is followed again after that."""


class Rates:
    """Counts events by name; an increment of ``counts`` is all that an event costs."""

    def __init__(self, now_ns: int) -> None:
        self.counts: Counter[str] = Counter()
        self._before, self._before_ns = Counter[str](), now_ns
        self._rates: dict[str, float] = {}

    def per_second(self, now_ns: int) -> dict[str, float]:
        """Return the events per second since the call before, by name."""
        elapsed_s = (now_ns - self._before_ns) / 1e9
        if elapsed_s >= MIN_INTERVAL_S:
            self._rates = {name: (count - self._before[name]) / elapsed_s for name, count in self.counts.items()}
            self._before, self._before_ns = self.counts.copy(), now_ns
        return self._rates


class ArrivalTimes:
    """Estimates when messages arrived at this machine, by the steady clock.

    The middleware's time of reception is right as long as the process runs. After the whole process was suspended,
    messages that waited outside count as received when it goes on; but their transit took longer than the shortest of
    the recent ones. Transit is measured with the publisher's clock, which need not agree with ours, since only
    differences count.
    """

    def __init__(self) -> None:
        self._shortest_ns: list[int] = []
        """The shortest transit of this window, and of the one before."""
        self._since_ns = 0

    def arrived(self, now_ns: int, wall_ns: int, received_ns: int, sent_ns: int) -> int:
        """Return when a message arrived, ns of the steady clock.

        Args:
            now_ns: by the steady clock.
            wall_ns: the same moment by the system's clock, which the middleware uses.
            received_ns: when the middleware received the message; 0 if unknown.
            sent_ns: when it was published, by the publisher's clock; 0 if unknown.
        """
        waited_ns = max(0, wall_ns - received_ns) if received_ns > 0 else 0
        late_ns = self._late_ns(now_ns, received_ns - sent_ns) if min(received_ns, sent_ns) > 0 else 0
        return now_ns - waited_ns - late_ns

    def _late_ns(self, now_ns: int, transit_ns: int) -> int:
        """Return by how much a transit took longer than the shortest."""
        if not self._shortest_ns or now_ns - self._since_ns > WINDOW_NS:
            self._shortest_ns, self._since_ns = [transit_ns, *self._shortest_ns[:1]], now_ns
        self._shortest_ns[0] = min(transit_ns, self._shortest_ns[0])
        return transit_ns - min(self._shortest_ns)


class Latencies:
    """How long the last answers took."""

    def __init__(self) -> None:
        self._last_ns: deque[int] = deque(maxlen=LATENCIES)

    def add(self, latency_ns: int) -> None:
        """Note how long an answer took."""
        self._last_ns.append(latency_ns)

    def facts(self) -> dict[str, str]:
        """Return the median and the 99th percentile, ms, for the diagnostics; ``nan`` before the first answer."""
        p50, p99 = np.percentile(self._last_ns or [math.nan], (50, 99)) / 1e6
        return {"latency_p50_ms": f"{p50:.3f}", "latency_p99_ms": f"{p99:.3f}"}
