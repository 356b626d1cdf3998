# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks of other people: what one training configuration learns of each, beside parts taken away and a peer.

Panda tasks of panda-gym, Fetch tasks of gymnasium-robotics. The contract is what ``il-ros contract from-gym`` writes,
unchanged; a script demonstrates, what it fails at is left out; and the policy drives alone to goals that it was not
shown. An arm of the study is the configuration for all tasks, the same with a part taken away, another policy class, or
BC-RNN-GMM of robomimic on the same demonstrations. What was measured is kept, so that a study which was ended goes on
from there.

Examples:
  make study-tasks
  python -m studies.gym_tasks --tasks FetchPush --arms mixture_relations --seeds 1
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.cli.evaluate import TRIED, best_of
from il_ros.core.contract import Contract, EqualObjects
from il_ros.core.episode import Episode
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import GymTask, policy_runner, roll_out
from il_ros.evaluation.summary import summary
from il_ros.gate import GateConfig
from il_ros.gate.chunk_executor import EXECUTE_STEPS
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim.gym_adapter import contract_of
from il_ros.teleop import Setup, load
from studies import job_cache, publishing, robomimic_peer
from studies.demonstrations import demonstrated
from studies.job_results import JobResults


@dataclass(frozen=True)
class ExternalTask:
    """An environment, and the script that demonstrates it."""

    environment: str
    expert: str


TASKS = {
    "PandaReach": ExternalTask("panda_gym:PandaReach-v3", "examples.panda_gym.experts:reach"),
    "PandaPush": ExternalTask("panda_gym:PandaPush-v3", "examples.panda_gym.experts:push"),
    "PandaPickAndPlace": ExternalTask("panda_gym:PandaPickAndPlace-v3", "examples.panda_gym.experts:pick_and_place"),
    "PandaStacked": ExternalTask("examples.panda_gym.stacked:PandaStacked-v0", "examples.panda_gym.experts:stack"),
    "FetchReach": ExternalTask("gymnasium_robotics:FetchReach-v4", "examples.fetch.experts:reach"),
    "FetchPush": ExternalTask("gymnasium_robotics:FetchPush-v4", "examples.fetch.experts:push"),
    "FetchPickAndPlace": ExternalTask(
        "gymnasium_robotics:FetchPickAndPlace-v4", "examples.fetch.experts:pick_and_place"
    ),
    "TwoBlocks": ExternalTask("examples.two_blocks.environment:TwoBlocks-v0", "examples.two_blocks.experts:push_both"),
}
FOR_ALL, PEER = "mixture_relations", "BC-RNN-GMM (robomimic)"


@dataclass(frozen=True)
class TaskArm:
    """How a policy is trained."""

    words: str
    """What the page says of it."""
    config: str = FOR_ALL
    """The training configuration; empty for the peer."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What is different in it."""
    untold: Mapping[str, Any] = field(default_factory=dict)
    """What training is told instead of a part of the contract's layout."""
    velocities: bool = False
    """Whether the contract has them, too."""
    measured: bool = False
    """Whether as many steps of a chunk are executed as is measured to be best."""


ALIKE = {"relations": True, "n_obs_steps": 1, "observation_noise": 0.0, "execute_steps": 2, "discount": 0.6}
CLASS = "is that class with relations, discount and executed steps as for all"
ARMS = {
    FOR_ALL: TaskArm("is the one training configuration for all tasks"),
    "without relations": TaskArm("is the same, without the relations between points", changes={"relations": False}),
    "without discount": TaskArm("is the same, with all labels of a chunk counting alike", changes={"discount": 1.0}),
    "without equal objects": TaskArm("is the same, with no objects called equal", untold={"equal": EqualObjects()}),
    "without units": TaskArm("is the same, with a scale of its own for each number", untold={"alike": ()}),
    "steps measured": TaskArm(
        "is the same, with as many steps of a chunk executed as `il-ros evaluate --execute-steps best` keeps, by goals "
        "of its own",
        measured=True,
    ),
    "with velocities": TaskArm("is the same, with the velocities that the contract leaves out", velocities=True),
    "one step": TaskArm("is the same, with one step of a chunk executed", changes={"execute_steps": 1}),
    "one step, with velocities": TaskArm("is both", changes={"execute_steps": 1}, velocities=True),
    "two observations": TaskArm("is the same, with the observation before, too", changes={"n_obs_steps": 2}),
    "GRU": TaskArm("is the same, with eight observations read by a GRU", changes={"n_obs_steps": 8, "sequence": "gru"}),
    "transformer": TaskArm(
        "is the same, with eight observations read by a transformer",
        changes={"n_obs_steps": 8, "sequence": "transformer"},
    ),
    "flow": TaskArm(CLASS, "flow", ALIKE),
    "deterministic": TaskArm(CLASS, "deterministic", ALIKE),
    PEER: TaskArm(
        "is robomimic 0.3.0's, as its configuration for low-dimensional data has it, on the same demonstrations, for "
        "as long as the table says, which is less than its authors train",
        "",
    ),
}
TRAININGS = "gym_tasks-trainings.json"
"""Every training that was published, so that more of them can be added on another machine."""
NEW_GOALS, FOR_STEPS = 1_000_000, 50
"""The first seed of the goals that are not shown, and how many before it serve to choose the executed steps;
demonstrations begin at 0."""


