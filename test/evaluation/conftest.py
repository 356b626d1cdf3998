# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checkpoints to evaluate, hardly trained: they drive, and err."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device, Setup, load

CONTRACT = Contract.load("panda_plane")


@pytest.fixture(scope="session")
def env_of() -> Iterator[Callable[[str], ArmEnv]]:
    """The environment of a task, made once."""
    made: dict[str, ArmEnv] = {}
    yield lambda task: made[task] if task in made else made.setdefault(task, ArmEnv(task, CONTRACT))
    for env in made.values():
        env.close()


@pytest.fixture(scope="session")
def device() -> Callable[..., Device]:
    """Makes a device for a task."""

    def make(name: str, task: str, expert: str = "nearest") -> Device:
        loaded = tasks.load(task)
        return load(name, Setup(CONTRACT, tasks.ScriptedExpert(loaded, expert), loaded.clearance))

    return make


@pytest.fixture(scope="session")
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, env_of: Callable[[str], ArmEnv], device: Callable[..., Device]
) -> Path:
    """A mixture that has seen two demonstrations of ``avoid``: now it passes, now it crashes."""
    env, gate = env_of("avoid"), Gate(CONTRACT, GateConfig(rule="demonstration"))
    shown = [run_episode(env, gate, seed, None, device("scripted", "avoid")).episode for seed in range(2)]
    config = TrainingConfig.load("mixture", steps=300, width=64)
    data = Dataset.from_episodes(shown, config.n_obs_steps, config.horizon)
    path = tmp_path_factory.mktemp("checkpoints") / "mixture"
    checkpoints.save(path, train(data, config), CONTRACT, [])
    return path


ARRAYS = ("observations", "executed", "policy", "expert", "authority", "intervention", "doubts")


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Rollout, Rollout], None]:
    """Checks that two rollouts are equal to the last bit; stamps count from the first, since the clock goes on."""

    def check(one: Rollout, other: Rollout) -> None:
        assert (one.seed, one.outcome, one.way) == (other.seed, other.outcome, other.way)
        assert np.array_equal(one.positions, other.positions)
        for name in ARRAYS:
            a, b = getattr(one.episode, name), getattr(other.episode, name)
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), name
        assert np.array_equal(np.diff(one.episode.stamps_ns), np.diff(other.episode.stamps_ns))

    return check
