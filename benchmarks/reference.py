# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How messages of several topics become steps, as plainly as possible: slow, and made to be read.

``il_ros.recording`` does the same with arrays, and finds out for itself what is given here: to which run of a clock a
message belongs, which clock is the right one, and whose stamps cannot be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Message(NamedTuple):
    """A message, as whoever sent it knows it."""

    track: str
    value: float
    run: int
    """How often the clock that counts had begun anew."""
    time_ns: int | None
    """By the clock that counts; None if its stamp cannot be right."""
    arrived_ns: tuple[int, int]
    """The run of the recorder's clock, and what that showed."""


def steps(
    messages: Sequence[Message], moving: Sequence[str], static: Sequence[str], step_ns: int, stale_ns: int
) -> list[tuple[int, dict[str, float]]]:
    """Return every step: its time, and by track the value that counts then."""
    result: list[tuple[int, dict[str, float]]] = []
    for run in sorted({message.run for message in messages if message.track in moving}):
        mine = [m for m in messages if m.run == run and m.track in moving and m.time_ns is not None]
        times = {track: [m.time_ns or 0 for m in mine if m.track == track] for track in moving}
        if not all(times.values()):
            continue
        begin, end = max(min(own) for own in times.values()), max(max(own) for own in times.values())
        moved = max(0, result[-1][0] + 2 * step_ns - begin) if result else 0
        is_first = True
        for tick in range(begin, end + 1, step_ns):
            latest = {track: _latest(mine, track, tick) for track in moving}
            if any(message is None or tick - (message.time_ns or 0) > stale_ns for message in latest.values()):
                continue
            newest = max(message.arrived_ns for message in latest.values() if message)
            holding = {track: _holding(messages, track, newest, tick, run) for track in static}
            chosen = {track: message for track, message in {**latest, **holding}.items() if message is not None}
            if len(chosen) < len(moving) + len(static):
                continue
            if is_first and result:
                moved = max(0, result[-1][0] + 2 * step_ns - tick)
            is_first = False
            result.append((tick + moved, {track: message.value for track, message in chosen.items()}))
    return result


def _latest(messages: Sequence[Message], track: str, tick: int) -> Message | None:
    """Return the newest message of a track that is not of the future."""
    past = [m for m in messages if m.track == track and m.time_ns is not None and m.time_ns <= tick]
    return max(past, key=lambda m: (m.time_ns or 0, m.arrived_ns), default=None)


def _holding(messages: Sequence[Message], track: str, newest: tuple[int, int], tick: int, run: int) -> Message | None:
    """Return the last message of a static track that had come; of the first, its stamp counts if it is earlier."""
    own = sorted((m for m in messages if m.track == track), key=lambda m: m.arrived_ns)
    come = [m for m in own if m.arrived_ns <= newest]
    if come:
        return come[-1]
    first = own[0]
    return first if first.run == run and first.time_ns is not None and first.time_ns <= tick else None
