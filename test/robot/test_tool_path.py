# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A chunk is drawn where the tool would go."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.types import Chunk
from il_ros.robot.tool_path import REPEAT, gripper_turn, tool_path

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


@pytest.mark.parametrize("name", ["panda_gripper", "panda_gripper_joints", "xarm6_gripper", "xarm6_gripper_joints"])
@pytest.mark.parametrize("seed", range(20))
def test_the_gripper_turns_where_the_chunk_first_goes_beyond_the_middle(name, seed):
    rng, contract = np.random.default_rng(seed), Contract.load(name)
    column = int(np.flatnonzero(contract.is_gripper)[0])
    shares = np.where(rng.random(8) < 0.7, rng.integers(0, 2), rng.random(8))
    actions = np.zeros((8, len(contract.action)))
    actions[:, column] = [contract.action[column].at(share) for share in shares]
    closed = float(rng.integers(0, 2))
    turns = [row for row, share in enumerate(shares) if (share > 0.5) != (closed > 0.5)]
    assert gripper_turn(contract, Chunk(0, actions, ""), closed) == (turns[0] if turns else None)
    actions[:, column] = np.nan
    assert gripper_turn(contract, Chunk(0, actions, ""), closed) is None


def test_an_arm_without_a_gripper_has_no_turn():
    assert gripper_turn(Contract.load("panda_reach"), Chunk(0, np.ones((3, 3)), ""), 0.0) is None
