# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Roll a policy out alone, on every core, without ROS; step by step it does what the graph does.

Examples:
  il-ros evaluate runs/checkpoints/checkpoint_001_mixture --task fork --episodes 200
  il-ros evaluate CHECKPOINT --task avoid --seed 5000 --json
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.cli import check_seeds
from il_ros.cli.progress import bars
from il_ros.gate import GateConfig
from il_ros.sim import tasks

HELP = "measure the success of a checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros evaluate``."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a checkpoint")
    parser.add_argument("--task", default="fork", help="task to do: " + ", ".join(tasks.available()))
    parser.add_argument("--episodes", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="seed of the first episode (default: 1000000)")
    parser.add_argument("--execute-steps", type=int, default=8, help="steps of a chunk that are executed (default: 8)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros evaluate``."""
    check_seeds(args.seed, args.episodes)
    task = tasks.load(args.task)
    from il_ros.evaluation.rollouts import Pool
    from il_ros.learning import checkpoint as checkpoints

    loaded = checkpoints.load(args.checkpoint)
    seeds = range(args.seed, args.seed + args.episodes)
    config = GateConfig(rule="none", execute_steps=args.execute_steps)
    began = time.monotonic()
    with bars() as progress, Pool() as pool:
        bar = progress.add_task(f"rollouts of {args.task}", total=args.episodes, note="")
        rollouts = pool.evaluate(args.checkpoint, args.task, seeds, config, progress=lambda n: progress.advance(bar, n))
    result = summary(rollouts, task.ways)
    result |= {"task": args.task, "checkpoint": loaded.hash, "seed": args.seed}
    result["wall_s"] = round(time.monotonic() - began, 2)
    if args.json:
        print(json.dumps(result))
        return 0
    table = Table(show_header=False, title=f"{args.checkpoint.name} on {args.task}, alone")
    table.add_row("success", f"{result['success']:.1%} of {result['episodes']}")
    table.add_row("95 % interval", "{:.1%} to {:.1%}".format(*result["interval"]))
    table.add_row("entropy over ways", f"{result['entropy']:.3f}")
    for outcome, count in result["outcomes"].items():
        table.add_row(outcome, str(count))
    Console().print(table)
    return 0


def summary(rollouts: list[Any], ways: int) -> dict[str, Any]:
    """Success with its interval, the entropy of the ways that successes took, and the count of each outcome."""
    from il_ros.evaluation.metrics import Success, behaviour_entropy

    success = Success.of([rollout.success for rollout in rollouts])
    taken = [rollout.way for rollout in rollouts if rollout.success and rollout.way is not None]
    entropy = behaviour_entropy(taken, ways) if taken else 0.0
    outcomes = dict(sorted(Counter(rollout.outcome for rollout in rollouts).items()))
    return {**success.to_dict(), "entropy": round(entropy, 4), "outcomes": outcomes}
