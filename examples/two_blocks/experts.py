# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A scripted expert for two blocks and two zones, who decides before each episode which goes where, and which first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from il_ros.core.frames import shortened

Array = NDArray[np.float64]
BLOCKS, ZONES = ("block1_position", "block2_position"), ("zone1_target", "zone2_target")
FAST_M, PUSH_M = 0.025, 0.012
"""The way of a step, at most, and while it pushes."""
DONE_M = 0.03
"""A block that is so near to the middle of its zone is left alone."""
BEHIND_M, ROUND_M, CLEAR_M = 0.055, 0.05, 0.06
"""How far behind a block the rod begins to push; how near it goes round; and how far it keeps from the other block."""
IN_LINE_M = 0.012
"""A rod that is so well in line behind a block pushes it."""


class PushBoth:
    """An expert; ``reset`` draws its plan."""

    def __init__(self) -> None:
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Decide on the plan of an episode."""
        rng = np.random.default_rng(seed)
        first, swapped = (int(n) for n in rng.integers(2, size=2))
        self._plan = [(block, block ^ swapped) for block in (first, 1 - first)]

    def __call__(self, seen: Mapping[str, Array]) -> Array:
        """Return the way of the rod's commanded place, (2,), m."""
        blocks, zones = ([seen[name] for name in names] for names in (BLOCKS, ZONES))
        rod, commanded = seen["rod_position"], seen["rod_commanded_position"]
        for number, zone in self._plan:
            if np.linalg.norm(blocks[number] - zones[zone]) > DONE_M:
                return shortened(rod + push(rod, blocks[number], zones[zone], blocks[1 - number]) - commanded, FAST_M)
        return np.zeros(2)


def push(rod: Array, block: Array, zone: Array, other: Array) -> Array:
    """Return the rod's next way (2,), m: behind the block as seen from the zone, round whatever is there, and on."""
    way = unit(zone - block)
    across = np.array([-way[1], way[0]])
    from_block = rod - block
    ahead, aside = from_block @ way, from_block @ across
    if ahead < 0.0 and abs(aside) < IN_LINE_M:
        forward: Array = PUSH_M * way - 0.8 * aside * across
        return forward
    step: Array = block - BEHIND_M * way - rod
    if np.linalg.norm(from_block) < ROUND_M or ahead > 0.0:
        step = go_round(from_block, -way, BEHIND_M)
    if np.linalg.norm(rod - other) < CLEAR_M:
        step = go_round(rod - other, step, CLEAR_M)
    return step


def go_round(from_it: Array, towards: Array, distance: float) -> Array:
    """Return a way (2,), m, along the circle of that radius round a thing, on the side that leads ``towards``."""
    outwards = unit(from_it)
    along = np.array([-outwards[1], outwards[0]])
    round_it = along if along @ towards > 0.0 else -along
    way: Array = 0.02 * round_it + 0.8 * (distance - float(np.linalg.norm(from_it))) * outwards
    return way


def unit(vector: Array) -> Array:
    """Return a vector of length 1."""
    length: Array = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return length


push_both = PushBoth()
