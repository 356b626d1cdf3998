# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Topics with rates of their own, put on one grid of steps: at each the latest message, and none from the future.

A clock that jumps begins a new stretch; stretches are never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.signals import Array

FAR_NS = 1_000_000_000
"""A stamp that runs ahead of the time of recording by more than this, from one message to the next, is a jump."""


@dataclass(frozen=True)
class Track:
    """The messages of one topic, in the order of recording."""

    times_ns: Array
    """(n,) int64, what the grid goes by: the headers' stamps, or the times of recording."""
    log_time_ns: Array
    """(n,) int64, when the messages were recorded."""
    order: Array
    """(n,) int64, increasing: how many messages of all topics were recorded before."""

    def jumps(self, stale_ns: int) -> Array:
        """Which messages are the first after a jump of the clock, (k,).

        Messages that overtake each other by less than ``stale_ns`` are no jump.
        """
        step = np.diff(self.times_ns)
        is_jump = (step < -stale_ns) | (step - np.diff(self.log_time_ns) > FAR_NS)
        return np.flatnonzero(is_jump) + 1


@dataclass(frozen=True)
class Resampled:
    """T steps; row t of every array is the same step."""

    times_ns: Array
    """(T,) int64; within a stretch they lie on one grid."""
    rows: Array
    """(T, tracks) int64, which message of each track is the latest."""
    stretch: Array
    """(T,) int64, the number of the stretch."""
    possible: int
    """How many steps there would be if no topic had ever been stale."""
    stale: Array
    """(tracks,) int64, at how many of these each topic was."""

    def ages_ns(self, tracks: Sequence[Track]) -> Array:
        """(T, tracks) int64, how old the messages are."""
        times = [track.times_ns[rows] for track, rows in zip(tracks, self.rows.T)]
        ages: Array = self.times_ns[:, None] - np.stack(times, axis=1)
        return ages

    def is_repeated(self, step_ns: int) -> Array:
        """(T, tracks) bool, which messages are those of the step before."""
        follows = (np.diff(self.times_ns) == step_ns) & (np.diff(self.stretch) == 0)
        first = np.zeros((min(1, len(self.rows)), self.rows.shape[1]), np.bool_)
        return np.concatenate([first, follows[:, None] & (np.diff(self.rows, axis=0) == 0)])


def resample(tracks: Sequence[Track], step_ns: int, stale_ns: int) -> Resampled:
    """The steps at which every track has a message that is at most ``stale_ns`` old, stretch by stretch.

    A stretch's grid begins when the last of the topics does, and ends with the newest message.
    """
    cuts = _cuts(tracks, stale_ns)
    numbers = [np.searchsorted(cuts[:, n], track.order, side="right") for n, track in enumerate(tracks)]
    parts = []
    for stretch in range(len(cuts) + 1):
        members = [np.flatnonzero(number == stretch) for number in numbers]
        if all(len(member) for member in members):
            parts.append((stretch, *_one_stretch(tracks, members, step_ns, stale_ns)))
    count = len(tracks)
    return Resampled(
        times_ns=np.concatenate([np.empty(0, np.int64), *(times for _, times, *_ in parts)]),
        rows=np.concatenate([np.empty((0, count), np.int64), *(rows for _, _, rows, *_ in parts)]),
        stretch=np.concatenate([np.empty(0, np.int64), *(np.full(len(times), n) for n, times, *_ in parts)]),
        possible=sum(possible for *_, possible, _ in parts),
        stale=np.sum([np.zeros(count, np.int64), *(stale for *_, stale in parts)], axis=0),
    )


def _cuts(tracks: Sequence[Track], stale_ns: int) -> Array:
    """(stretches - 1, tracks) int64: the ``order`` at which each track's next stretch begins.

    All topics see a jump of the clock, each with its own next message; so jumps of different tracks that are recorded
    within a short time are one.
    """
    found = [(n, row) for n, track in enumerate(tracks) for row in track.jumps(stale_ns).tolist()]
    found.sort(key=lambda jump: tracks[jump[0]].order[jump[1]])
    cuts: list[dict[int, int]] = []
    since = 0
    for n, row in found:
        time_ns, order = int(tracks[n].log_time_ns[row]), int(tracks[n].order[row])
        if not cuts or n in cuts[-1] or time_ns - since > FAR_NS:
            cuts.append({})
            since = time_ns
        cuts[-1][n] = order
    rows = [[cut.get(n, min(cut.values())) for n in range(len(tracks))] for cut in cuts]
    return np.array(rows, dtype=np.int64).reshape(len(cuts), len(tracks))


def _one_stretch(
    tracks: Sequence[Track], members: Sequence[Array], step_ns: int, stale_ns: int
) -> tuple[Array, Array, int, Array]:
    """Times (T,), rows (T, tracks), possible steps and stale ones by track."""
    sorted_rows = [rows[tracks[n].times_ns[rows].argsort(kind="stable")] for n, rows in enumerate(members)]
    times = [tracks[n].times_ns[rows] for n, rows in enumerate(sorted_rows)]
    begin, end = max(int(own[0]) for own in times), max(int(own[-1]) for own in times)
    possible = (end - begin) // step_ns + 1
    fresh = [_fresh(own, begin, end, step_ns, stale_ns) for own in times]
    steps = fresh[0]
    for others in fresh[1:]:
        steps = np.intersect1d(steps, others, assume_unique=True)
    ticks = begin + step_ns * steps
    latest = [rows[np.searchsorted(own, ticks, side="right") - 1] for own, rows in zip(times, sorted_rows)]
    return ticks, np.stack(latest, axis=1), possible, np.array([possible - len(own) for own in fresh])


def _fresh(times_ns: Array, begin: int, end: int, step_ns: int, stale_ns: int) -> Array:
    """The numbers of the steps, (k,) increasing, at which a topic has a message that is not stale."""
    until = np.minimum(np.append(times_ns[1:] - 1, end), times_ns + stale_ns)
    until = np.minimum(until, end)  # each message serves from its own time until the next, or until it is stale
    first = np.maximum(-(-(times_ns - begin) // step_ns), 0)
    counts = np.maximum((until - begin) // step_ns - first + 1, 0)
    offsets = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    steps: Array = np.repeat(first, counts) + offsets
    return steps


def report(resampled: Resampled, tracks: Sequence[Track], step_ns: int) -> list[dict[str, Any]]:
    """By track: how old its messages are at the steps, and what was dropped and repeated.

    ``dropped``: messages that no step uses; ``padded``: steps that repeat the message of the step before; ``stale``:
    possible steps that it was too old for.
    """
    ages = resampled.ages_ns(tracks) / 1e9
    repeated = resampled.is_repeated(step_ns).sum(axis=0)
    return [
        {
            "messages": len(track.order),
            "greatest_age_s": round(float(ages[:, n].max(initial=0.0)), 6),
            "rms_age_s": round(float(np.sqrt(np.square(ages[:, n]).mean())), 6) if len(ages) else 0.0,
            "dropped": len(track.order) - len(np.unique(resampled.rows[:, n])),
            "padded": int(repeated[n]),
            "stale": int(resampled.stale[n]),
        }
        for n, track in enumerate(tracks)
    ]
