# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A chunk is drawn where the tool would go."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.types import Chunk
from il_ros.robot.tool_path import REPEAT, tool_path

HERE = np.array([0.4, 0.0, 0.1])


def test_velocities_are_summed_up_from_where_the_tool_is() -> None:
    contract = Contract.load("panda_plane")
    actions = np.array([[0.1, 0.0], [0.0, 0.2]])
    path = tool_path(contract, Chunk(0, actions, ""), HERE, lambda joints: HERE)
    step = 1.0 / contract.rate_hz
    assert np.allclose(path, HERE + np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.2, 0]]) * step)
    alone = tool_path(contract, Chunk(0, actions[:1], ""), HERE, lambda joints: HERE)
    assert len(alone) == 1 + REPEAT and np.allclose(alone[-1], HERE + [REPEAT * 0.1 * step, 0, 0])


def test_joint_positions_go_through_forward_kinematics_by_name() -> None:
    contract = Contract.load("panda_joints")
    actions = np.arange(14.0).reshape(2, 7)
    path = tool_path(contract, Chunk(0, actions, ""), HERE, lambda joints: np.full(3, joints["panda_joint2"]))
    assert np.allclose(path, [HERE, [1.0] * 3, [8.0] * 3])
