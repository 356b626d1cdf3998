# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The path along which an action chunk means to move the tool, as it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.types import Array, Chunk

REPEAT = 10
"""A velocity that stands alone is drawn as if it were commanded for so many steps."""


def tool_path(
    contract: Contract, chunk: Chunk, tool_position: Array, tool_at: Callable[[Mapping[str, float]], Array]
) -> Array:
    """Return (N, 3) m in the base frame, where the tool goes if ``chunk`` is executed from ``tool_position``.

    Args:
        contract: of the action.
        chunk: tool velocities, or joint positions.
        tool_position: (3,) m, where the tool is now.
        tool_at: forward kinematics, (3,) m for joint positions by name; used for joint positions only.
    """
    names = contract.action_names
    if not contract.moves_tool:
        return np.array([tool_position, *(tool_at(dict(zip(names, row))) for row in chunk.actions)])
    actions = np.repeat(chunk.actions, REPEAT, axis=0) if len(chunk.actions) == 1 else chunk.actions
    velocities = np.zeros((len(actions), len(TOOL_AXES)))
    velocities[:, [TOOL_AXES.index(name) for name in names if name in TOOL_AXES]] = actions[:, ~contract.is_gripper]
    return np.vstack([tool_position, tool_position + np.cumsum(velocities[:, :3], axis=0) / contract.rate_hz])


def gripper_turn(contract: Contract, chunk: Chunk, closed: float) -> int | None:
    """Return the first row of ``chunk`` that opens a closed gripper, or closes an open one; None if there is none.

    Args:
        contract: of the action; of several grippers the first counts.
        chunk: NaN leaves the gripper as it is.
        closed: how far it is commanded to be closed now, from 0 to 1.
    """
    for column in np.flatnonzero(contract.is_gripper)[:1]:
        shares = contract.action[column].share(chunk.actions[:, column])
        turns = np.flatnonzero(shares < 0.5 if closed > 0.5 else shares > 0.5)
        return int(turns[0]) if len(turns) else None
    return None
