# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Times of arrival, whatever the order in the file: it may hold topic after topic, or blocks in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.types import Array

PAUSE_NS = 10_000_000_000
"""The pause between two runs of the recorder's clock."""
FEWEST = 3
"""Messages of a topic that distinguish two runs of the recorder's clock from one that was written late in part."""
MOST_RUNS = 256
"""More runs than these are a file in no order at all."""


def arrivals(logs: Sequence[Array], orders: Sequence[Array], stale_ns: int) -> list[Array]:
    """Return the times of recording of each topic, (n,), by a clock that continues where the recorder's was reset.

    Only the order of the file separates such runs: the times of a later one lie among those of an earlier. Messages
    that merely lie in another order than that of their times are of one run.

    Args:
        logs: by topic (n,), the times of recording as they are.
        orders: by topic (n,), ``Block.order``.
        stale_ns: messages that overtake each other by less are in order.
    """
    main = max(range(len(logs)), key=lambda n: len(logs[n]))
    if not len(logs[main]) or not _runs(_in_file(logs[main], orders[main]), stale_ns)[-1]:
        return list(logs)  # nearly always
    in_file = [order.argsort(kind="stable") for order in orders]
    runs = [_runs(log[rows], stale_ns) for log, rows in zip(logs, in_file)]
    count = int(runs[main][-1]) + 1
    known = [n for n, run in enumerate(runs) if len(run) and run[-1] == count - 1]
    bounds = [
        _bound(k, known.index(main), [(orders[n], logs[n], in_file[n], runs[n]) for n in known])
        for k in range(1, count)
    ]
    numbers = []
    for n, (order, rows) in enumerate(zip(orders, in_file)):
        number = np.empty(len(order), np.int64)
        number[rows] = runs[n] if n in known else _by_place(order[rows], logs[n][rows], bounds)
        numbers.append(number)
    return _one_after_another(logs, numbers, count)


def _in_file(log_time_ns: Array, order: Array) -> Array:
    if (order[1:] > order[:-1]).all():
        return log_time_ns
    return log_time_ns[order.argsort(kind="stable")]


_Bound = tuple[tuple[int, int], tuple[int, int]]
"""Place in the file and time of recording of the last message before a run, and of its first."""


def _bound(run: int, main: int, topics: Sequence[tuple[Array, ...]]) -> _Bound:
    """Return where a run begins: for all topics or, if topics follow one another in the file, for the ``main`` one."""
    pairs: list[_Bound] = []
    for order, log, in_file, number in topics:
        first = int(np.searchsorted(number, run))
        before, after = in_file[first - 1], in_file[first]
        pairs.append(((int(order[before]), int(log[before])), (int(order[after]), int(log[after]))))
    last, first_of_all = max(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    return (last, first_of_all) if last < first_of_all else pairs[main]


def _by_place(order: Array, log_time_ns: Array, bounds: Sequence[_Bound]) -> Array:
    """Return the runs of messages of a topic that does not show them itself; between two, by the nearer time."""
    number = np.zeros(len(order), np.int64)
    for (last, ended_ns), (first, begun_ns) in bounds:
        is_nearer = np.abs(log_time_ns - begun_ns) < np.abs(log_time_ns - ended_ns)
        number += (order >= first) | ((order > last) & is_nearer)
    return number


def _one_after_another(logs: Sequence[Array], numbers: Sequence[Array], count: int) -> list[Array]:
    shift, end = np.zeros(count, np.int64), 0
    for run in range(count):
        mine = np.concatenate([log[number == run] for log, number in zip(logs, numbers)])
        shift[run] = end + PAUSE_NS - int(mine.min()) if run else 0
        end = int(mine.max() + shift[run])
    return [log + shift[number] for log, number in zip(logs, numbers)]


def _runs(log_time_ns: Array, stale_ns: int) -> Array:
    """Return (n,) int64, increasing, the run of the recorder's clock of each message in the order of the file."""
    step = np.diff(log_time_ns)
    starts = np.concatenate([[0], np.flatnonzero(step < -stale_ns) + 1]).tolist()
    run = np.zeros(len(log_time_ns), np.int64)
    if len(starts) > MOST_RUNS or 4 * np.count_nonzero(step < 0) > len(run):
        return run
    begin = 0
    for start, stop in zip(starts[1:], [*starts[2:], len(run)]):
        if _are_two(np.sort(log_time_ns[begin:start]), np.sort(log_time_ns[start:stop])):
            run[start:] += 1
            begin = start
    return run


def _are_two(before: Array, after: Array) -> bool:
    """Return whether times interleave one by one, as those of two runs do; late writes fill a gap instead."""
    common = after[(after >= before[0]) & (after <= before[-1])]
    if len(common) < FEWEST:
        return False
    places = np.searchsorted(before, common)
    gaps, among = len(np.unique(places)), int(places[-1] - places[0])
    return 2 * gaps >= min(len(common), among) and gaps >= FEWEST
