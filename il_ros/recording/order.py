# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.
"""When messages came, whatever their order in the file: a file may hold topic after topic, or blocks in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.signals import Array

PAUSE_NS = 10_000_000_000
"""What is put between two runs of the recorder's clock."""
FEWEST = 3
"""Messages of a topic by which two runs of the recorder's clock are told from one that was written late in part."""
MOST_RUNS = 256
"""More runs than these are a file in no order at all."""


def arrivals(logs: Sequence[Array], orders: Sequence[Array], stale_ns: int) -> list[Array]:
    """The times of recording of each topic, (n,), by a clock that goes on where that of the recorder began anew.

    Only the order of the file tells such runs apart: the times of a later one lie among those of an earlier. Messages
    that merely lie in another order than that of their times are of one run.

    Args:
        logs: by topic (n,), the times of recording as they are.
        orders: by topic (n,), ``Block.order``.
        stale_ns: messages that overtake each other by less are in order.
    """
    in_file = [order.argsort(kind="stable") for order in orders]
    runs = [_runs(log[rows], stale_ns) for log, rows in zip(logs, in_file)]
    count = max((int(run[-1]) for run in runs if len(run)), default=0) + 1
    if count == 1:
        return list(logs)
    main = next(n for n, run in enumerate(runs) if len(run) and run[-1] == count - 1)
    begins = orders[main][in_file[main]][np.searchsorted(runs[main], np.arange(1, count))]
    numbers = []
    for order, rows, run in zip(orders, in_file, runs):
        has_all = len(run) > 0 and run[-1] == count - 1
        number = np.empty(len(order), np.int64)
        number[rows] = run if has_all else np.searchsorted(begins, order[rows], side="right")
        numbers.append(number)
    return _one_after_another(logs, numbers, count)


def _one_after_another(logs: Sequence[Array], numbers: Sequence[Array], count: int) -> list[Array]:
    shift, end = np.zeros(count, np.int64), 0
    for run in range(count):
        mine = np.concatenate([log[number == run] for log, number in zip(logs, numbers)])
        shift[run] = end + PAUSE_NS - int(mine.min()) if run else 0
        end = int(mine.max() + shift[run])
    return [log + shift[number] for log, number in zip(logs, numbers)]


def _runs(log_time_ns: Array, stale_ns: int) -> Array:
    """(n,) int64, increasing: in which run of the recorder's clock messages are that stand in the file's order."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(log_time_ns) < -stale_ns) + 1]).tolist()
    run = np.zeros(len(log_time_ns), np.int64)
    if len(starts) > min(MOST_RUNS, len(run) // FEWEST):
        return run
    begin = 0
    for start, stop in zip(starts[1:], [*starts[2:], len(run)]):
        if _are_two(np.sort(log_time_ns[begin:start]), np.sort(log_time_ns[start:stop])):
            run[start:] += 1
            begin = start
    return run


def _are_two(before: Array, after: Array) -> bool:
    """Whether some times lie among others, as those of two runs do; what was written late fills a gap."""
    common = after[(after >= before[0]) & (after <= before[-1])]
    if len(common) < FEWEST:
        return False
    among = np.searchsorted(before, common[-1], side="right") - np.searchsorted(before, common[0])
    return bool(among >= max(FEWEST, len(common) // 4))
