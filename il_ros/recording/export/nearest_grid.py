# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Resample steps to an even grid of time, and measure the resampling error.

Each grid point shows the step nearest to it in time, whole: an observation with the action that answered it, and with
who commanded. Nothing is interpolated, because an action and an authority have no value half way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core.contract import Contract, gap_ns
from il_ros.core.episode import Episode
from il_ros.core.types import Array


@dataclass(frozen=True)
class Stretch:
    """The part of an episode between two gaps, on a grid that begins at its first stamp; F frames."""

    first_stamp_ns: int
    """When frame 0 is."""
    times_ns: Array
    """(F,) int64, when each frame is."""
    rows: Array
    """(F,) int64, the step of the episode that each frame shows."""
    start: int
    """The first of its steps."""
    stop: int
    """One more than the last of its steps."""


def stretches(episode: Episode, rate_hz: float) -> Iterator[Stretch]:
    """Yield the stretches of an episode, none of which crosses a gap; an episode without steps has none.

    A gap is what it is for ``Episode.spans``. A last frame that would come so near to the next stretch that the gap
    could no longer be recognised is left out.
    """
    stamps = episode.stamps_ns
    gaps = np.flatnonzero(np.diff(stamps) > gap_ns(episode.step_ns)) + 1
    edges = [0, *gaps.tolist(), len(episode)]
    for start, stop in zip(edges, edges[1:]):
        if start == stop:
            continue
        first, last = int(stamps[start]), int(stamps[stop - 1])
        count = round((last - first) * rate_hz / 1e9) + 1
        times = first + np.round(np.arange(count) * 1e9 / rate_hz).astype(np.int64)
        if stop < len(episode):
            times = times[times + gap_ns(episode.step_ns) < stamps[stop]]
        yield Stretch(first, times, start + nearest(stamps[start:stop], times), start, stop)


def nearest(stamps: Array, times: Array) -> Array:
    """Return (F,) the index of the one of ``stamps`` (T,) nearest to each of ``times`` (F,); of two the earlier."""
    after = np.clip(np.searchsorted(stamps, times), 1, max(1, len(stamps) - 1))
    before = after - 1
    after = np.minimum(after, len(stamps) - 1)
    is_nearer: Array = stamps[after] - times < times - stamps[before]
    return np.where(is_nearer, after, before)


class ResamplingError:
    """Accumulates the changes by resampling."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._offsets_ms: list[Array] = [np.zeros(0)]
        self._change = np.zeros(len(contract.observation) + len(contract.action))
        self._repeated = self._left_out = 0

    def add(self, episode: Episode, stretch: Stretch) -> None:
        """Add one more stretch."""
        shown = np.unique(stretch.rows)
        self._repeated += len(stretch.rows) - len(shown)
        self._left_out += stretch.stop - stretch.start - len(shown)
        span = slice(stretch.start, stretch.stop)
        stamps, times = episode.stamps_ns[span] - stretch.first_stamp_ns, stretch.times_ns - stretch.first_stamp_ns
        rows = stretch.rows - stretch.start
        self._offsets_ms.append(np.abs(stamps[rows] - times) / 1e6)
        values = np.hstack([episode.observations[span], episode.executed[span]]).astype(np.float64)  # (T, Do + Da)
        between = np.column_stack([np.interp(times, stamps, recorded) for recorded in values.T])
        self._change = np.maximum(self._change, np.abs(values[rows] - between).max(axis=0))

    def report(self) -> dict[str, Any]:
        """Return the resampling error.

        ``time_ms`` is how far the steps shown are from their frames, the greatest and the root of the mean square;
        ``observation`` and ``action`` by how much, at most, each component differs from what lies at the frame's time
        on the line between the two steps beside it, in its unit; ``repeated`` frames show a step that another one
        shows, too; ``left_out`` steps are shown by none.
        """
        offsets_ms, width = np.concatenate(self._offsets_ms), len(self._contract.observation)
        rms = float(np.sqrt(np.square(offsets_ms).mean())) if len(offsets_ms) else 0.0
        return {
            "time_ms": {"greatest": float(offsets_ms.max(initial=0.0)), "rms": rms},
            "observation": dict(zip(self._contract.observation_names, self._change[:width].tolist())),
            "action": dict(zip(self._contract.action_names, self._change[width:].tolist())),
            "repeated": self._repeated,
            "left_out": self._left_out,
        }
