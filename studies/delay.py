# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Answers that come late, the policy's or the expert's: success against the delay between observation and action."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import roll_out, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load
from studies import job_cache
from studies.demonstrations import demonstrate

TASK, CONTRACT, EXPERT, DEMONSTRATIONS = "avoid", "panda_plane", "way_05", 60
"""One consistent expert on the task with the narrowest gaps."""
TRAINING: dict[str, Any] = {"policy": "deterministic", "width": 128, "steps": 2000, "observation_noise": 0.0}
DELAYS = (0, 1, 2, 3, 4, 6)
"""Steps, of 50 ms."""
FIRST_EPISODE = 2_000_000
PATIENT: dict[str, Any] = {"policy_timeout_s": 1.0, "expert_timeout_s": 1.0}
LAPSES = ActionPerturbation(0.04, reach=0.5)
"""Of a policy that an expert watches; otherwise there would be nothing to do for them."""
ANCHORED, NOT_ANCHORED, EXPERT_LATE, ALONE = "anchored", "not anchored", "expert", "alone"
"""Whose answers are late: the policy's, whose chunks are anchored to the observation or not, or the expert's; and
nobody's, for the policy that they watch without them."""


@dataclass(frozen=True)
class DelayJob:
    """One training, and its rollouts under every delay."""

    seed: int
    rollouts: int

    @property
    def config(self) -> TrainingConfig:
        """How its policy, which answers with chunks, is trained."""
        return TrainingConfig.load(
            TRAINING["policy"], seed=self.seed, **{k: v for k, v in TRAINING.items() if k != "policy"}
        )

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        inputs = {
            **dataclasses.asdict(self),
            **dataclasses.asdict(self.config),
            "delays": DELAYS,
            "watched": str(LAPSES),
        }
        return "delay-" + job_cache.key(inputs)


def jobs(seeds: int, rollouts: int) -> Iterator[DelayJob]:
    """Return one job a seed."""
    return (DelayJob(seed, rollouts) for seed in range(seeds))


def work(job: DelayJob, folder: Path) -> None:
    """Train and roll out; leaves the outcomes in ``folder``, by the job's key."""
    config, path = job.config, folder / job.key()
    first = job.seed * DEMONSTRATIONS
    shown = demonstrate(TASK, CONTRACT, EXPERT, range(first, first + DEMONSTRATIONS))
    data = Dataset.from_episodes(shown, config.n_obs_steps, config.horizon, min_labels=config.min_labels)
    shutil.rmtree(path, ignore_errors=True)  # of a study that was ended before the rollouts were there
    checkpoints.save(path, train(data, config), Contract.load(CONTRACT), [])
    seeds = range(FIRST_EPISODE, FIRST_EPISODE + job.rollouts)
    result = {
        f"{delay} {case}": [
            rollout.success
            for rollout in roll_out(
                path, TASK, seeds, GateConfig("none", **PATIENT, policy_delay=delay, anchored=anchored)
            )
        ]
        for delay in DELAYS
        for case, anchored in ((ANCHORED, True), (NOT_ANCHORED, False))
    }
    result |= {f"{delay} {EXPERT_LATE}": watched(path, seeds, delay) for delay in DELAYS}
    alone = roll_out(path, TASK, seeds, GateConfig("none"), LAPSES)
    result |= {f"0 {ALONE}": [rollout.success for rollout in alone]}
    job_cache.keep(path.with_suffix(".json"), result)


def watched(checkpoint: Path, seeds: Sequence[int], delay: int) -> list[bool]:
    """Roll out a policy whose attention lapses while the supervisor, who is late by ``delay`` steps, watches.

    They see failure coming in time, but whatever they ask for or do is for a state that has passed.
    """
    env = ArmEnv(TASK, CONTRACT)
    try:
        actor = PolicyRunner(checkpoints.load(checkpoint), lapses=LAPSES)
        gate = Gate(env.contract, GateConfig("human", **PATIENT, expert_delay=delay))
        supervisor = load("supervisor", Setup(env.contract, tasks.ScriptedExpert(env.task, EXPERT), env.task.clearance))
        return [run_episode(env, gate, seed, actor, supervisor).success for seed in seeds]
    finally:
        env.close()


def rows_of(results: Sequence[Mapping[str, Sequence[bool]]]) -> list[dict[str, Any]]:
    """Return a line for every delay and for whose it is."""
    rows = []
    for named in results[0] if results else ():
        delay, _, case = named.partition(" ")
        success = Success.of([won for result in results for won in result[named]])
        bounds = [round(bound, 4) for bound in success.interval]
        rows.append({"delay": int(delay), "case": case, "success": round(success.rate, 4), "interval": bounds})
    return rows
