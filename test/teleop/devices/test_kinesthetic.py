# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Demonstrations that were given by hand, of the arm itself or of its leader, teach a policy the task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.topics import GUIDING
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

DEMONSTRATIONS, ROLLOUTS = 20, 40
JOINTS, PLANE = Contract.load("panda_joints"), Contract.load("panda_plane")
LINEAR_N_S_M = 40.0
"""How hard a hand pushes for the speed that it wants."""


def led_by_the_leader(env: ArmEnv, seed: int, puppeteer: Any) -> Episode:
    rollout = run_episode(env, Gate(JOINTS, GateConfig(rule="demonstration")), seed, None, puppeteer())
    assert rollout.outcome == "success"
    return rollout.episode


def led_by_hand(env: ArmEnv, seed: int, puppeteer: Any) -> Episode:
    """A hand pushes the compliant arm as the script would go; what is recorded is what the device felt."""
    gate = Gate(PLANE, GateConfig(rule="demonstration"))
    device, steer = load("kinesthetic", Setup(PLANE)), tasks.load("fork").expert("left", np.random.default_rng(0))
    env.reset(seed=seed)
    gate.reset(seed)
    reading, outcome = env.reading(), None
    observations, records = [], []
    while outcome is None:
        now = reading.stamp_ns
        device.hear(GUIDING.name, SimpleNamespace(data=True), now)
        gate.offer_expert(device.answer(reading, now).chunk(now, 2), now)
        observations.append(env.observe(reading))
        records.append(gate.step(now, observations[-1], now))
        force = LINEAR_N_S_M * np.array([*steer(reading), 0.0])
        reading, outcome = env.advance(env.yielding("panda_hand", force))
    assert outcome == "success"
    return Episode.from_steps(observations, records, PLANE.step_ns, {"outcome": outcome})


@pytest.mark.slow
@pytest.mark.parametrize(("led", "contract"), [(led_by_the_leader, JOINTS), (led_by_hand, PLANE)])
def test_a_policy_learns_from_it(led: Any, contract: Contract, puppeteer: Any, tmp_path: Any) -> None:
    env = ArmEnv("fork", contract)
    shown = [led(env, seed, puppeteer) for seed in range(DEMONSTRATIONS)]
    config = TrainingConfig.load("deterministic", steps=1500)
    data = Dataset.from_episodes(shown, config.n_obs_steps, config.horizon, min_labels=config.min_labels)
    checkpoint = checkpoints.save(tmp_path / "learned", train(data, config), contract, [])
    gate, actor = Gate(contract, GateConfig(rule="none")), PolicyRunner(checkpoint)
    outcomes = [run_episode(env, gate, 1000 + seed, actor, None).outcome for seed in range(ROLLOUTS)]
    env.close()
    assert outcomes.count("success") >= 0.95 * ROLLOUTS
