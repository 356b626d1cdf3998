# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Choose the clock by which the messages of several topics are combined, from what their times show.

A message has up to three times: the stamp of its header, when it was published and when it was recorded. Stamps are
right where every topic has them and one clock made them. Times of recording always exist; but they hold the delays of
the network, and those of a simulation that does not run at the pace of real time are no measure of its motion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core.errors import DataError
from il_ros.core.types import Array

NO_STAMP = int(np.iinfo(np.int64).min)
FAR_NS = 1_000_000_000
"""A stamp that runs ahead of the time of recording by more than this, from one message to the next, is a jump; and
topics whose stamps are farther apart than this, when they were recorded at the same time, have different clocks."""
MOST_BAD = 2
"""Stamps in a row that may be wrong; more of them are a clock that jumped."""
SAME_PACE = 0.05
"""A clock passes at the pace of recording if the ratio differs from 1 by less than this."""
FEWEST_STEPS = 8
"""Steps of a topic that show at which pace its clock runs."""
FASTEST = 300.0
"""A clock that seems to run at more times the pace of recording: the times of recording are none, but for example
those of a conversion."""
TOGETHER = 1 << 16
"""Messages whose times are compared at once."""


@dataclass(frozen=True)
class TopicTimes:
    """The times of a topic's messages, in the order in which they came; row n of every array is the same message."""

    name: str
    topic: str
    stamps_ns: Array
    """(n,) int64, the headers' stamps; ``NO_STAMP`` where there is none."""
    publish_time_ns: Array
    """(n,) int64, when the messages were published."""
    log_time_ns: Array
    """(n,) int64, when they were recorded."""
    arrived_ns: Array
    """(n,) int64, the same by a clock that is never reset; see ``arrival_order.arrivals``."""
    is_static: bool = False
    """Whether a message holds until the next, so that its stamp may be of any time."""
    offset_ns: int = 0
    """What the contract adds to its times: to those of the sender's clock already, which ``log_time_ns`` are not."""

    def rows(self, index: Array) -> TopicTimes:
        """Return some of the messages; all of them, as nearly always, are not copied."""
        if len(index) == len(self.arrived_ns) and (index[1:] > index[:-1]).all():
            return self
        columns = ("stamps_ns", "publish_time_ns", "log_time_ns", "arrived_ns")
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in columns})

    def jumps(self, stale_ns: int, pace: float = 1.0) -> Array:
        """Return which messages are the first after a jump of the headers' clock, (k,)."""
        return jumps(self.stamps_ns, self.arrived_ns, stale_ns, pace)


@dataclass(frozen=True)
class TopicTiming:
    """The times that a topic's messages go by."""

    rows: Array
    """(k,) int64, increasing: which messages of the timeline can be used."""
    times_ns: Array
    """(k,) int64"""
    clock: str
    """``header``, ``publish`` or ``recording``."""
    offset_ns: int | None
    """By how much its stamps are ahead of those of most topics at the same time of recording; None if not known."""


@dataclass(frozen=True)
class ClockChoice:
    """The clock of a bag and why it is this one, and the times of each of its topics by it."""

    clock: str
    why: str
    pace: float
    """How many seconds pass by that clock in one of recording."""
    timings: list[TopicTiming]


def jumps(times_ns: Array, arrived_ns: Array, stale_ns: int, pace: float = 1.0) -> Array:
    """Return which messages are the first after a jump of the clock, (k,); the messages are in order of arrival.

    Messages that overtake each other by less than ``stale_ns`` are no jump.
    """
    rows = [np.empty(0, np.int64)]
    for begin in range(0, len(times_ns), TOGETHER):  # piece by piece, which takes little memory
        piece = slice(begin, begin + TOGETHER + 1)
        step = np.diff(times_ns[piece])
        is_jump = (step < -stale_ns) | (step - max(pace, 1.0) * np.diff(arrived_ns[piece]) > FAR_NS)
        rows.append(begin + 1 + np.flatnonzero(is_jump))
    return np.concatenate(rows)


def soon_ns(pace: float) -> int:
    """Return within what time of recording, ns, jumps of several topics are one jump of a clock of this pace."""
    return round(FAR_NS / max(pace, 1.0))


