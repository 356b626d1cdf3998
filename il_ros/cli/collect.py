# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Record demonstrations over real topics: starts the arm, the gate, the expert and the recorder, and ends them again.

Examples:
  il-ros collect --task fork --episodes 40                 both scripted experts, drawn at random
  il-ros collect --task fork --expert left --episodes 20   one consistent expert
  il-ros collect --task avoid --input-device joy --real-time
                                                           you, with a gamepad, in your ROS_DOMAIN_ID
  il-ros collect --environment panda_gym:PandaPush-v3 --contract push.yaml --expert my_expert:push
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from il_ros.cli import add_environment, check_seeds
from il_ros.cli.progress import bars
from il_ros.core.errors import ConfigError
from il_ros.core.schema import json_object
from il_ros.gate import rules
from il_ros.sim import tasks
from il_ros.teleop.devices.function import load

HELP = "record demonstrations over real topics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros collect``."""
    parser.add_argument("--task", default="fork", help="task to demonstrate: " + ", ".join(tasks.available()))
    add_environment(parser)
    parser.add_argument("--episodes", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first episode; the others count up")
    parser.add_argument("--input-device", default="scripted", help="scripted, or joy for a gamepad (default: scripted)")
    parser.add_argument(
        "--expert",
        default="random",
        help="which scripted expert; random draws one an episode; for an environment package.module:function",
    )
    parser.add_argument(
        "--disturbance",
        type=float,
        default=0.0,
        help="push the arm off the expert's way now and then, up to this share of its speed, such as 0.3, so that "
        "recoveries are demonstrated; labels stay what the expert asks for (default: 0)",
    )
    parser.add_argument("--contract", help="contract, by name or path; it names the arm (default: the task's)")
    parser.add_argument("--folder", type=Path, default=Path("runs/episodes"), help="where the bags go")
    parser.add_argument("--real-time", action="store_true", help="in real time, as a person needs it")
    parser.add_argument("--composed", action="store_true", help="all nodes in one process: faster")
    parser.add_argument("--json", action="store_true", help="print the facts of the episodes as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros collect``."""
    check_seeds(args.seed, args.episodes, teaching=True)
    graph, arguments = _environment(args) if args.environment else _task(args)
    from il_ros.launching.graph import running

    options = {**arguments, "expert": args.expert, "folder": args.folder.absolute()}
    options |= {"lockstep": not args.real_time, "composed": args.composed}
    options |= {"isolated": args.input_device in ("scripted",)}
    if args.disturbance:
        options["rule"] = f"demonstration:disturbance={args.disturbance}"
        rules.load(options["rule"])
    with bars() as progress:
        bar = progress.add_task(
            f"demonstrations of {args.environment or args.task}", total=args.episodes, note="starting the nodes"
        )
        with running(graph, args.folder.parent / "logs", **options) as director:
            progress.update(bar, note="")
            began = time.monotonic()
            seeds = range(args.seed, args.seed + args.episodes)
            done = director.episodes(seeds, lambda n: progress.advance(bar, n))
            wall_s = time.monotonic() - began
    if args.json:
        json.dump(done, sys.stdout)
        return 0
    _print(done, wall_s, args.folder)
    return 0


def _task(args: argparse.Namespace) -> tuple[str, dict[str, object]]:
    """Return the launch file for one of our tasks, and its arguments."""
    task = tasks.load(args.task)
    task.draw(args.expert, 0)
    contract = args.contract or task.contract
    return "collect", {"task": args.task, "device": args.input_device, "contract": contract}


def _environment(args: argparse.Namespace) -> tuple[str, dict[str, object]]:
    """Return the launch file for a gymnasium environment, and its arguments."""
    load(args.expert)
    if not args.contract:
        raise ConfigError(
            f"--environment {args.environment} needs --contract; il-ros contract from-gym {args.environment} writes one"
        )
    options = args.environment_options
    json_object("--environment-options", options)
    return "gym", {"environment": args.environment, "environment_options": options, "contract": args.contract}


def _print(done: list[dict[str, object]], wall_s: float, folder: Path) -> None:
    table = Table("outcome", "episodes", "steps", title=f"{len(done)} episodes in {folder} ({wall_s:.1f} s)")
    for outcome in sorted({str(facts["outcome"]) for facts in done}):
        of = [facts for facts in done if facts["outcome"] == outcome]
        table.add_row(outcome, str(len(of)), str(sum(int(str(f["steps"])) for f in of)))
    Console().print(table)
