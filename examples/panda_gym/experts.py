# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scripted experts for panda-gym's Reach, Push, PickAndPlace and Stack: an action for whatever state they are shown.

An action of 1 asks for 5 cm in a step. Push and PickAndPlace end as soon as the block is within 5 cm of its goal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GAIN = 12.0
"""Action for a metre of distance."""
OPEN, CLOSED = 1.0, -1.0
BEHIND_M = 0.06
"""How far behind the block the tool is lowered to push it."""
LOW_M, HIGH_M = 0.02, 0.1
"""How high the tool is when it pushes, and when it travels."""


def reach(seen: Mapping[str, Array]) -> Array:
    """Return dx, dy, dz (3,), straight to the goal."""
    return towards(seen["desired_goal"], seen["achieved_goal"])


def push(seen: Mapping[str, Array]) -> Array:
    """Return dx, dy, dz (3,): behind the block as seen from the goal, down, and on towards the goal."""
    tool, block, goal = seen["observation"][:3], seen["achieved_goal"], seen["desired_goal"]
    way = goal[:2] - block[:2]
    way /= max(float(np.linalg.norm(way)), 1e-6)
    across = np.array([-way[1], way[0]])
    from_block = tool[:2] - block[:2]
    ahead, aside = from_block @ way, from_block @ across
    is_low = tool[2] < 0.045
    if is_low and ahead < 0.0 and abs(aside) < 0.025:
        ahead_of_it = 0.5 * (1.0 - abs(aside) / 0.03)  # slower where it would turn the block
        return action(np.append(ahead_of_it * way - 2 * GAIN * aside * across, GAIN * (LOW_M - tool[2])))
    behind = block[:2] - BEHIND_M * way
    off = float(np.linalg.norm(tool[:2] - behind))
    if is_low and off > 0.03:
        return towards(np.append(tool[:2], HIGH_M), tool)  # up first, so as not to sweep the block away
    return towards(np.append(behind, np.clip(LOW_M + 4.0 * (off - 0.015), LOW_M, HIGH_M)), tool)


def pick_and_place(seen: Mapping[str, Array]) -> Array:
    """Return dx, dy, dz and the gripper's action (4,): over the block, down, grasp, and carry it to the goal."""
    tool, width = seen["observation"][:3], seen["observation"][6]
    block, goal = seen["achieved_goal"], seen["desired_goal"]
    from_block = tool - block
    if np.linalg.norm(from_block) < 0.025:
        held = width < 0.045
        return np.append(towards(goal + from_block if held else block, tool), CLOSED)
    over = float(np.linalg.norm(from_block[:2])) < 0.012
    is_open = width > 0.06
    height = block[2] if over and is_open else max(block[2] + 0.06, 0.08)
    return np.append(towards(np.array([*block[:2], height]), tool), OPEN)


def stack(seen: Mapping[str, Array]) -> Array:
    """Return dx, dy, dz and the gripper's action (4,): one block to its goal, let go, and the other one onto it."""
    tool, width = seen["observation"][:3], seen["observation"][6]
    for block, goal in zip(seen["achieved_goal"].reshape(2, 3), seen["desired_goal"].reshape(2, 3)):
        from_block = tool - block
        near, aside = np.linalg.norm(from_block) < 0.025, float(np.linalg.norm(from_block[:2]))
        if np.linalg.norm(block - goal) > 0.025:
            if near:
                way = _carry(block, goal) if width < 0.045 else block - tool
                return np.append(action(GAIN * way), CLOSED)
            return np.append(towards(_above(block, tool, width), tool), OPEN)
        if near and width < 0.06:
            return np.append(np.zeros(3), OPEN)
        if aside < 0.03 and from_block[2] < 0.07:
            return np.append(towards(tool + [0.0, 0.0, 0.08], tool), OPEN)
    return np.append(np.zeros(3), OPEN)


def _carry(block: Array, goal: Array) -> Array:
    """Return the way (3,), m, of a block that is held: up, across, and down onto its goal."""
    across = np.append((goal - block)[:2], 0.0)
    if np.linalg.norm(across) < 0.015:
        return goal - block
    high = goal[2] + 0.06
    return np.array([0.0, 0.0, 0.08]) if block[2] < high - 0.03 else across + [0.0, 0.0, high - block[2]]


def _above(block: Array, tool: Array, width: float) -> Array:
    """Return where (3,), m, the open gripper goes to grasp a block: up before it goes across, then down over it."""
    aside = float(np.linalg.norm((tool - block)[:2]))
    if aside > 0.03 and tool[2] < 0.09:
        return np.append(tool[:2], 0.12)
    is_ready = aside < 0.012 and width > 0.06
    return np.append(block[:2], block[2] if is_ready else max(block[2] + 0.06, 0.1))


def towards(target: Array, tool: Array) -> Array:
    """Return the action (3,) that moves the tool to ``target`` (3,), m."""
    return action(GAIN * (target - tool))


def action(wanted: Array) -> Array:
    """Return the action (3,), shortened to the limits without changing its direction."""
    return wanted / max(1.0, float(np.abs(wanted).max()))
