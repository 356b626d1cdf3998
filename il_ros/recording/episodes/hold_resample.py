# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Resample topics with rates of their own to one grid of steps: at each the latest message, none from the future.

A clock that jumps begins a new stretch; stretches are never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core.types import Array
from il_ros.recording.episodes.clocks import NO_STAMP, TOGETHER, jumps, soon_ns


@dataclass(frozen=True)
class TopicTrack:
    """The messages of one topic; row n of every array is the same message."""

    times_ns: Array
    """(n,) int64, what the grid goes by: for example the headers' stamps."""
    log_time_ns: Array
    """(n,) int64, when the messages were recorded, by a clock that never begins anew."""
    order: Array
    """(n,) int64: how many messages of all topics were written before; which came first of those of one time."""
    is_static: bool = False
    """Whether a message holds until the next is recorded, however old it is."""
    stale_ns: int = 0
    """The greatest age of its messages, ns; 0: that of most topics."""

    def rows(self, index: Array) -> TopicTrack:
        """Return some of the messages; all of them in their order, as nearly always, are not copied."""
        if len(index) == len(self.order) and (index[1:] > index[:-1]).all():
            return self
        return TopicTrack(
            *(self.times_ns[index], self.log_time_ns[index], self.order[index]), self.is_static, self.stale_ns
        )


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

    def ages_ns(self, tracks: Sequence[TopicTrack]) -> Array:
        """Return the ages of the messages, (T, tracks) int64."""
        times = [track.times_ns[rows] for track, rows in zip(tracks, self.rows.T)]
        ages: Array = self.times_ns[:, None] - np.stack(times, axis=1)
        return ages

    def is_repeated(self, step_ns: int) -> Array:
        """Return which messages are those of the step before, (T, tracks) bool."""
        follows = (np.diff(self.times_ns) == step_ns) & (np.diff(self.stretch) == 0)
        first = np.zeros((min(1, len(self.rows)), self.rows.shape[1]), np.bool_)
        return np.concatenate([first, follows[:, None] & (np.diff(self.rows, axis=0) == 0)])


def resample(tracks: Sequence[TopicTrack], step_ns: int, stale_ns: int, pace: float = 1.0) -> Resampled:
    """Return the steps at which every track has a message of at most ``stale_ns`` age, or its own, by stretches.

    A stretch's grid begins when the last of the topics does, and ends with the newest message. ``pace`` is how many
    seconds pass by the tracks' clock in one of recording. Static tracks take no part in this: at each step stands their
    last message that was recorded before the step's newest; the first one holds from its stamp, if that is earlier.
    """
    in_time = [np.lexsort((track.order, track.log_time_ns)) for track in tracks]
    came = [track.rows(rows) for track, rows in zip(tracks, in_time)]
    moving = [n for n, track in enumerate(tracks) if not track.is_static]
    bounds = _stretches([came[n] for n in moving], stale_ns, pace)
    parts = []
    for stretch in range(len(bounds[0]) - 1):
        members = [slice(bound[stretch], bound[stretch + 1]) for bound in bounds]
        if all(member.stop > member.start for member in members):
            parts.append((stretch, *_one_stretch([came[n] for n in moving], members, step_ns, stale_ns)))
    times = np.concatenate([np.empty(0, np.int64), *(times for _, times, *_ in parts)])
    stretches = np.concatenate([np.empty(0, np.int64), *(np.full(len(times), n) for n, times, *_ in parts)])
    rows = np.empty((len(times), len(tracks)), np.int64)
    stale = np.zeros(len(tracks), np.int64)
    if parts:
        rows[:, moving] = np.concatenate([rows for _, _, rows, *_ in parts])
        stale[moving] = np.sum([lost for *_, lost in parts], axis=0)
        newest = np.max([came[n].log_time_ns[rows[:, n]] for n in moving], axis=0)
    for n in set(range(len(tracks))).difference(moving) if parts else ():
        main = came[moving[0]].log_time_ns, bounds[0]
        rows[:, n] = _holding(came[n], main, times, stretches, newest)
        stale[n] = (rows[:, n] < 0).sum()
    complete = (rows >= 0).all(axis=1)
    rows = np.stack([order[own] for order, own in zip(in_time, rows[complete].T)], axis=1)
    return Resampled(times[complete], rows, stretches[complete], sum(possible for *_, possible, _ in parts), stale)


