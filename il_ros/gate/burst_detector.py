# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether an observation was held up on its way: after a silence, those that were come all at once."""

from __future__ import annotations

from il_ros.core.types import SILENCE_NS

SMOOTHING = 1 / 16


class StaleBurstDetector:
    """Tells the observations that come late in a burst from those that come on time, by when they come alone.

    A link that was down delivers what it has kept once it is back. By then the arm has held for those steps, and a
    command that answers them would be for a state that is past.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last episode."""
        self._last_ns: int | None = None
        self._usual_ns = 0.0
        self._is_catching_up = False

    def is_late(self, now_ns: int) -> bool:
        """Return whether the observation that comes at ``now_ns``, on the steady clock, is one of a backlog.

        So is the first after a silence, and each that follows in less than half of the usual time.
        """
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None:
            return False
        interval_ns = now_ns - last_ns
        if interval_ns > SILENCE_NS:
            self._is_catching_up = True
        elif not self._is_catching_up or interval_ns >= self._usual_ns / 2:
            self._is_catching_up = False
            known_ns = self._usual_ns or interval_ns
            self._usual_ns = known_ns + SMOOTHING * (interval_ns - known_ns)
        return self._is_catching_up