@dataclass(frozen=True)
class ExternalJob:
    """One training, and the episodes in which it is measured."""

    task: str
    """One of ``TASKS``."""
    arm: str
    """One of ``ARMS``."""
    seed: int
    demonstrations: int
    goals: int
    steps: int = 0
    """Gradient steps; 0 for what the configuration says, and for the peer ``robomimic_peer.STEPS``."""

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        arm = ARMS[self.arm]
        how = [self.training(), sorted(arm.untold), arm.velocities, arm.measured]
        return job_cache.key([self, dataclasses.asdict(TASKS[self.task]), *how])

    @property
    def on(self) -> GymTask:
        """Its environment."""
        return GymTask(TASKS[self.task].environment)

    @property
    def new_goals(self) -> range:
        """The seeds of the episodes in which it is measured."""
        return range(NEW_GOALS, NEW_GOALS + self.goals)

    def training(self) -> TrainingConfig | None:
        """Return what is trained, and how; None for the peer."""
        arm = ARMS[self.arm]
        if not arm.config:
            return None
        steps = {"steps": self.steps} if self.steps else {}
        return TrainingConfig.load(arm.config, seed=self.seed, **arm.changes, **steps)


def demonstrations(task: ExternalTask, contract: Contract, count: int) -> tuple[list[Episode], int]:
    """Return the successful ones of ``count`` demonstrations, and how many that left out."""
    device = load("function", Setup(contract, options={"expert": task.expert}))
    with contextlib.closing(GymTask(task.environment).make(contract)) as env:
        rollouts = demonstrated(env, device, range(count))
    shown = [rollout.episode for rollout in rollouts if rollout.success]
    return shown, count - len(shown)


def ours(
    job: ExternalJob, config: TrainingConfig, contract: Contract, shown: Sequence[Episode], folder: Path
) -> tuple[list[bool], float, Callable[[], Any]]:
    """Train a policy of ours, and let it drive; returns what ``robomimic_peer.measured`` does."""
    layout = dataclasses.replace(contract.layout, **ARMS[job.arm].untold)
    data = Dataset.from_episodes(shown, config.n_obs_steps, config.horizon, min_labels=config.min_labels, layout=layout)
    began = time.process_time()
    made = train(data, config)
    train_s = time.process_time() - began
    checkpoint = folder / job.key()
    shutil.rmtree(checkpoint, ignore_errors=True)
    checkpoints.save(checkpoint, made, contract, [])
    execute = best_of(tried(checkpoint, job.on)) if ARMS[job.arm].measured else config.execute_steps or EXECUTE_STEPS
    rollouts = roll_out(checkpoint, job.on, job.new_goals, GateConfig(rule="none", execute_steps=execute))
    runner, observation = policy_runner(checkpoint), shown[0].observations[0]
    runner.observe(0, observation, None)
    return [rollout.success for rollout in rollouts], train_s, runner.chunk


def tried(checkpoint: Path, task: GymTask) -> dict[int, dict[str, Any]]:
    """Return what each number of executed steps gives, at goals that serve for nothing else."""
    seeds = range(NEW_GOALS - FOR_STEPS, NEW_GOALS)
    configs = {steps: GateConfig(rule="none", execute_steps=steps) for steps in TRIED}
    return {steps: summary(roll_out(checkpoint, task, seeds, config), 1) for steps, config in configs.items()}


