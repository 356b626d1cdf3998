# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From nothing to a policy that succeeds: how long it takes in the loop, over topics, and with the peer's trainer."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.learning.dagger.config import DaggerConfig
from studies import job_cache
from studies.imitation_baseline import PEER, rounds_of

LOOP, GRAPH = "our loop", "our nodes, over topics"
WHO = (LOOP, GRAPH, PEER)
ENOUGH, RUNS = 0.95, 5
PLAN: dict[str, Any] = {
    **{"task": "avoid", "expert": "way_05", "lapses": 0.04, "lapse_reach": 0.25, "demonstrations": 3, "rounds": 12},
    **{
        "episodes": 60,
        "labels_per_round": 60,
        "policy": "one_step",
        "execute_steps": 1,
        "success_threshold": ENOUGH,
        "steps": 1000,
    },
}
"""The study's setting at ``avoid`` with half of its gradient steps, which go for the peer as well; it ends with the
round after which the policy is good enough. With all 2,000 steps the medians of three runs were 23, 47 and
29 s, in the order of ``WHO``."""


@dataclass(frozen=True)
class TimingJob:
    """One run, timed; for a process that has the machine to itself."""

    who: str
    seed: int
    rollouts: int

    @property
    def plan(self) -> DaggerConfig:
        """What is done: a supervisor corrects, where the peer's expert labels."""
        return DaggerConfig(**PLAN, eval_episodes=self.rollouts, seed=self.seed)

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        inputs = {
            "who": self.who,
            **dataclasses.asdict(self.plan),
            "training": dataclasses.asdict(self.plan.training()),
        }
        return "wall-" + job_cache.key(inputs)


def jobs(seeds: int, rollouts: int) -> Iterator[TimingJob]:
    """Return all jobs, in turn."""
    return (TimingJob(who, seed, rollouts) for seed in range(seeds) for who in WHO)


def work(job: TimingJob, folder: Path) -> None:
    """Run it; leaves seconds and success by round in ``folder``, by the job's key."""
    run = folder / job.key()
    rounds = rounds_of(job.plan) if job.who == PEER else _ours(job, run)
    walls = [row["wall_s"]["collect"] + row["wall_s"]["train"] for row in rounds]
    result = {"wall_s": walls, "success": [row["alone"]["success"] for row in rounds]}
    job_cache.keep(run.with_suffix(".json"), result)


def _ours(job: TimingJob, run: Path) -> list[dict[str, Any]]:
    """Run the command of a user; return its rounds."""
    fields = {f.name: f.default for f in dataclasses.fields(DaggerConfig)}
    changed = {name: value for name, value in dataclasses.asdict(job.plan).items() if value != fields[name]}
    words = [word for name, value in changed.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    words += ["--no-ros"] if job.who == LOOP else ["--composed"]
    command = [sys.executable, "-m", "il_ros.cli", "dagger", str(run), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return list(json.loads(done.stdout)["rounds"])


def rows_of(jobs: Sequence[TimingJob], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for each: medians over the seeds, and how many got there."""
    rows = []
    for who in WHO:
        selected = [result for job, result in zip(jobs, results) if job.who == who]
        reached = [result["success"][-1] >= ENOUGH for result in selected]
        walls, rounds = [sum(r["wall_s"]) for r in selected], [len(r["wall_s"]) - 1 for r in selected]
        rows.append(
            {
                **{"who": who, "seeds": len(selected), "there": sum(reached), "rounds": float(np.median(rounds))},
                **{"wall_s": round(float(np.median(walls)), 1), "per_seed": [round(w, 1) for w in walls]},
            }
        )
    return rows
