# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Chunks that come late: success and smoothness with and without real-time chunking, against the delay.

Policies are taught ``pick_place`` from the state by 100 demonstrations, and their answers are held back by so many
steps. Without real-time chunking the gate goes over to whatever comes; with it a chunk goes on from what is executed
meanwhile. What was measured is kept, so that a study which was ended goes on from there.

Examples:
  python -m studies.late_answers --output docs/studies
  python -m studies.late_answers --policies flow --delays 0 4 --episodes 20
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.types import Array
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import Rollout, environment, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.seeds import ALONE
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim import tasks
from studies import job_cache, publishing
from studies.demonstrations import demonstrate
from studies.job_results import JobResults

TASK, DEMONSTRATIONS, EXECUTE_STEPS, STEPS = "pick_place", 100, 8, 6000
DELAYS = (0, 2, 4, 6)
"""Steps."""
PREFIX_STEPS = 7
"""Rows that are given in the training of ``flow, given rows``: EXECUTE_STEPS - 1, beyond which no chunk is played."""
LIKE = TrainingConfig.load("mixture_relations")
POLICIES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "flow": ("flow", {}),
    "flow, given rows": ("flow", {"prefix_steps": PREFIX_STEPS}),
    "mixture": ("mixture_relations", {}),
}
"""By name: the training configuration, and options on top."""
GOES_ON, AS_IT_COMES = "real-time chunking", "as they come"


@dataclass(frozen=True)
class LateJob:
    """One policy, one delay."""

    policy: str
    """One of ``POLICIES``."""
    delay: int
    """Steps."""
    goes_on: bool
    """Whether chunks go on from what is executed meanwhile."""
    episodes: int

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        return job_cache.key([TASK, DEMONSTRATIONS, EXECUTE_STEPS, training(self.policy), self])


class Unaware(PolicyRunner):
    """A policy that is not told what is executed."""

    def follow(self, record: Record) -> None:
        """Take no note."""


def training(policy: str) -> TrainingConfig:
    """Return what is trained, and how: all with relations, on one observation."""
    name, options = POLICIES[policy]
    config = TrainingConfig.load(name, steps=STEPS, relations=True, n_obs_steps=1, width=LIKE.width)
    return dataclasses.replace(config, observation_noise=0.0, options={**config.options, **options})


def checkpoint(policy: str, folder: Path) -> Path:
    """Return the checkpoint of a policy, trained unless it is there."""
    config, contract = training(policy), Contract.load(tasks.load(TASK).contract)
    path = folder / job_cache.key(config)
    if not path.exists():
        shown = demonstrate(TASK, contract.name, "random", DaggerConfig(task=TASK).seeds(0, 0, DEMONSTRATIONS))
        windows = (config.n_obs_steps, config.horizon)
        data = Dataset.from_episodes(shown, *windows, min_labels=config.min_labels, layout=contract.layout)
        checkpoints.save(path, train(data, config), contract, [])
    return path


def work(jobs: Sequence[LateJob], folder: Path) -> None:
    """Measure the jobs of one policy, and keep what they gave."""
    loaded = checkpoints.load(checkpoint(jobs[0].policy, folder))
    for job in jobs:
        runner = (PolicyRunner if job.goes_on else Unaware)(loaded)
        timeout_s = 0.125 + job.delay / loaded.contract.rate_hz
        config = GateConfig("none", timeout_s, execute_steps=EXECUTE_STEPS, policy_delay=job.delay)
        gate, env = Gate(loaded.contract, config), environment(TASK, loaded.contract)
        seeds = DaggerConfig(task=TASK).seeds(ALONE, 0, job.episodes)
        rollouts = [run_episode(env, gate, seed, runner) for seed in seeds]
        found = {"success": sum(rollout.success for rollout in rollouts), **smoothness(rollouts, loaded.contract)}
        job_cache.keep(folder / f"{job.key()}.json", {**dataclasses.asdict(job), **found})


def smoothness(rollouts: Sequence[Rollout], contract: Contract) -> dict[str, float]:
    """Return the mean jerk, m/s3, and the 99th percentile of a step of the command, in shares of its limit.

    Of the tool's velocity as it was commanded; that of the gripper is none of it.
    """
    linear = [i for i, part in enumerate(contract.action) if part.unit == "m/s"]
    jerks: list[Array] = []
    steps: list[Array] = []
    for rollout in rollouts:
        velocity = rollout.episode.executed[:, linear].astype(np.float64)
        jerks.append(np.linalg.norm(np.diff(velocity, n=2, axis=0), axis=1) * contract.rate_hz**2)
        steps.append((np.abs(np.diff(velocity, axis=0)) / contract.max_step[linear]).max(axis=1))
    largest = np.concatenate(steps)
    return {
        "jerk": float(np.concatenate(jerks).mean()),
        "step_p99": float(np.quantile(largest, 0.99)),
        "step_most": float(largest.max()),
    }


