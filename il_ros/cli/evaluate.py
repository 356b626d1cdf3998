# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Roll a policy out alone, on every core, without ROS; step by step it does what the graph does.

Examples:
  il-ros evaluate runs/checkpoints/checkpoint_001_mixture --task fork --episodes 200
  il-ros evaluate CHECKPOINT --task avoid --seed 505000 --json
  il-ros evaluate CHECKPOINT --environment panda_gym:PandaPush-v3 --episodes 100
  il-ros evaluate CHECKPOINT --task push --execute-steps best

The seeds are told from those of the episodes that the policy was taught, which are in its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.cli import add_environment, check_seeds
from il_ros.cli.progress import bars
from il_ros.core.errors import ConfigError
from il_ros.core.schema import json_object
from il_ros.gate import GateConfig
from il_ros.learning.data.seeds import EVALUATION, shared
from il_ros.sim import tasks

HELP = "measure the success of a checkpoint"
BEST = "best"
TRIED = (1, 2, 4, 8)
"""Numbers of steps of a chunk that are tried, if they are in the policy's chunk."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros evaluate``."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a checkpoint")
    parser.add_argument("--task", default="fork", help="task to do: " + ", ".join(tasks.available()))
    add_environment(parser)
    parser.add_argument("--episodes", type=int, default=200, help="how many (default: 200)")
    parser.add_argument(
        "--seed", type=int, default=EVALUATION, help=f"seed of the first episode (default: {EVALUATION})"
    )
    parser.add_argument(
        "--execute-steps",
        type=_execute_steps,
        default=0,
        metavar="N",
        help="steps of a chunk that are executed (default: as was measured for the policy, or it was trained for, else "
        f"8); {BEST}: measure {', '.join(map(str, TRIED))}, and keep the best in the checkpoint, for the graph, too",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros evaluate``."""
    check_seeds(args.seed, args.episodes)
    ways = 1 if args.environment else tasks.load(args.task).ways
    json_object("--environment-options", args.environment_options)
    from il_ros.evaluation.rollouts import GymTask
    from il_ros.evaluation.summary import summary
    from il_ros.evaluation.worker_pool import WorkerPool
    from il_ros.learning import checkpoint as checkpoints
    from il_ros.learning.checkpoint_files import keep_execution

    loaded = checkpoints.load(args.checkpoint)
    seeds = range(args.seed, args.seed + args.episodes)
    name = args.environment or args.task
    task = GymTask(name, args.environment_options) if args.environment else name
    taught = None if loaded.taught is None else shared(loaded.taught, name, seeds)
    warn_of(taught, args.episodes)
    chooses = args.execute_steps == BEST
    tried = [n for n in TRIED if n <= loaded.policy.config.horizon] if chooses else [args.execute_steps]
    began, results = time.monotonic(), {}
    with bars() as progress, WorkerPool() as pool:
        bar = progress.add_task(f"rollouts of {name}", total=args.episodes * len(tried), note="")
        for steps in tried:
            config = GateConfig(rule="none", execute_steps=steps)
            rollouts = pool.evaluate(args.checkpoint, task, seeds, config, progress=lambda n: progress.advance(bar, n))
            results[steps] = summary(rollouts, ways)
    best = best_of(results) if chooses else args.execute_steps
    result = results[best]
    if chooses:
        told = {key: result[key] for key in ("success", "episodes", "interval")}
        told["tried"] = {str(steps): each["success"] for steps, each in results.items()}
        keep_execution(args.checkpoint, loaded.hash, best, {"task": name, "seed": args.seed, **told})
        result |= {"execute_steps": best, "tried": told["tried"]}
    result |= {"task": name, "checkpoint": loaded.hash, "seed": args.seed}
    result |= {} if taught == 0 else {"taught": taught}
    result["wall_s"] = round(time.monotonic() - began, 2)
    if args.json:
        print(json.dumps(result))
        return 0
    table = Table(show_header=False, title=f"{args.checkpoint.name} on {name}, alone")
    for row in rows(result):
        table.add_row(*row)
    Console().print(table)
    return 0


def _execute_steps(word: str) -> int | str:
    if word != BEST and not word.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(f"{word!r} is neither a whole number nor {BEST!r}")
    return word if word == BEST else int(word)


def best_of(results: Mapping[int, Mapping[str, Any]]) -> int:
    """Return with how many steps most episodes succeed; of equal ones the most, which ask the policy least.

    Raises:
        ConfigError: if no episode says whether it is a success.
    """
    known = {steps: result["success"] for steps, result in results.items() if result["success"] is not None}
    if not known:
        raise ConfigError("--execute-steps best: no episode says whether it succeeded; give a number of steps")
    return max(known, key=lambda steps: (known[steps], steps))


def warn_of(taught: int | None, episodes: int) -> None:
    """Warn on stderr if episodes that were taught are among those to be measured, or that is unknown."""
    remedy = f"choose others, as with --seed {EVALUATION}"
    if taught is None:
        print(f"il-ros: this older checkpoint does not say what it was taught; if these, {remedy}", file=sys.stderr)
    elif taught:
        print(
            f"il-ros: warning: {taught} of the {episodes} episodes were taught to this policy, and say nothing of new "
            f"ones; {remedy}",
            file=sys.stderr,
        )


def rows(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of the table."""
    if result["success"] is None:
        yield "success", "unknown: no episode says whether it is one"
    else:
        yield "success", f"{result['success']:.1%} of {result['episodes']}"
        yield "95 % interval", "{:.1%} to {:.1%}".format(*result["interval"])
    if "tried" in result:
        yield "steps executed", f"{result['execute_steps']}, kept in the checkpoint"
        for steps, success in result["tried"].items():
            yield f"  with {steps}", "unknown" if success is None else f"{success:.1%}"
    if result.get("taught"):
        yield "of these taught", str(result["taught"])
    yield "entropy over ways", f"{result['entropy']:.3f}"
    yield from ((outcome, str(count)) for outcome, count in result["outcomes"].items())
    if "refused" in result:
        yield "held without an answer", f"in {result['refused']['episodes']}; the first: {result['refused']['first']}"
