# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""When the messages of a topic came, by the steady clock: not when somebody got round to reading them."""

from __future__ import annotations

WINDOW_NS = 5_000_000_000
"""For one to two of these the shortest journey is remembered: a clock that was set is followed again after that."""


class ArrivalTimes:
    """Reckons when messages came to this machine.

    The middleware tells it rightly as long as the process runs. After the whole process stood still, messages that
    waited outside count as received when it goes on; but their journey took longer than the shortest of late. It is
    measured by the publisher's clock, which need not agree with ours, since only differences count.
    """

    def __init__(self) -> None:
        self._shortest_ns: list[int] = []
        """The shortest journey of this window, and of the one before."""
        self._since_ns = 0

    def arrived(self, now_ns: int, wall_ns: int, received_ns: int, sent_ns: int) -> int:
        """When a message came, ns of the steady clock.

        Args:
            now_ns: by the steady clock.
            wall_ns: the same moment by the system's clock, as which the middleware tells its times.
            received_ns: when the middleware received the message; 0 if it does not tell.
            sent_ns: when it was published, by the publisher's clock; 0 if that is not told.
        """
        waited_ns = max(0, wall_ns - received_ns) if received_ns > 0 else 0
        late_ns = self._late_ns(now_ns, received_ns - sent_ns) if min(received_ns, sent_ns) > 0 else 0
        return now_ns - waited_ns - late_ns

    def _late_ns(self, now_ns: int, journey_ns: int) -> int:
        """By how much a journey took longer than the shortest."""
        if not self._shortest_ns or now_ns - self._since_ns > WINDOW_NS:
            self._shortest_ns, self._since_ns = [journey_ns, *self._shortest_ns[:1]], now_ns
        self._shortest_ns[0] = min(journey_ns, self._shortest_ns[0])
        return journey_ns - min(self._shortest_ns)
