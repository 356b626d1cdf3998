# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Contracts with named moves: experts choose among them, and a categorical policy imitates that."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros import teleop
from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv

KEYS = Contract.load("panda_keys")


def test_the_nearest_move_is_one_of_the_table_and_a_move_is_nearest_to_itself() -> None:
    table = {tuple(move) for move in KEYS.moves.values()}
    for velocity in np.random.default_rng(0).uniform(-0.25, 0.25, (50, 2)):
        assert tuple(KEYS.nearest_move(velocity)) in table
    assert all(tuple(KEYS.nearest_move(np.array(move))) == move for move in table)
    plane = Contract.load("panda_plane")
    assert plane.nearest_move(np.array([0.1, 0.2])).tolist() == [0.1, 0.2]


def test_a_contract_with_moves_is_read_back_as_it_was() -> None:
    assert Contract.from_dict("panda_keys", KEYS.to_dict()) == KEYS


PLANE_TASKS = [name for name in tasks.available() if tasks.load(name).contract == "panda_plane"]
TASKS = [name if name != "trace" else "trace:horizon_s=9" for name in PLANE_TASKS]  # more than a lap of it


@pytest.mark.parametrize("task", TASKS)
def test_an_expert_with_keys_does_every_task_and_labels_are_moves(task: str) -> None:
    env = ArmEnv(task, KEYS)
    setup = teleop.Setup(KEYS, tasks.ScriptedExpert(env.task, "random"), env.task.clearance)
    device = teleop.load("scripted", setup)
    for seed in range(4):
        rollout = run_episode(env, Gate(KEYS, GateConfig(rule="demonstration")), seed, None, device)
        assert rollout.success
        moves = {tuple(np.round(row, 6)) for row in rollout.episode.expert.astype(float).tolist()}
        assert moves <= set(KEYS.moves.values())
    env.close()