def page(table: Sequence[Mapping[str, Any]]) -> str:
    """Return the page."""
    episodes = table[0]["episodes"]
    lines = [
        "# Chunks that come late",
        "",
        "A policy that answers late, since it is large or behind a network, is computing while the arm goes on. Its "
        "chunk then begins with rows whose instants have passed, and what comes after them need not fit what the arm "
        "was doing: a seam. With **real-time chunking** a policy is given the rows that are executed meanwhile, and "
        "its chunk goes on from them ([late answers](../concepts.md#late-answers)).",
        "",
        f"`python -m studies.late_answers --output docs/studies`: `{TASK}` from the state, {DEMONSTRATIONS} "
        f"demonstrations, {STEPS} gradient steps, one training a policy, {EXECUTE_STEPS} steps of a chunk executed, "
        f"{episodes} episodes each; a step is 50 ms. Jerk is the mean of the commanded velocity's second difference; "
        "the largest step of the command is in shares of the contract's limit, which the gate keeps: 1 is never "
        "exceeded.",
        "",
        "![success and jerk against the delay](late-answers.png)",
        "",
        "`flow, given rows` was trained with up to "
        f"{PREFIX_STEPS} rows of each chunk given; the others choose among draws. With a delay of d steps only "
        f"{EXECUTE_STEPS} - d rows of a chunk are played, so there are more seams in a second, which alone adds jerk.",
        "",
        "| policy | chunks | delay, ms | success | 95 % | jerk, m/s³ | of that without delay | step, 99th percentile |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    first = {row["policy"]: row["jerk"] for row in table if row["delay"] == 0}
    for row in table:
        low, high = Success(row["success"], row["episodes"]).to_dict()["interval"]
        lines.append(
            f"| `{row['policy']}` | {GOES_ON if row['goes_on'] else AS_IT_COMES} | {50 * row['delay']} "
            f"| {row['success'] / row['episodes']:.0%} | {low:.0%} to {high:.0%} | {row['jerk']:.2f} "
            f"| {row['jerk'] / first[row['policy']]:.2f} | {row['step_p99']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def draw(table: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Draw success and jerk against the delay."""
    figure, (above, below) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for policy, colour in zip(POLICIES, ("#0a6ab0", "#8a3fa8", "#c84a05")):
        for goes_on, style in ((True, "-"), (False, "--")):
            rows = [row for row in table if row["policy"] == policy and (row["goes_on"] == goes_on or not row["delay"])]
            delays = [50 * row["delay"] for row in rows]
            label = f"{policy}, {GOES_ON if goes_on else AS_IT_COMES}"
            above.plot(delays, [row["success"] / row["episodes"] for row in rows], style, color=colour, label=label)
            below.plot(delays, [row["jerk"] for row in rows], style, color=colour, label=label)
    above.set(xlabel="delay, ms", ylabel="success", ylim=(0, 1.03))
    below.set(xlabel="delay, ms", ylabel="jerk, m/s³", ylim=(0, None))
    below.legend(fontsize=7)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print the page, or write it with its rows."""
    args = _parser().parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        LateJob(policy, delay, goes_on, args.episodes)
        for policy in args.policies
        for delay in args.delays
        for goes_on in ((True, False) if delay else (True,))
    ]
    shelf = JobResults(args.folder, {})
    missing = shelf.missing(jobs)
    groups = [[job for job in missing if job.policy == policy] for policy in args.policies]
    job_cache.run(work, [group for group in groups if group], args.folder, args.workers, "policies")
    table = [shelf.gave(job) for job in jobs]
    print(page(table))
    if args.output is not None:
        publishing.write_json(args.results / "late_answers.json", table)
        draw(table, args.output / "late-answers.png")
        publishing.write_page(args.output, "late-answers.md", page(table))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", nargs="+", default=list(POLICIES), choices=POLICIES)
    parser.add_argument("--delays", nargs="+", type=int, default=DELAYS, help="steps; 0 is always needed")
    parser.add_argument("--episodes", type=int, default=60, help="in which each policy drives alone")
    job_cache.add_options(parser, "study-late-answers")
    parser.add_argument("--output", type=Path, help="folder for the page")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
