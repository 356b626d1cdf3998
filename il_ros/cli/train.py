# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Train a policy on a folder of episodes or a data set of LeRobot's, without ROS; the trainer node does the same.

Examples:
  il-ros train runs/episodes --policy mixture
  il-ros train runs/episodes --experts anna=1,ben=0.5,others=0
  il-ros train runs/episodes --where "expert!=ben" --where "date>=2026-11-01"
  il-ros train runs/episodes --policy my_training.yaml --steps 8000 --seed 3
  il-ros train downloads/their_dataset --contract their_arm.yaml

A training that was ended goes on when the same is started again, also with more --steps: from there on the learning
rate is that of the longer training. With anything else changed it is refused, until --fresh puts the old one aside.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.cli import default_contract
from il_ros.cli.progress import bars
from il_ros.core.errors import ConfigError

HELP = "train a policy on recorded episodes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros train``."""
    parser.add_argument(
        "episodes", type=Path, metavar="FOLDER", help="folder of closed episodes, or of a LeRobot v3 data set"
    )
    parser.add_argument("--policy", default="diffusion", help="policy class, or a training configuration (YAML)")
    parser.add_argument("--checkpoints", type=Path, help="where the checkpoint goes (default: beside FOLDER)")
    parser.add_argument("--contract", help=default_contract.ABOUT)
    parser.add_argument("--steps", type=int, help="gradient steps (default: the configuration's)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the training")
    parser.add_argument(
        "--experts",
        metavar="NAME=WEIGHT,...",
        help="how much each expert counts; 0 leaves out, others=0 the rest",
    )
    parser.add_argument(
        "--where",
        action="append",
        metavar="CONDITION",
        help="train on episodes for which it holds, such as outcome=success, expert!=ben, date>=2026-11-01, steps<400; "
        "several: all must. Demonstrations that failed are left out, unless one is about the outcome: outcome=*",
    )
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="what encodes the images of a contract with cameras: patch, residual, spatial_softmax, or none to train "
        "without them (default: the configuration's)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew, where another training has not ended; that is put aside"
    )
    parser.add_argument("--json", action="store_true", help="print the checkpoint's facts as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros train``."""
    from il_ros.learning.pipeline import TrainingPipeline
    from il_ros.learning.training.config import TrainingConfig

    changes: dict[str, Any] = {"seed": args.seed} | ({"steps": args.steps} if args.steps is not None else {})
    if args.experts is not None:
        changes["experts"] = weights(args.experts)
    if args.where is not None:
        changes["where"] = tuple(args.where)
    if args.encoder is not None:
        changes["encoder"] = args.encoder
    config = TrainingConfig.load(args.policy, **changes)
    folder = args.checkpoints or args.episodes.parent / "checkpoints"
    workshop = TrainingPipeline(args.episodes, folder, default_contract.load(args.contract, args.episodes))
    aside = workshop.put_aside(config) if args.fresh else None
    if aside is not None:
        print(f"il-ros: the training that had not ended is now {aside}", file=sys.stderr)
    with bars() as progress:
        bar = progress.add_task(f"training {config.policy}", total=config.steps, note="reading episodes")
        made = workshop.train(
            config,
            lambda p: progress.update(bar, completed=p.step, note=f"loss {p.loss:.4f}, held out {p.held_out:.4f}"),
        )
    for line in (*workshop.skipped.values(), *(f"{', '.join(n)}: {why}" for why, n in workshop.remarks.items())):
        print(f"il-ros: {line}", file=sys.stderr)
    if args.json:
        left_out = {str(path): why for path, why in workshop.skipped.items()}
        print(json.dumps({**made, "left_out": left_out, "remarks": workshop.remarks}))
        return 0
    table = Table(show_header=False, title="checkpoint")
    for key, value in made.items():
        table.add_row(key, "\n".join(value) if isinstance(value, list) else str(value))
    Console().print(table)
    return 0


def weights(text: str) -> dict[str, float]:
    """Parse ``--experts``.

    Raises:
        ConfigError: if it is of another form.
    """
    try:
        return {name.strip(): float(weight) for name, weight in (part.rsplit("=", 1) for part in text.split(","))}
    except ValueError as error:
        raise ConfigError(f"--experts is {text!r}; write NAME=WEIGHT, several with commas between them") from error