def _holding(
    track: TopicTrack, main: tuple[Array, Array], times_ns: Array, stretches: Array, newest_ns: Array
) -> Array:
    """Return (T,) which message of a static track holds at each step, -1 if none; ``main``: bounds of another."""
    rows: Array = np.searchsorted(track.log_time_ns, newest_ns, side="right") - 1
    if len(track.order):
        before = max(0, int(np.searchsorted(main[0], track.log_time_ns[0], side="right")) - 1)
        since = int(track.times_ns[0])
        first = int(np.searchsorted(main[1][1:-1], before, side="right"))
        rows[(rows < 0) & (stretches == first) & (since <= times_ns) & (since != NO_STAMP)] = 0
    return rows


def _stretches(tracks: Sequence[TopicTrack], stale_ns: int, pace: float) -> list[Array]:
    """Return by track (stretches + 1,) int64 where the messages of each stretch begin, and where the last ends.

    All topics see a jump of the clock, each with its own next message: somewhere between two messages of each. So jumps
    of different tracks that can have happened within a short time are one. A track that saw none was silent then.
    """
    cuts: list[_Cut] = []
    for n, row in _jumps_in_time(tracks, stale_ns, pace):
        own = _Cut(_moment(tracks[n], row - 1), _moment(tracks[n], row), {n: row})
        near = [cut for cut in reversed(cuts) if n not in cut.rows and cut.away(own) <= soon_ns(pace)]
        if near:
            min(near, key=own.away).join(own)
        else:
            cuts.append(own)
    cuts.sort(key=lambda cut: cut.after)
    bounds = []
    for n, track in enumerate(tracks):
        begins = [cut.rows[n] if n in cut.rows else cut.first_row(track, pace) for cut in cuts]
        bounds.append(np.maximum.accumulate(np.array([0, *begins, len(track.order)], np.int64)))
    return bounds


def _moment(track: TopicTrack, row: int) -> tuple[int, int]:
    return int(track.log_time_ns[row]), int(track.times_ns[row])


@dataclass
class _Cut:
    """A jump of the clock."""

    before: tuple[int, int]
    """The time of recording of the last message before it, and what the clock showed."""
    after: tuple[int, int]
    """The same of the first message after it."""
    rows: dict[int, int]
    """By track, the first message after it."""

    def away(self, other: _Cut) -> int:
        """Return the least time between this jump and another one, ns; 0 if they can be the same."""
        return max(0, self.before[0] - other.after[0], other.before[0] - self.after[0])

    def join(self, other: _Cut) -> None:
        """Merge the same jump as another track shows it."""
        self.rows |= other.rows
        self.before, self.after = max(self.before, other.before), min(self.after, other.after)

    def first_row(self, track: TopicTrack, pace: float) -> int:
        """Return the first message after the jump of a track that shows none here: the first that fits better."""
        log = track.log_time_ns
        begin, end = np.searchsorted(log, (self.before[0] - soon_ns(pace), self.after[0] + soon_ns(pace))).tolist()
        near = track.rows(np.arange(begin, end))
        misfits = [
            np.abs(near.times_ns - shown - pace * (near.log_time_ns - at)) for at, shown in (self.before, self.after)
        ]
        is_after = misfits[1] < misfits[0]
        return int(begin + is_after.argmax()) if is_after.any() else int(end)


def _jumps_in_time(tracks: Sequence[TopicTrack], stale_ns: int, pace: float) -> list[tuple[int, int]]:
    every = [
        (n, row)
        for n, track in enumerate(tracks)
        for row in jumps(track.times_ns, track.log_time_ns, stale_ns, pace).tolist()
    ]
    return sorted(every, key=lambda jump: int(tracks[jump[0]].log_time_ns[jump[1]]))