def median_ms(call: Callable[[], Any], times: int = 200) -> float:
    """Return how long a call takes, ms: the median."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return 1e3 * statistics.median(taken)


def work(job: ExternalJob, folder: Path) -> None:
    """Demonstrate, train, drive, and keep what it gave."""
    task, config = TASKS[job.task], job.training()
    contract = contract_of(task.environment, {}, velocities=ARMS[job.arm].velocities)
    shown, failed = demonstrations(task, contract, job.demonstrations)
    if config is None:
        outcomes, train_s, answer = robomimic_peer.measured(job.on, contract, shown, job.new_goals, job.seed, job.steps)
    else:
        outcomes, train_s, answer = ours(job, config, contract, shown, folder)
    found = {"failed": failed, "success": sum(outcomes), "train_s": train_s, "call_ms": median_ms(answer)}
    job_cache.keep(folder / f"{job.key()}.json", {**dataclasses.asdict(job), **found})


def rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for the trainings of each task and arm."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["task"], result["arm"]), []).append(result)
    return [
        {
            "task": task, "arm": arm, "trainings": len(group), "demonstrations": group[0]["demonstrations"],
            "failed": group[0]["failed"],
            **Success(sum(each["success"] for each in group), sum(each["goals"] for each in group)).to_dict(),
            "train_s": float(np.mean([each["train_s"] for each in group])),
            "call_ms": float(np.median([each["call_ms"] for each in group])),
        }
        for (task, arm), group in groups.items()
    ]  # fmt: skip


def page(table: Sequence[Mapping[str, Any]]) -> str:
    """Return the page."""
    named = {row["arm"] for row in table}
    words = " ".join(f"`{name}` {arm.words}." for name, arm in ARMS.items() if name in named)
    lines = [
        "# Tasks of other people",
        "",
        f"`make study-tasks` (`python -m studies.gym_tasks`): {table[0]['demonstrations']} demonstrations by a script "
        "(`examples/panda_gym`, `examples/fetch`, `examples/two_blocks`), those that failed left out; the contract as "
        f"`il-ros contract from-gym` writes it; goals that were not shown, the same for all. {words} Training is "
        "processor time, a call the median on one thread; intervals are 95 % (Wilson) over the episodes of all "
        "trainings. An episode succeeds if the environment says so at any of its steps. `PandaStacked` is "
        "`PandaStack-v3` with success at 0.045 m: at the 0.1 m that panda-gym allows, two cubes side by side on the "
        "table count as stacked. `TwoBlocks` is this repository's: two equal blocks into two zones, in any order; the "
        "contract calls each block with a zone equal to the other two.",
        "",
        "| task | policy | trainings | success | 95 % | training, s | a call, ms |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: |",
    ]
    for row in table:
        low, high = row["interval"]
        lines.append(
            f"| {row['task']} | {row['arm']} | {row['trainings']} | {row['success']:.1%} of {row['episodes']} "
            f"| {low:.1%} to {high:.1%} | {row['train_s']:.0f} | {row['call_ms']:.2f} |"
        )
    failed = {row["task"]: row["failed"] for row in table}
    told = ", ".join(f"{task} {count}" for task, count in failed.items())
    return "\n".join([*lines, "", f"Demonstrations that failed and were left out: {told}."]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print the page, or write it with its rows."""
    args = _parser().parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        ExternalJob(task, arm, seed, args.demonstrations, args.goals, args.steps)
        for task in args.tasks
        for arm in args.arms
        for seed in range(args.seeds)
    ]
    shelf = JobResults(args.folder, {} if args.output is None else job_cache.published(args.results / TRAININGS))
    absent = shelf.missing(jobs)
    if args.no_run:
        jobs = [job for job in jobs if job not in absent]
    else:
        job_cache.run(work, absent, args.folder, args.workers, "trainings")
    table = rows([shelf.gave(job) for job in jobs])
    print(page(table))
    if args.output is not None:
        job_cache.publish(args.results / TRAININGS, shelf.to_publish(jobs))
        publishing.write_json(args.results / "gym_tasks.json", table)
        publishing.write_page(args.output, "gym-tasks.md", page(table))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each")
    parser.add_argument("--demonstrations", type=int, default=200)
    parser.add_argument("--goals", type=int, default=100, help="at which each policy is measured")
    parser.add_argument("--steps", type=int, default=0, help="gradient steps (default: the configuration's)")
    job_cache.add_options(parser, "study-tasks")
    parser.add_argument("--output", type=Path, help="folder for the page")
    parser.add_argument("--no-run", action="store_true", help="run nothing: the page is of what is there")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
