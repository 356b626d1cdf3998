# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The scripted experts: how many episodes they solve, by task, arm and kind of command.

What a block of seeds gave is kept, so that a study which was ended goes on from there.

Examples:
  python -m studies.experts --publish
  python -m studies.experts --tasks peg --seeds 50
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load
from studies import job_cache, manipulation_page, publishing
from studies.job_results import JobResults

BLOCK = 50
"""Seeds of one cell."""
ARMS = ("panda", "xarm6")
COMMANDS = ("tool", "joints")


@dataclass(frozen=True)
class ExpertCell:
    """A block of seeds of one task, arm and kind of command."""

    task: str
    arm: str
    command: str
    """One of ``COMMANDS``."""
    first_seed: int

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        return job_cache.key(self)

    @property
    def contract(self) -> str:
        """The name of the contract with which the arm does the task so."""
        own = tasks.load(self.task).contract.removeprefix("panda_")
        if self.command == "tool":
            return f"{self.arm}_{own}"
        return f"{self.arm}_gripper_joints" if own == "gripper" else f"{self.arm}_joints"


def measure(cell: ExpertCell, folder: Path) -> None:
    """Run the episodes of a cell, the task's experts in turn, and keep how they ended."""
    env = ArmEnv(cell.task, cell.contract)
    guide = tasks.ScriptedExpert(env.task, "random")
    device = load("scripted", Setup(env.contract, guide, env.task.clearance, solve=Kinematics.of(env.contract)))
    gate = Gate(env.contract, GateConfig(rule="demonstration"))
    outcomes = {}
    for seed in range(cell.first_seed, cell.first_seed + BLOCK):
        outcomes[seed] = run_episode(env, gate, seed, None, device).outcome
    env.close()
    job_cache.keep(folder / f"{cell.key()}.json", {**dataclasses.asdict(cell), "outcomes": outcomes})


def rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each task, arm and kind of command."""
    groups: dict[tuple[str, str, str], dict[str, str]] = {}
    for result in results:
        groups.setdefault((result["task"], result["arm"], result["command"]), {}).update(result["outcomes"])
    return [
        {
            "task": task, "arm": arm, "command": command,
            **Success.of(outcome == "success" for outcome in outcomes.values()).to_dict(),
            "failures": {seed: outcome for seed, outcome in outcomes.items() if outcome != "success"},
        }
        for (task, arm, command), outcomes in groups.items()
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print the rows, and write them."""
    args = _parser().parse_args(arguments)
    cells = [
        ExpertCell(task, arm, command, first)
        for first in range(0, args.seeds, BLOCK)
        for task in args.tasks
        for arm in ARMS
        for command in args.commands
    ]
    args.folder.mkdir(parents=True, exist_ok=True)
    shelf = JobResults(args.folder, {})
    job_cache.run(measure, shelf.missing(cells), args.folder, args.workers, "episodes")
    table = rows([shelf.gave(cell) for cell in cells])
    print(manipulation_page.experts(table))
    if args.publish:
        publishing.write_json(args.results / "experts.json", table)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=tasks.available(), choices=tasks.available())
    parser.add_argument("--commands", nargs="+", default=COMMANDS, choices=COMMANDS)
    parser.add_argument("--seeds", type=int, default=500, help="episodes of each task, arm and kind of command")
    job_cache.add_options(parser, "study-experts")
    parser.add_argument("--publish", action="store_true", help="write the rows")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
