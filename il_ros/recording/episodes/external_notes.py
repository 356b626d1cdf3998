# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors and notes for bags of other recorders: why one cannot be resampled, and what is odd about its clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.bag.reader import BagReader
from il_ros.recording.episodes.component_source import ComponentSource
from il_ros.recording.episodes.hold_resample import Resampled, TopicTrack

TELLING_S = 0.1
"""An offset between clocks that is noted."""
MOST_NOTES = 8


def is_sparse(times_ns: Array, stale_ns: int) -> bool:
    """Return whether a topic's messages are so rare that they are stale before the next."""
    return len(times_ns) < 2 or float(np.median(np.diff(np.sort(times_ns)))) > stale_ns


def check_ages(
    reader: BagReader,
    contract: Contract,
    resampled: Resampled,
    tracks: Sequence[TopicTrack],
    parts: Sequence[ComponentSource],
    called: Mapping[str, str],
) -> None:
    """Check that no topic is so rare that most steps are lost; ``called`` maps recorded names to the contract's.

    Raises:
        DataError: with the topic and the contract's key that remedies it.
    """
    for track, part, stale in zip(tracks, parts, resampled.stale.tolist()):
        greatest = track.stale_ns or contract.stale_ns
        if track.is_static or 2 * stale <= resampled.possible or not is_sparse(track.times_ns, greatest):
            continue
        count = len(track.order)
        how_many = "1 message" if count == 1 else f"{count} messages"
        between = "" if count < 2 else f", {float(np.median(np.diff(np.sort(track.times_ns)))) / 1e9:.3g} s apart,"
        raise DataError(
            f"{reader.path}: {part.topic} has {how_many}{between} and is older than {greatest / 1e9:g} s at "
            f"{stale} of {resampled.possible} steps; if a message holds until the next, as a goal or a calibration "
            f"does, write its topic under the contract's external: {{static: [{called[part.topic]}]}}, else record "
            "it more often"
        )


def no_step_error(
    reader: BagReader, contract: Contract, tracks: list[TopicTrack], parts: list[ComponentSource]
) -> DataError:
    """Return why there is no step: a topic without a valid message, or topics without a common time."""
    for track, part in zip(tracks, parts):
        if not len(track.order):
            why = part.refused[1] if part.refused else "it has none, or none with finite numbers"
            return DataError(
                f"{reader.path}: no message of {part.topic} can be used ({why}); check the contract's fields"
            )
    spans = ", ".join(
        f"{part.topic} from {track.times_ns.min() / 1e9:.3f} to {track.times_ns.max() / 1e9:.3f} s"
        for part, track in zip(parts, tracks)
        if not track.is_static
    )
    return DataError(
        f"{reader.path}: at no step are all topics at most {contract.stale_ns / 1e9} s old ({spans}); if they were "
        "recorded together their clocks differ: name the right one under the contract's external: clock (header, "
        "publish or log), or what each topic's is behind by under external: offsets"
    )


def clock_notes(episodes: Mapping[str, Episode]) -> list[str]:
    """Return notes on the clocks of bags of other recorders: which clock was used, and what was odd."""
    clocks: dict[str, list[str]] = {}
    odd: list[str] = []
    for name, episode in episodes.items():
        resampled = episode.facts.get("resampled")
        if not isinstance(resampled, dict):
            continue
        clocks.setdefault(f"by the clock of the {resampled['clock']}: {resampled['why']}", []).append(name)
        step_s = episode.step_ns / 1e9
        for topic, row in resampled["topics"].items():
            if row["bad_stamps"]:
                odd.append(f"{name}: {row['bad_stamps']} messages of {topic} left out: their stamps cannot be right")
            if row["static"]:
                odd.append(f"{name}: a message of {topic} holds until the next ({row['static']})")
            if row["clock"] == "header" and abs(row["offset_s"] or 0.0) > max(step_s, TELLING_S):
                odd.append(
                    f"{name}: the stamps of {topic} are {row['offset_s']:+.3f} s from the other topics' when they were "
                    "recorded: a delay, or another clock, which the contract's external: offsets can mend"
                )
    notes = [f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: {text}" for text, names in clocks.items()]
    more = [f"and {len(odd) - MOST_NOTES} more such notes; see il-ros info"] if len(odd) > MOST_NOTES else []
    return notes + odd[:MOST_NOTES] + more