def _one_stretch(
    tracks: Sequence[TopicTrack], members: Sequence[slice], step_ns: int, stale_ns: int
) -> tuple[Array, Array, int, Array]:
    """Return times (T,), rows (T, tracks), possible steps and stale ones by track."""
    times, in_order = zip(*(_sorted(track.times_ns[rows]) for track, rows in zip(tracks, members)))
    begin, end = max(int(own[0]) for own in times), max(int(own[-1]) for own in times)
    possible = (end - begin) // step_ns + 1
    fresh = [_fresh(own, begin, end, step_ns, track.stale_ns or stale_ns) for own, track in zip(times, tracks)]
    steps = fresh[0]
    for others in fresh[1:]:
        steps = np.intersect1d(steps, others, assume_unique=True)
    ticks = begin + step_ns * steps
    latest = [np.searchsorted(own, ticks, side="right") - 1 for own in times]
    latest = [
        member.start + (rows if index is None else index[rows])
        for member, rows, index in zip(members, latest, in_order)
    ]
    return ticks, np.stack(latest, axis=1), possible, np.array([possible - len(own) for own in fresh])


def _sorted(times_ns: Array) -> tuple[Array, Array | None]:
    """Return times in order and, if that is another, which of them each is."""
    if (times_ns[1:] >= times_ns[:-1]).all():
        return times_ns, None
    index = times_ns.argsort(kind="stable")
    return times_ns[index], index


def _fresh(times_ns: Array, begin: int, end: int, step_ns: int, stale_ns: int) -> Array:
    """Return the numbers of the steps, (k,) increasing, at which a topic has a message that is not stale."""
    steps = []
    for start in range(0, len(times_ns), TOGETHER):  # piece by piece, which takes little memory
        own, following = times_ns[start : start + TOGETHER], times_ns[start + 1 : start + TOGETHER + 1]
        until = np.append(following - 1, end)[: len(own)]
        steps.append(_served(own, np.minimum(until, end), begin, step_ns, stale_ns))
    return np.concatenate(steps)


def _served(times_ns: Array, until: Array, begin: int, step_ns: int, stale_ns: int) -> Array:
    """Return the steps of ``_fresh`` to which messages belong that hold at most ``until`` the next, (n,)."""
    until = np.minimum(until, times_ns + stale_ns)
    first = np.maximum(-(-(times_ns - begin) // step_ns), 0)
    counts = np.maximum((until - begin) // step_ns - first + 1, 0)
    offsets = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    steps: Array = np.repeat(first, counts) + offsets
    return steps


def report(resampled: Resampled, tracks: Sequence[TopicTrack], step_ns: int) -> list[dict[str, Any]]:
    """Return by track how old its messages are at the steps, and how many were dropped and repeated.

    ``dropped``: messages that no step uses; ``padded``: steps that repeat the message of the step before; ``stale``:
    possible steps that it was too old for.
    """
    ages = resampled.ages_ns(tracks) / 1e9
    repeated = resampled.is_repeated(step_ns).sum(axis=0)
    return [
        {
            "messages": len(track.order),
            **_ages(ages[:, n], track.is_static),
            "dropped": len(track.order) - len(np.unique(resampled.rows[:, n])),
            "padded": int(repeated[n]),
            "stale": int(resampled.stale[n]),
        }
        for n, track in enumerate(tracks)
    ]


def _ages(ages_s: Array, is_static: bool) -> dict[str, float | None]:
    if is_static:
        return {"greatest_age_s": None, "rms_age_s": None}
    rms = float(np.sqrt(np.square(ages_s).mean())) if len(ages_s) else 0.0
    return {"greatest_age_s": round(float(ages_s.max(initial=0.0)), 6), "rms_age_s": round(rms, 6)}
