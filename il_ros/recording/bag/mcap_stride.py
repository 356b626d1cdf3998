# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Records of an MCAP file whose sizes repeat, as they do where topics of one rate carry numbers, found all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from mcap.opcode import Opcode

from il_ros.core.types import Array
from il_ros.recording.decode.message_batch import window

HEAD_BYTES = 9
"""A byte for the kind of a record and eight for its length; in a message the number of its channel follows."""
LONGEST = 16
"""Records after which the sizes repeat, at most."""


def period(starts: Sequence[int], end: int) -> Array:
    """Return the sizes (p,) that repeat in the records that begin at ``starts`` and end at ``end``; none if none do."""
    sizes = np.diff([*starts, end])
    repeats = (p for p in range(1, min(LONGEST, len(sizes) // 2) + 1) if np.array_equal(sizes[p:], sizes[:-p]))
    return sizes[len(sizes) - next(repeats, 0) :]


def leap(data: bytearray, at: int, ends: Array, sizes: Array, channels: Collection[int]) -> Array:
    """Return where messages begin that continue from ``at`` with repeating sizes, and where the last ends: (k + 1,).

    Every one of them is checked: its kind, its length, that its channel is one of ``channels``, and that it
    does not lie across one of ``ends``, increasing, where other pieces of the file begin.
    """
    cycles = int(ends[-1] - at) // int(sizes.sum()) if len(sizes) else 0
    expected = np.tile(sizes, cycles)
    starts = at + np.concatenate([[0], expected.cumsum()])  # (k + 1,)
    heads = starts[:-1]
    is_so = np.frombuffer(data, np.uint8)[heads] == Opcode.MESSAGE
    is_so &= window(data, "u8")[heads + 1].view("<u8") == (expected - HEAD_BYTES).astype(np.uint64)
    is_so &= np.isin(window(data, "u2")[heads + HEAD_BYTES].view("<u2"), list(channels))
    starts = starts[: 1 + (len(is_so) if is_so.all() else int(is_so.argmin()))]
    inner = ends[(ends > at) & (ends < starts[-1])]
    place = np.searchsorted(starts, inner)
    crossed = place[starts[place] != inner]
    return starts[: crossed[0]] if len(crossed) else starts