def choose(lines: Sequence[TopicTimes], clock: str, stale_ns: int) -> ClockChoice:
    """Return the times of each topic's messages by the requested clock or, without a request, by the one that fits.

    These are the stamps where every topic has them and one clock made them, else the times of recording of all. Of a
    clock that runs at another pace than the recorder's, topics without stamps of it get the times that it showed when
    their messages were recorded.

    Args:
        lines: of each topic.
        clock: one of ``contract.CLOCKS``, or empty.
        stale_ns: messages that overtake each other by less are no jump of a clock.

    Raises:
        DataError: if stamps are asked for, and a topic has none.
    """
    evidence = _Evidence(lines, stale_ns)
    reasons = evidence.troubles()
    if clock == "header" and any(line in evidence.without for line in lines):
        names = ", ".join(line.name for line in evidence.without)
        raise DataError(
            f"{names}: fewer than half of the messages have a stamp; the contract says external: {{clock: header}}; "
            "use publish or log, or leave it out"
        )
    if clock:
        chosen, why = {"log": "recording"}.get(clock, clock), "as the contract's external: clock says"
    elif not reasons:
        chosen, why = "header", "every topic has stamps, of one clock"
    elif evidence.pace == 1.0 or not evidence.agreeing:
        chosen, why = "recording", "; ".join(reasons)
    else:
        chosen, why = "header", f"{'; '.join(reasons)}; it goes by the time that the others' clock showed when it came"
    pace = evidence.pace or FASTEST if chosen == "header" else 1.0
    return ClockChoice(chosen, why, pace, [evidence.timing(n, chosen, bool(clock)) for n in range(len(lines))])


