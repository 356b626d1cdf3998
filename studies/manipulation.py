# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Behaviour cloning of what people teach arms: success by task and policy class, from state or from pictures.

A cell is one training: demonstrations by all experts of the task, recorded as bags, and a policy that drives alone in
episodes that it was not taught. From pictures, the policy sees a front and a wrist camera in the place of the objects'
poses. What a cell gave is kept, so that a study which was ended goes on from there.

Examples:
  python -m studies.manipulation --output docs/studies
  python -m studies.manipulation --tasks push --classes deterministic mixture --seeds 1
  python -m studies.manipulation --tasks pick_place --sees pictures --classes mixture --seeds 1
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from il_ros.core.contract import Contract
from il_ros.evaluation.metrics import Success, behaviour_entropy
from il_ros.evaluation.rollouts import roll_out
from il_ros.gate import GateConfig
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.data.seeds import ALONE
from il_ros.learning.inference import use_one_thread
from il_ros.sim import tasks
from il_ros.sim.cameras import from_pictures
from studies import job_cache, publishing

TASKS = ("reach", "push", "pick_place", "stack", "peg")
CLASSES = ("deterministic", "mixture", "flow")
SEES = ("state", "pictures")
WIDTH = 128
"""Of the networks of all classes; they are trained without noise, which else keeps `deterministic` to the average."""


@dataclass(frozen=True)
class HandlingCell:
    """One training and its rollouts."""

    task: str
    sees: str
    """One of ``SEES``."""
    policy: str
    seed: int
    demonstrations: int
    steps: int
    episodes: int

    def contract(self) -> Contract:
        """Return the task's own contract; from pictures, with cameras in the place of the objects."""
        contract = Contract.load(tasks.load(self.task).contract)
        return contract if self.sees == "state" else from_pictures(contract)

    def demonstrated(self) -> str:
        """Return a key of the demonstrations, which the classes share."""
        return f"{self.task}-{self.sees}-{self.demonstrations}-{self.seed}"


def cells(args: argparse.Namespace) -> Iterator[HandlingCell]:
    """Return the cells that the command line asks for."""
    for task in args.tasks:
        for sees in args.sees:
            for seed in range(args.seeds):
                for policy in args.classes:
                    yield HandlingCell(task, sees, policy, seed, args.demonstrations, args.steps, args.episodes)


def measured(cell: HandlingCell, folder: Path) -> dict[str, Any]:
    """Demonstrate, unless that was done for another class; train, and roll out."""
    run = folder / cell.demonstrated()
    run.mkdir(parents=True, exist_ok=True)
    contract, complete = run / "contract.yaml", run / "complete"
    contract.write_text(yaml.safe_dump(cell.contract().to_dict()), encoding="utf-8")
    plan = DaggerConfig(
        task=cell.task, contract=str(contract), policy=cell.policy, steps=cell.steps, expert="random",
        demonstrations=cell.demonstrations, eval_episodes=cell.episodes, rounds=0, seed=cell.seed,
    )  # fmt: skip
    if not complete.exists():
        shutil.rmtree(run / "episodes", ignore_errors=True)
    with InProcessBackend(run, plan) as backend:
        if not complete.exists():
            backend.prepare("demonstration", "scripted", None)
            for seed in plan.seeds(0, 0, cell.demonstrations):
                backend.episode(seed)
            complete.touch()
        began = time.process_time()
        checkpoint = backend.train(dataclasses.replace(plan.training(), width=WIDTH, observation_noise=0.0))["path"]
        train_s = time.process_time() - began
    seeds = plan.seeds(ALONE, 0, cell.episodes)
    rollouts = roll_out(Path(checkpoint), cell.task, seeds, GateConfig(rule="none", execute_steps=plan.execute_steps))
    return {
        **dataclasses.asdict(cell),
        "outcomes": [rollout.outcome for rollout in rollouts],
        "ways": [rollout.way for rollout in rollouts if rollout.success],
        "train_s": train_s,
    }


def rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one line for the seeds of each task, kind of observation and class."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["task"], result["sees"], result["policy"]), []).append(result)
    table = []
    for (task, sees, policy), group in groups.items():
        outcomes = [outcome for result in group for outcome in result["outcomes"]]
        ways = [way for result in group for way in result["ways"]]
        success = Success.of(outcome == "success" for outcome in outcomes)
        failures = Counter(outcome for outcome in outcomes if outcome != "success")
        table.append({
            "task": task, "sees": sees, "policy": policy, "seeds": len(group), **success.to_dict(),
            "demonstrations": group[0]["demonstrations"], "steps": group[0]["steps"],
            "entropy": behaviour_entropy(ways, tasks.load(task).ways) if tasks.load(task).ways > 1 else None,
            "failures": dict(failures.most_common()),
            "train_s": sum(result["train_s"] for result in group) / len(group),
        })  # fmt: skip
    return table


def page(table: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of the study."""
    first = table[0]
    lines = [
        "# Handling things",
        "",
        f"Behaviour cloning of what arms are used for: {first['demonstrations']} demonstrations "
        f"by all experts of a task, {first['steps']:,} steps of training, no corrections; networks of width "
        f"{WIDTH}, without noise on the observations, else each class's own configuration. The 95 % interval counts "
        "episodes of all trainings alike. `make study-manipulation` writes this page and its rows "
        "(`studies/results/manipulation.json`); entropy 1 means that all ways of the task are used evenly.",
        "",
        "| task | sees | class | trainings | success | 95 % | entropy | failures | training, s |",
        "| --- | --- | --- | ---: | ---: | --- | ---: | --- | ---: |",
    ]
    for row in table:
        low, high = row["interval"]
        entropy = "" if row["entropy"] is None else f"{row['entropy']:.2f}"
        failures = ", ".join(f"{count} {outcome}" for outcome, count in row["failures"].items())
        lines.append(
            f"| `{row['task']}` | {row['sees']} | `{row['policy']}` | {row['seeds']} | {100 * row['success']:.1f} % of "
            f"{row['episodes']} | {100 * low:.1f} to {100 * high:.1f} | {entropy} | {failures} | {row['train_s']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print and write the rows."""
    args = _parser().parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    use_one_thread()
    results = []
    for cell in cells(args):
        path = args.folder / f"{job_cache.key(cell)}.json"
        if not path.exists():
            job_cache.keep(path, measured(cell, args.folder))
        results.append(json.loads(path.read_text()))
        (row,) = rows(results[-1:])
        print(
            f"{cell.task} from {cell.sees}, {cell.policy}, seed {cell.seed}: {100 * row['success']:.0f} %", flush=True
        )
    table = rows(results)
    print(page(table))
    if args.output is not None:
        publishing.write_json(args.results / "manipulation.json", table)
        publishing.write_page(args.output, "manipulation.md", page(table))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--classes", nargs="+", default=CLASSES, help="policy classes, or training configurations")
    parser.add_argument("--sees", nargs="+", default=SEES[:1], choices=SEES)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each cell")
    parser.add_argument("--demonstrations", type=int, default=100)
    parser.add_argument("--steps", type=int, default=6000, help="gradient steps of each training")
    parser.add_argument("--episodes", type=int, default=100, help="in which each policy drives alone")
    parser.add_argument("--folder", type=Path, default=Path("runs/study-manipulation"), help="for what was done")
    parser.add_argument("--results", type=Path, default=publishing.RESULTS, help="for the rows")
    parser.add_argument("--output", type=Path, help="folder for the page")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
