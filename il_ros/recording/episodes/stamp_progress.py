# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Follow the stamps of the observation, and decide whether another stamp can be of the same clock.

One message with a stamp that cannot be (zero, the far future) is no new clock. A simulation that was reset, or an arm
that was started anew, is one: then the next message goes on from there.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from dataclasses import dataclass

FAR_NS = 10_000_000_000
"""A stamp that is further than this from the observation's is of no step of this episode."""
SETTLE_NS = 300_000_000
"""A new publisher must be alone for so long before the clock is taken to be its."""
PATIENCE_NS = 500_000_000
"""The longest time for which a clock is in doubt."""


class Verdict(enum.Enum):
    """What a stamp shows of the clock."""

    GOES_ON = "the clock goes on"
    DOUBTFUL = "the next message tells whether the clock was set, or the stamp is wrong"
    MOVED = "the clock was set"


@dataclass
class StampProblem:
    """Stamps that do not go on from those before."""

    publisher: Hashable
    is_new: bool
    """Whether nothing was received of this publisher before."""
    newest_ns: int
    since_ns: int
    """By the steady clock."""


class StampProgress:
    """Follows the stamps of one topic, publisher by publisher.

    Args:
        step_ns: a stamp that is less than this before the last one is in order.
        lag_ns: how much the stamps of one publisher may be behind another's.
    """

    def __init__(self, step_ns: int, lag_ns: int) -> None:
        self.now_ns: int | None = None
        """The newest stamp of the clock, ns; None as long as there was no message."""
        self.before_ns: int | None = None
        """The same of the clock before it was set."""
        self._step_ns, self._lag_ns = step_ns, max(lag_ns, step_ns)
        self._patience_ns = max(PATIENCE_NS, 5 * step_ns // 2)
        self._newest: dict[Hashable, int] = {}
        self._leapt: dict[Hashable, int] = {}
        """Where the stamps of a publisher were before the last one, if that is much later."""
        self.doubt: StampProblem | None = None
        """What may be of another clock."""
        self._expected_ns: int | None = None

    def expect(self, stamp_ns: int) -> Verdict:
        """Expect the clock to be set to ``stamp_ns``, which then needs no confirmation."""
        self._expected_ns, doubt = stamp_ns, self.doubt
        if doubt is not None and self._follows(stamp_ns, doubt.newest_ns):
            return self._move(doubt.publisher, doubt.newest_ns)
        return Verdict.GOES_ON

    def add(self, publisher: Hashable, stamp_ns: int, steady_ns: int) -> Verdict:
        """Add a message: its publisher, its stamp, and its arrival by the steady clock."""
        is_new = publisher not in self._newest
        last_ns = self._newest.get(publisher, self.now_ns)
        back_ns = self._lag_ns if is_new else self._step_ns
        if last_ns is None or last_ns - back_ns <= stamp_ns <= last_ns + FAR_NS:
            self._go_on(publisher, stamp_ns)
            return Verdict.GOES_ON
        leapt_ns = self._leapt.get(publisher)
        if (
            leapt_ns is not None and leapt_ns - back_ns <= stamp_ns < last_ns
        ):  # it was the message before that was wrong
            self._go_on(publisher, stamp_ns)
            return Verdict.GOES_ON
        if self._expected_ns is not None and self._follows(self._expected_ns, stamp_ns):
            return self._move(publisher, stamp_ns)
        doubt = self.doubt
        if doubt is None or doubt.publisher != publisher or not self._follows(doubt.newest_ns, stamp_ns):
            self.doubt = StampProblem(publisher, is_new, stamp_ns, steady_ns)
            return Verdict.DOUBTFUL
        doubt.newest_ns = stamp_ns
        if doubt.is_new and steady_ns - doubt.since_ns < SETTLE_NS:
            return Verdict.DOUBTFUL
        return self._move(publisher, stamp_ns)

    def is_in_doubt(self, steady_ns: int) -> bool:
        """Return whether messages that arrive now may be of another clock."""
        return self.doubt is not None and steady_ns - self.doubt.since_ns <= self._patience_ns

    def is_near(self, stamp_ns: int) -> bool:
        """Return whether a stamp can be of this clock, now."""
        return self.now_ns is None or abs(stamp_ns - self.now_ns) <= FAR_NS

    def _follows(self, first_ns: int, stamp_ns: int) -> bool:
        return first_ns - self._step_ns <= stamp_ns <= first_ns + FAR_NS

    def _go_on(self, publisher: Hashable, stamp_ns: int) -> None:
        last_ns = self._newest.get(publisher, stamp_ns)
        self._newest[publisher] = stamp_ns
        self._leapt.pop(publisher, None)
        if stamp_ns - last_ns > self._lag_ns:
            self._leapt[publisher] = last_ns
        self.now_ns = max(self._newest.values()) if len(self._newest) > 1 else stamp_ns
        doubt = self.doubt
        if doubt is None:
            return
        if doubt.publisher == publisher:
            self.doubt = None
        elif doubt.is_new:  # another publisher beside the one that goes on
            self.doubt = None
            if self.is_near(doubt.newest_ns):
                self._newest[doubt.publisher] = doubt.newest_ns

    def _move(self, publisher: Hashable, stamp_ns: int) -> Verdict:
        self.before_ns, self.now_ns = self.now_ns, stamp_ns
        self._newest, self._leapt, self.doubt, self._expected_ns = {publisher: stamp_ns}, {}, None, None
        return Verdict.MOVED