class _Evidence:
    """Evidence of the clocks in the times of some topics."""

    def __init__(self, lines: Sequence[TopicTimes], stale_ns: int) -> None:
        self._lines = lines
        positive = [np.flatnonzero(line.stamps_ns != NO_STAMP) for line in lines]
        stamped = [line.rows(rows) for line, rows in zip(lines, positive)]
        self.pace = _pace(max(stamped, key=_weight))
        bad = _bad_stamps(stamped, stale_ns, 1.0 if self.pace is None else self.pace)
        self._rows = [rows[~is_bad] for rows, is_bad in zip(positive, bad)]
        self._stamped = [line.rows(rows) for line, rows in zip(lines, self._rows)]
        has_stamps = [2 * len(rows) > len(line.arrived_ns) for rows, line in zip(self._rows, lines)]
        self._has_stamps = has_stamps
        self.without = [line for line, has in zip(lines, has_stamps) if not has and not line.is_static]
        self._offsets = self._measured()
        self._apart = [n for n, offset in enumerate(self._offsets) if abs(offset or 0) > FAR_NS]
        self.agreeing = [
            line
            for n, line in enumerate(self._stamped)
            if has_stamps[n] and n not in self._apart and not line.is_static
        ]

    def troubles(self) -> list[str]:
        """Return why the stamps of all topics cannot be compared; nothing if they can."""
        reasons = [f"{line.name} has no stamps" for line in self.without]
        for n in self._apart:
            seconds = (self._offsets[n] or 0) / 1e9
            side = "ahead of" if seconds > 0 else "behind"
            reasons.append(f"the stamps of {self._lines[n].name} are {abs(seconds):.3f} s {side} the other topics'")
        return reasons

    def timing(self, n: int, clock: str, is_asked: bool) -> TopicTiming:
        """Return the times of a topic by the clock of the bag."""
        line, offset = self._lines[n], self._offsets[n]
        every = np.arange(len(line.arrived_ns))
        if line.is_static:
            return TopicTiming(every, line.stamps_ns, clock, offset)
        if clock == "recording":
            own = line.offset_ns if is_asked or not self._has_stamps[n] else 0
            return TopicTiming(every, line.log_time_ns + own, clock, offset)
        if clock == "publish":
            return TopicTiming(every, line.publish_time_ns, clock, offset)
        if is_asked or (self._has_stamps[n] and n not in self._apart):
            return TopicTiming(self._rows[n], self._stamped[n].stamps_ns, clock, offset)
        shown = _shown(max(self.agreeing, key=_weight), line.arrived_ns, self.pace or 0.0)
        return TopicTiming(every, shown, "recording", offset)

    def _measured(self) -> list[int | None]:
        """Return by how much the stamps of each topic are ahead of those of most, ns; None where it is not known."""
        none = np.empty(0, np.int64)
        lines = [line if has else line.rows(none) for line, has in zip(self._stamped, self._has_stamps)]
        reference = max(lines, key=_weight)
        if self.pace is None or not _weight(reference):
            return [None] * len(lines)
        offsets = [_offset(line, reference, self.pace) for line in lines]
        known = [offset for offset in offsets if offset is not None]
        groups = [[other for other in known if abs(other - offset) <= FAR_NS] for offset in known]
        sizes = [len(group) for group in groups]
        largest = sorted(groups[sizes.index(max(sizes))])
        middle = largest[len(largest) // 2]
        return [None if offset is None else offset - middle for offset in offsets]


def _weight(line: TopicTimes) -> int:
    """Return how many stamps of a topic are evidence of the clock."""
    return 0 if line.is_static else len(line.arrived_ns)


def _pace(line: TopicTimes) -> float | None:
    """Return the seconds that pass by the headers in one of recording, 1 if near that; None if it is implausible."""
    step = np.diff(line.stamps_ns)
    if np.count_nonzero(step > 0) < FEWEST_STEPS:
        return 1.0
    median = np.median(step[step > 0], overwrite_input=True)
    usual = (step > 0) & (step <= 5 * median)  # neither a jump nor a silence
    by_stamps, by_arrival = (int(np.sum(passed, where=usual)) for passed in (step, np.diff(line.arrived_ns)))
    pace = float(by_stamps) / max(1.0, float(by_arrival))
    if pace >= FASTEST:
        return None
    return 1.0 if abs(pace - 1.0) < SAME_PACE else pace


def _shown(reference: TopicTimes, arrived_ns: Array, pace: float) -> Array:
    """Return what the clock of a topic's headers showed at other times of recording."""
    last = np.maximum(np.searchsorted(reference.arrived_ns, arrived_ns, side="right") - 1, 0)
    passed = np.round(pace * (arrived_ns - reference.arrived_ns[last])).astype(np.int64)
    shown: Array = reference.stamps_ns[last] + passed
    return shown


def _offset(line: TopicTimes, reference: TopicTimes, pace: float) -> int | None:
    """Return the median by which a topic's stamps are ahead of another's at the same time of recording, ns."""
    begin, end = reference.arrived_ns[0], reference.arrived_ns[-1] + FAR_NS
    within = line.rows(np.flatnonzero((line.arrived_ns >= begin) & (line.arrived_ns <= end)))
    if line.is_static or not len(within.arrived_ns):
        return None
    return int(np.median(within.stamps_ns - _shown(reference, within.arrived_ns, pace)))


def _bad_stamps(lines: Sequence[TopicTimes], stale_ns: int, pace: float) -> list[Array]:
    """Return by topic (n,) bool: a few stamps that are far off, while the clock continues before and after them.

    Where another topic's clock jumps at the same time and stays there, the stamps are right and the clock is another.
    """
    jumped = [line.jumps(stale_ns, pace) for line in lines]
    bad = [_excursions(line, rows, stale_ns, pace) for line, rows in zip(lines, jumped)]
    remaining = [rows[~is_bad[rows] & ~is_bad[rows - 1]] for rows, is_bad in zip(jumped, bad)]
    lasting = [line.arrived_ns[rows] for line, rows in zip(lines, remaining)]
    for line, rows, is_bad in zip(lines, jumped, bad):
        if line.is_static:
            is_bad[:] = False
        elif len(rows):
            others = (own for own, other in zip(lasting, lines) if other.topic != line.topic and not other.is_static)
            restarts = np.sort(np.concatenate([np.empty(0, np.int64), *others]))
            _confirm(line, rows, is_bad, restarts, soon_ns(pace))
    return bad


def _excursions(line: TopicTimes, jumped: Array, stale_ns: int, pace: float) -> Array:
    """Return (n,) bool: a few messages whose stamps leave a continuing clock, or do so at the beginning or end."""
    is_bad = np.zeros(len(line.arrived_ns), np.bool_)
    for row in jumped.tolist():
        if is_bad[row] or is_bad[row - 1]:
            continue
        for after in range(row + 1, min(row + MOST_BAD + 1, len(is_bad))):
            if not len(line.rows(np.array([row - 1, after])).jumps(stale_ns, pace)):
                is_bad[row:after] = True
                break
    if len(jumped):
        first, last, count = int(jumped[0]), int(jumped[-1]), len(is_bad)
        is_bad[:first] |= first <= MOST_BAD < count - first and not is_bad[first]
        is_bad[last:] |= count - last <= MOST_BAD < last and not is_bad[last - 1]
    return is_bad


def _confirm(line: TopicTimes, jumped: Array, is_bad: Array, restarts: Array, soon_ns: int) -> None:
    """Accept or reject stamps where a jump of another topic's clock explains them."""

    def is_shared(row: int) -> bool:
        between = (line.arrived_ns[row - 1] - soon_ns, line.arrived_ns[row] + soon_ns)
        first, after = np.searchsorted(restarts, between)
        return bool(after > first)

    for row in jumped.tolist():
        if is_bad[row] != is_bad[row - 1] and is_shared(row):
            if is_bad[row]:
                is_bad[row : row + MOST_BAD] = False
            else:
                is_bad[max(0, row - MOST_BAD) : row] = False
