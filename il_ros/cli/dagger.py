# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rounds of correction: demonstrate, train, let the policy try under the expert's eyes, train on all of it, and again.

A run that was ended goes on when the same command is given again. What the expert was asked for, and what it bought,
is in the ledger: see il-ros ledger.

Examples:
  il-ros dagger runs/hg                                     HG-DAgger over topics, with a simulated supervisor
  il-ros dagger runs/hg --no-ros                            the same without ROS, on every core
  il-ros dagger runs/bc --gating-rule demonstration --episodes 5
                                                            more demonstrations instead of corrections
  il-ros dagger runs/dagger --gating-rule beta --labels relabelled --policy one_step --execute-steps 1
                                                            DAgger: the expert labels every state that is visited
  il-ros dagger runs/mine --input-device joy --real-time    you, with a gamepad, in real time
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.progress import Progress

from il_ros.cli import ledger as ledger_command
from il_ros.cli.progress import bars
from il_ros.sim import tasks

HELP = "rounds of demonstrations, corrections and training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros dagger``."""
    from il_ros.learning.dagger.config import DaggerConfig

    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of the run; one that is there goes on")
    for f in dataclasses.fields(DaggerConfig):
        words, text = f"--{f.name.replace('_', '-')}", f.metadata["text"]
        if f.type == "bool":
            parser.add_argument(words, action="store_true", help=text)
        else:
            kind = {"int": int, "float": float}.get(str(f.type), str)
            shown = "" if f.default == "" else f" (default: {f.default})"
            parser.add_argument(words, type=kind, default=f.default, metavar=f.name.upper(), help=text + shown)
    parser.add_argument("--no-ros", action="store_true", help="in one process, without ROS")
    parser.add_argument("--real-time", action="store_true", help="over topics in real time, as a person needs it")
    parser.add_argument(
        "--composed", action="store_true", help="over topics, all nodes but the trainer in one process: faster"
    )
    parser.add_argument("--json", action="store_true", help="print the ledger as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros dagger``."""
    from il_ros.learning.dagger import ledger
    from il_ros.learning.dagger.config import DaggerConfig
    from il_ros.learning.dagger.run import DaggerRun

    plan = DaggerConfig(**{f.name: getattr(args, f.name) for f in dataclasses.fields(DaggerConfig)})
    tasks.load(plan.task).draw(plan.expert, 0)
    folder = args.folder.absolute()
    with bars() as progress, _crew(args, folder, plan) as crew:
        DaggerRun(folder, plan, crew, lambda phase, parts: _bar(progress, phase, parts)).run()
    records = ledger.read(folder)
    if args.json:
        print(json.dumps(records))
    else:
        ledger_command.show(folder, records)
    return 0


@contextlib.contextmanager
def _crew(args: argparse.Namespace, folder: Path, plan: Any) -> Iterator[Any]:
    from il_ros.evaluation.worker_pool import WorkerPool
    from il_ros.learning.dagger.in_process import InProcessBackend

    with WorkerPool() as pool:
        if args.no_ros:
            with InProcessBackend(folder, plan, pool.evaluate) as crew:
                yield crew
            return
        from il_ros.launching.dagger_backend import RosBackend

        with RosBackend(folder, plan, pool.evaluate, args.real_time, args.composed) as crew:
            yield crew


def _bar(progress: Progress, phase: str, parts: int) -> Callable[[], None]:
    bar = progress.add_task(phase, total=parts, note="")
    return lambda: progress.advance(bar)
