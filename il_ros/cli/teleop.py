# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drive the arm from a page in the browser: demonstrate, train, watch the policy, take over, and train again.

Examples:
  il-ros teleop                                    the fork, with nothing learned yet
  il-ros teleop --task avoid --checkpoint CHECKPOINT
  il-ros teleop --no-browser                       print the page's address and open nothing
  il-ros teleop --shared device:=joy               further arguments of launch/teleop.launch.yaml

The page is served on this machine alone, to whoever has its address: it holds a token. Ctrl-C ends all.
"""

from __future__ import annotations

import argparse
import os
import re
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from il_ros.cli import launch
from il_ros.core import paths, plugins, schema
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.gate import rules
from il_ros.launching.ros_domain import isolate
from il_ros.launching.yaml_launch import model

HELP = "drive the arm from a page in the browser"
ADDRESS = re.compile(r"the page is at (\S+)")
DRIVEN = ("joy", "twist", "pose", "leader")
"""Devices that subscribe to another program's driver, which is not in a domain of our own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros teleop``."""
    parser.add_argument("--task", default="fork", help="the task that is set up (default: fork)")
    parser.add_argument("--checkpoint", type=Path, help="the policy to begin with (default: the newest of the run)")
    parser.add_argument("--folder", type=Path, default=Path("runs/teleop"), help="of the run (default: runs/teleop)")
    parser.add_argument("--policy", default="mixture", help="the policy class that TRAIN trains (default: mixture)")
    parser.add_argument("--port", type=int, default=0, help="port of the page (default: one that is free)")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.add_argument("--shared", action="store_true", help="in the ROS domain of the environment, for drivers there")
    parser.add_argument("arguments", metavar="name:=value", nargs="*", help="further arguments of the launch file")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros teleop``.

    Raises:
        ConfigError: if an argument is wrong.
        CheckpointError: if the checkpoint is not there.
    """
    given = launch.given(args.arguments)
    _check(args, given)
    run_folder = args.folder.absolute() / args.task.partition(":")[0]
    checkpoint = args.checkpoint or _newest(run_folder / "checkpoints")
    arguments = {"task": args.task, "policy": args.policy, "port": str(args.port), "composed": "true"}
    arguments |= {"folder": str(run_folder / "episodes"), "checkpoints": str(run_folder / "checkpoints")}
    arguments |= {"checkpoint": "" if checkpoint is None else str(checkpoint.absolute())}
    environment = dict(os.environ) if args.shared else isolate(os.environ)
    path = paths.find("launch", "teleop", ".launch.yaml")
    described = model.resolve(path, {**arguments, **given}, environment)
    os.environ.update(environment)

    def on_output(name: str, line: str) -> None:
        address = ADDRESS.search(line)
        if address is None:
            launch.say(name, line)
            return
        print(f"the page is at {address[1]}\nepisodes and checkpoints go to {run_folder}; Ctrl-C ends all", flush=True)
        if not args.no_browser:
            webbrowser.open(address[1])

    return launch.supervise(described, run_folder / "logs", on_output)


def _check(args: argparse.Namespace, given: Mapping[str, str]) -> None:
    """Refuse what a node would refuse, before there is a page that somebody opens."""
    device = given.get("device", "browser")
    plugins.load("device", device)
    if device in DRIVEN and not args.shared:
        raise ConfigError(f"device {device!r} subscribes to a driver in your ROS domain; add --shared, to be in it too")
    rules.load(given.get("rule", "human"))
    schema.json_object("argument 'options'", given.get("options", "{}"))
    if args.checkpoint is not None and not args.checkpoint.exists():
        raise CheckpointError(f"checkpoint {args.checkpoint} is not there; leave it out to go on from the run's newest")


def _newest(checkpoints: Path) -> Path | None:
    """Return the checkpoint that was trained last, so that a session goes on where the one before it ended."""
    return max(checkpoints.glob("checkpoint_[0-9]*"), default=None)
