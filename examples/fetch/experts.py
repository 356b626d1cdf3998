# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scripted experts for FetchReach-v4, FetchPush-v4 and FetchPickAndPlace-v4 of gymnasium-robotics.

Each returns an action for whatever state it is shown: dx, dy, dz, where 1 asks for 5 cm in a step, and the gripper's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GAIN = 12.0
"""Action for a metre of distance."""
OPEN, CLOSED = 1.0, -1.0
BEHIND_M, LOW_M, HIGH_M = 0.075, -0.005, 0.07
"""How far behind the block the tool is lowered to push it, and how high above its centre it pushes and travels."""


def reach(seen: Mapping[str, Array]) -> Array:
    """Return the action (4,) straight to the goal."""
    return moved(seen["desired_goal"] - seen["achieved_goal"], CLOSED)


def push(seen: Mapping[str, Array]) -> Array:
    """Return the action (4,): behind the block as seen from the goal, down, and on until the block is there."""
    tool, block, goal = seen["observation"][:3], seen["achieved_goal"], seen["desired_goal"]
    way = goal[:2] - block[:2]
    far = float(np.linalg.norm(way))
    way /= max(far, 1e-6)
    across = np.array([-way[1], way[0]])
    from_block = tool[:2] - block[:2]
    ahead, aside = float(from_block @ way), float(from_block @ across)
    low, high = block[2] + LOW_M, block[2] + HIGH_M
    is_low = tool[2] < block[2] + 0.035
    if is_low and ahead < 0.0 and abs(aside) < 0.03:
        speed = min(0.5, 6.0 * far + 0.05) * (1.0 - abs(aside) / 0.04) if far > 0.01 else 0.0
        planar = speed * way - 20.0 * aside * across
        return moved(np.append(planar / GAIN, low - tool[2]), CLOSED)
    behind = block[:2] - BEHIND_M * way
    off = float(np.linalg.norm(tool[:2] - behind))
    if is_low and off > 0.03:
        return moved(np.append(np.zeros(2), high + 0.02 - tool[2]), CLOSED)  # up, so as not to sweep the block away
    return moved(np.append(behind, np.clip(low + 4.0 * (off - 0.02), low, high)) - tool, CLOSED)


def pick_and_place(seen: Mapping[str, Array]) -> Array:
    """Return the action (4,): over the block, down, grasp, and carry it to the goal."""
    tool, width = seen["observation"][:3], float(seen["observation"][9] + seen["observation"][10])
    block, goal = seen["achieved_goal"], seen["desired_goal"]
    from_block = tool - block
    if np.linalg.norm(from_block) < 0.02:
        held = width < 0.053
        return moved((goal - block) if held else -from_block, CLOSED)
    over = float(np.linalg.norm(from_block[:2])) < 0.012
    height = block[2] if over and width > 0.075 else block[2] + HIGH_M
    return moved(np.array([*block[:2], height]) - tool, OPEN)


def moved(way: Array, gripper: float) -> Array:
    """Return the action (4,) along ``way`` (3,), m, shortened to the limits without changing its direction."""
    action = GAIN * way
    return np.append(action / max(1.0, float(np.abs(action).max())), gripper)
