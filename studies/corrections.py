# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What corrections are worth where things are handled: human-gated rounds beside as many labels of demonstrations.

Both begin with the same few demonstrations, and gain equally many labels a round: by a supervisor who takes over where
the policy fails, or by demonstrations from start to end. What a run gave is kept, so that a study which was ended goes
on from there.

Examples:
  python -m studies.corrections --seeds 3
  python -m studies.corrections --tasks pick_place --seeds 1 --episodes 50
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from il_ros.evaluation.metrics import Success
from il_ros.learning.dagger import ledger
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.dagger.run import DaggerRun
from studies import job_cache, manipulation_page, publishing
from studies.job_results import JobResults

TASKS = ("push", "pick_place", "stack", "peg")
RULES = {"demonstrations": "demonstration", "corrections": "human"}
"""By what labels are gained, the gating rule under which that happens."""
RUNS = "corrections-runs.json"
"""Every run that was published, so that more of them can be added on another machine."""
ROUNDS, STEPS = 3, 4000
"""Rounds after the first one; steps of training of each round."""
EXECUTE_STEPS = 5
"""Of a chunk: more than where there are many demonstrations, since a policy that is unsure goes back and forth."""
FEW, MANY = (16, 400), (60, 1000)
"""Episodes of round 0, and labels of each round after it."""
BEGINS = {"push": FEW, "pick_place": FEW, "stack": FEW, "peg": MANY}
"""By task: of so few demonstrations of ``peg`` nothing is learned that could be corrected."""


@dataclass(frozen=True)
class CorrectionsJob:
    """One run of rounds."""

    task: str
    gained_by: str
    """One of ``RULES``."""
    seed: int
    episodes: int
    """Of each measurement."""

    @property
    def plan(self) -> DaggerConfig:
        """What is done."""
        demonstrations, labels = BEGINS[self.task]
        return DaggerConfig(
            task=self.task, policy="mixture_relations", steps=STEPS, expert="nearest",
            execute_steps=EXECUTE_STEPS, gating_rule=RULES[self.gained_by],
            demonstrations=demonstrations, rounds=ROUNDS, episodes=100,
            labels_per_round=labels, eval_episodes=self.episodes, success_threshold=2.0, seed=self.seed,
        )  # fmt: skip

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        return job_cache.key({**dataclasses.asdict(self.plan), "training": self.plan.training()})


def work(job: CorrectionsJob, folder: Path) -> None:
    """Make the rounds, and keep what each gave."""
    run = folder / job.key()
    with InProcessBackend(run, job.plan) as backend:
        DaggerRun(run, job.plan, backend).run()
    rounds = [{"labels": row["labels"], "alone": row["alone"]} for row in ledger.read(run)["rounds"]]
    job_cache.keep(run.with_suffix(".json"), {**dataclasses.asdict(job), "rounds": rounds})
    shutil.rmtree(run)


def rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each task, way of gaining labels and round: all seeds together."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["task"], result["gained_by"]), []).append(result)
    table = []
    for (task, gained_by), group in groups.items():
        for number in range(ROUNDS + 1):
            alone = [result["rounds"][number]["alone"] for result in group]
            success = Success.together(alone)
            gained = [sum(row["labels"] for row in result["rounds"][1 : number + 1]) for result in group]
            table.append({
                "task": task, "gained_by": gained_by, "round": number, "runs": len(group),
                "labels": round(sum(gained) / len(gained)), **success.to_dict(),
                "each": [one["success"] for one in alone],
            })  # fmt: skip
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print and write the rows."""
    args = _parser().parse_args(arguments)
    jobs = [
        CorrectionsJob(task, gained_by, seed, args.episodes)
        for seed in range(args.seeds)
        for task in args.tasks
        for gained_by in RULES
    ]
    args.folder.mkdir(parents=True, exist_ok=True)
    shelf = JobResults(args.folder, job_cache.published(args.results / RUNS) if args.publish else {})
    job_cache.run(work, shelf.missing(jobs), args.folder, args.workers, "runs")
    table = rows([shelf.gave(job) for job in jobs])
    print(manipulation_page.corrections(table))
    if args.publish:
        job_cache.publish(args.results / RUNS, shelf.to_publish(jobs))
        publishing.write_json(args.results / "corrections.json", table)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each kind")
    parser.add_argument("--episodes", type=int, default=100, help="in which each policy drives alone")
    job_cache.add_options(parser, "study-corrections")
    parser.add_argument("--publish", action="store_true", help="write the rows")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
