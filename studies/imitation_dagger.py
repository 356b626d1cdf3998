# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The DAgger trainer of HumanCompatibleAI/imitation on our tasks, with our expert; for the environment of the peers.

It gets what our arms get: the same demonstrations to begin with, the same lapses while its policy drives, as many
gradient steps a round, and beta = 0; and rounds that may be as short as ours, where its own are 500 steps. One line of
JSON a round comes out: labels so far, success, seconds.

Examples:
  .venv-peers/bin/python -m studies.imitation_dagger --seed 0
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from imitation.algorithms.bc import BC
from imitation.algorithms.dagger import SimpleDAggerTrainer
from imitation.data import rollout
from imitation.data.types import TrajectoryWithRew
from imitation.policies.base import NonTrainablePolicy
from imitation.util.logger import configure
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv

from il_ros.core.types import Array, RobotState, ToolCommand
from il_ros.gate.rate_limiter import CommandLimiter
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv

NOTHING = np.zeros(0)


class Lapsing(gymnasium.Wrapper[Array, Array, Array, Array]):
    """Our environment with the gate's bound on changes, in which attention lapses while ``lapses`` is true."""

    def __init__(self, env: ArmEnv, rate: float, reach: float, steps: int, seeds: Any) -> None:
        super().__init__(env)
        self.action_space = gymnasium.spaces.Box(
            env.contract.low.astype(np.float32), env.contract.high.astype(np.float32)
        )
        self._arm, self._rate, self._reach, self._steps, self._seeds = env, rate, reach, steps, seeds
        self._limiter, self.lapses = CommandLimiter(env.contract), False

    def reset(self, **told: Any) -> tuple[Array, dict[str, Any]]:
        """Begin the next episode."""
        seed = next(self._seeds)
        self._rng, self._left = np.random.default_rng([seed, 4]), 0
        self._limiter.reset()
        self._stamp_ns = 0
        return self._arm.reset(seed=seed)

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Take one step, perhaps of a lapse."""
        if self.lapses and self._rng.random() < self._rate:
            low, high = self._arm.contract.low, self._arm.contract.high
            self._left = self._steps
            self._lapse = (high + low) / 2 + self._reach * (high - low) / 2 * self._rng.uniform(-1.0, 1.0, len(low))
        command = self._lapse if self._left else np.asarray(action, dtype=np.float64)
        self._left = max(0, self._left - 1)
        self._stamp_ns += self._arm.contract.step_ns
        return self._arm.step(self._limiter(command, np.zeros(len(command)), self._stamp_ns))


class ScriptedPolicy(NonTrainablePolicy):
    """A scripted expert of a task, who needs no more than the place of the tool."""

    def __init__(self, env: Lapsing, task: str, name: str) -> None:
        super().__init__(observation_space=env.observation_space, action_space=env.action_space)
        self._steer = tasks.load(task).expert(name, np.random.default_rng(0))

    def _choose_action(self, observation: Array) -> Array:
        place = np.array([*observation[:2], 0.0], dtype=np.float64)
        reading = RobotState(0, NOTHING, NOTHING, place, NOTHING, np.zeros((1, 3)))
        return ToolCommand.of(self._steer(reading)).linear[:2].astype(np.float32)


def success(env: Lapsing, policy: Any, episodes: int) -> float:
    """Return the share of the episodes in which the policy, acting by its mean, does the task."""
    won = 0
    env.lapses = True
    for _ in range(episodes):
        observation, _ = env.reset()
        ended = False
        while not ended:
            action, _ = policy.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            ended = terminated or truncated
        won += reward > 0
    return won / episodes


def run(args: argparse.Namespace) -> None:
    """Demonstrate, then round after round."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    arm = ArmEnv(args.task)
    made: dict[str, Lapsing] = {}
    for name, first in (("train", 0), ("alone", 500_000)):
        seeds = iter(range(args.seed * 1_000_000 + first, args.seed * 1_000_000 + first + 400_000))
        made[name] = Lapsing(arm, args.lapses, args.lapse_reach, 6, seeds)
    env = made["train"]
    expert = ScriptedPolicy(env, args.task, args.expert)
    venv = DummyVecEnv([lambda: env])
    shown = rollout.generate_trajectories(
        expert, venv, rollout.make_sample_until(min_episodes=args.demonstrations), rng=rng
    )
    shown = [TrajectoryWithRew(t.obs, t.acts, t.infos, t.terminal, t.rews) for t in shown[: args.demonstrations]]
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    network = ActorCriticPolicy(**spaces, lr_schedule=lambda _: 1e-3, net_arch={"pi": [128, 128], "vf": []})
    quiet = configure(format_strs=[])
    began, measured = time.monotonic(), 0.0
    bc = BC(**spaces, rng=rng, policy=network, demonstrations=rollout.flatten_trajectories(shown), custom_logger=quiet)
    bc.train(n_batches=args.batches, progress_bar=False)
    labels = 0
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SimpleDAggerTrainer(
            venv=venv, scratch_dir=scratch, expert_policy=expert, rng=rng, expert_trajs=shown,
            beta_schedule=lambda number: 0.0, bc_trainer=bc, custom_logger=quiet,
        )  # fmt: skip
        for number in range(args.rounds + 1):
            if number:
                env.lapses = True
                before = sum(map(len, trainer._all_demos))
                trainer.train(
                    1,
                    rollout_round_min_episodes=1,
                    rollout_round_min_timesteps=args.added,
                    bc_train_kwargs={"n_batches": args.batches, "progress_bar": False, "log_rollouts_venv": None},
                )
                labels += sum(map(len, trainer._all_demos)) - before
            started = time.monotonic()
            share = success(made["alone"], trainer.policy, args.evaluated)
            measured += time.monotonic() - started
            wall_s = round(time.monotonic() - began - measured, 2)
            print(json.dumps({"round": number, "labels": labels, "success": share, "wall_s": wall_s}), flush=True)
            if share >= args.enough:
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", default="avoid")
    parser.add_argument("--expert", default="way_05")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--demonstrations", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--added", type=int, default=60, help="labels of a round at least")
    parser.add_argument("--batches", type=int, default=2000, help="gradient steps of a round")
    parser.add_argument("--evaluated", type=int, default=40)
    parser.add_argument("--enough", type=float, default=2.0, help="success that ends the rounds")
    parser.add_argument("--lapses", type=float, default=0.04)
    parser.add_argument("--lapse-reach", type=float, default=0.25)
    run(parser.parse_args())
