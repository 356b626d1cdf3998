"""Demonstrations that were given by hand, of the arm itself or of its leader, teach a policy the task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from il_ros.episode import Episode
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.actor import Actor
from il_ros.learning.dataset import Dataset
from il_ros.learning.trainer import TrainingConfig, train
from il_ros.signals import EpisodeStart, Reading
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.specs import Contract
from il_ros.teleop import Setup, load
from il_ros.teleop.kinesthetic import GUIDING
from il_ros.teleop.leader import PEDAL, STATES

DEMONSTRATIONS, ROLLOUTS = 20, 40
JOINTS, PLANE = Contract.load("panda_joints"), Contract.load("panda_plane")
LINEAR_N_S_M = 40.0
"""How hard a hand pushes for the speed that it wants."""


class Puppeteer:
    """A leader arm that is led by the task's script: a second simulation of the arm, driven by tool velocities."""

    def __init__(self) -> None:
        self._arm, self._task = ArmEnv("fork", "panda_plane"), tasks.load("fork")
        self._device = load("leader", Setup(JOINTS))

    def reset(self, start: EpisodeStart) -> None:
        self._arm.reset(seed=start.seed)
        self._steer = self._task.expert("left", np.random.default_rng(0))
        self._device.reset(start)
        self._now_ns = 0

    def answer(self, reading: Reading, now_ns: int = 0) -> Any:
        self._now_ns += JOINTS.step_ns
        led = self._arm.reading()
        self._device.hear(PEDAL, SimpleNamespace(data=True), self._now_ns)
        told = SimpleNamespace(name=led.joint_names, position=led.joint_positions)
        self._device.hear(STATES, told, self._now_ns)
        self._arm.advance(self._steer(led))
        return self._device.answer(reading, self._now_ns)


def led_by_the_leader(seed: int) -> Episode:
    env, gate = ArmEnv("fork", JOINTS), Gate(JOINTS, GateConfig(rule="demonstration"))
    rollout = run_episode(env, gate, seed, None, Puppeteer())
    env.close()
    assert rollout.outcome == "success"
    return rollout.episode


def led_by_hand(seed: int) -> Episode:
    """A hand pushes the compliant arm as the script would go; what is recorded is what the device felt."""
    env, gate = ArmEnv("fork", PLANE), Gate(PLANE, GateConfig(rule="demonstration"))
    device, steer = load("kinesthetic", Setup(PLANE)), tasks.load("fork").expert("left", np.random.default_rng(0))
    env.reset(seed=seed)
    gate.reset(seed)
    reading, outcome = env.reading(), None
    observations, records = [], []
    while outcome is None:
        now = reading.stamp_ns
        device.hear(GUIDING, SimpleNamespace(data=True), now)
        gate.offer_expert(device.answer(reading, now).chunk(now, 2), now)
        observations.append(env.observe(reading))
        records.append(gate.step(now, observations[-1], now))
        force = LINEAR_N_S_M * np.array([*steer(reading), 0.0])
        reading, outcome = env.advance(env.yielding("panda_hand", force))
    env.close()
    assert outcome == "success"
    return Episode.from_steps(observations, records, PLANE.step_ns, {"outcome": outcome})


@pytest.mark.slow
@pytest.mark.parametrize(("led", "contract"), [(led_by_the_leader, JOINTS), (led_by_hand, PLANE)])
def test_a_policy_learns_from_it(led: Any, contract: Contract, tmp_path: Any) -> None:
    shown = [led(seed) for seed in range(DEMONSTRATIONS)]
    config = TrainingConfig.load("deterministic", steps=1500)
    data = Dataset.from_episodes(shown, config.history, config.horizon, fewest=config.fewest)
    checkpoint = checkpoints.save(tmp_path / "learned", train(data, config), contract, [])
    env, gate = ArmEnv("fork", contract), Gate(contract, GateConfig(rule="none"))
    actor = Actor(checkpoint)
    outcomes = [run_episode(env, gate, 1000 + seed, actor, None).outcome for seed in range(ROLLOUTS)]
    env.close()
    assert outcomes.count("success") >= 0.95 * ROLLOUTS
