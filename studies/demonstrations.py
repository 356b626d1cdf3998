# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Demonstrations of scripted experts, made in the loop; equal seeds make equal ones."""

from __future__ import annotations

from collections.abc import Iterable

from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.gym_adapter import GymEnvAdapter
from il_ros.teleop import Device, Setup, load


def demonstrate(task: str, contract: str, expert: str, seeds: Iterable[int]) -> list[Episode]:
    """Return one demonstration for each seed, by the expert called ``expert``; ``random`` draws one for each.

    Raises:
        DataError: if an expert fails.
    """
    env = ArmEnv(task, contract)
    try:
        device = load("scripted", Setup(env.contract, tasks.ScriptedExpert(env.task, expert), env.task.clearance))
        rollouts = demonstrated(env, device, seeds)
    finally:
        env.close()
    failed = [rollout.seed for rollout in rollouts if not rollout.success]
    if failed:
        raise DataError(f"demonstrations of {task!r} by {expert!r}: seeds {failed} failed; choose another expert")
    return [rollout.episode for rollout in rollouts]


def demonstrated(env: ArmEnv | GymEnvAdapter, device: Device, seeds: Iterable[int]) -> list[Rollout]:
    """Return the episode of each seed, driven by the expert at ``device`` alone."""
    gate = Gate(env.contract, GateConfig(rule="demonstration"))
    return [run_episode(env, gate, seed, None, device) for seed in seeds]
