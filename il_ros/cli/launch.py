# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Run a YAML launch file without ROS 2's own launch; it runs there too, as ``ros2 launch il_ros FILE``.

Examples:
  il-ros launch bringup task:=avoid             the simulated arm and its gate
  il-ros launch collect --show-args             what can be set
  il-ros launch dagger composed:=true           all nodes but the trainer in one process
  il-ros launch my.launch.yaml --dry-run        what would be run, and nothing else

FILE is a path, or the bare name of one of il_ros' own. Of the format it knows arg, let, set_env, node, group,
push_ros_namespace, include and log, log_info, log_warning, log_error, log_debug; $(var x), $(env X),
$(find-pkg-share p), $(dirname), $(path-join a b) and $(string-join , a b). It refuses the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from il_ros.core import paths
from il_ros.core.errors import ConfigError, GraphError
from il_ros.launching.processes import Child, Processes, how_it_ended
from il_ros.launching.yaml_launch import model
from il_ros.launching.yaml_launch.actions import Argument, Launch, NodeCommand

HELP = "start the nodes of a YAML launch file"
DEFAULTS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""What the nodes get unless the environment says otherwise; see ``ros_domain.ISOLATED``."""
POLL_S = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros launch``."""
    parser.add_argument("file", metavar="FILE", help="a .launch.yaml file, or bringup, collect, dagger, teleop")
    parser.add_argument("arguments", metavar="name:=value", nargs="*", help="arguments of the launch file")
    parser.add_argument("--show-args", "-s", action="store_true", help="list the arguments and end")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, one a line, and end")
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.add_argument("--log-folder", type=Path, help="where the nodes' output is kept (default: ROS's log folder)")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros launch``.

    Raises:
        ConfigError: if the file or an argument is wrong.
    """
    path = paths.find("launch", args.file, ".launch.yaml")
    if args.show_args:
        show_arguments(model.arguments(path), args.json)
        return 0
    launch = model.resolve(path, given(args.arguments), os.environ)
    if args.dry_run:
        show_commands(launch, args.json)
        return 0
    return supervise(launch, args.log_folder or log_folder())


def given(words: Sequence[str]) -> dict[str, str]:
    """Return the mapping that ``name:=value`` words make.

    Raises:
        ConfigError: if a word is not of that form.
    """
    for word in words:
        if ":=" not in word.lstrip(":"):
            raise ConfigError(f"argument {word!r} is not of the form name:=value; see --show-args")
    return {name: value for name, _, value in (word.partition(":=") for word in words)}


def log_folder() -> Path:
    """Make a new folder where ROS 2 keeps its logs."""
    home = Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
    base = Path(os.environ.get("ROS_LOG_DIR") or home / "log")
    return base / time.strftime(f"il-ros-launch-%Y-%m-%d-%H-%M-%S-{os.getpid()}")


def show_arguments(arguments: dict[str, Argument], as_json: bool) -> None:
    """Print the arguments of a launch file."""
    if as_json:
        print(json.dumps({name: vars(argument) for name, argument in arguments.items()}))
        return
    table = Table("argument", "default", "choices", "description")
    for argument in arguments.values():
        default = "(must be given)" if argument.default is None else repr(argument.default)
        table.add_row(argument.name, default, " ".join(argument.choices), argument.description)
    Console(markup=False).print(table)


def show_commands(launch: Launch, as_json: bool) -> None:
    """Print the commands, one a line."""
    for node in launch.commands:
        words = [*(f"{name}={value}" for name, value in node.environment.items()), *node.command]
        print(json.dumps(vars(node)) if as_json else shlex.join(words))


def supervise(launch: Launch, folder: Path, on_output: Callable[[str, str], None] | None = None) -> int:
    """Run the nodes until all have ended, or one whose end is the end of all; returns the exit code.

    Their output goes to ``on_output``, or is printed.
    """
    environment = {**DEFAULTS, **os.environ}
    for message in launch.messages:
        if message.level != "DEBUG":
            say("launch", f"{message.level}: {message.text}")
    with Processes(folder, environment) as processes:
        for node in launch.commands:
            echo = None if node.output == "log" else on_output or say
            child = processes.start(node.name, node.command, node.environment, echo)
            if on_output is None:
                say("launch", f"started {node.name} (process {child.process.pid}), log in {child.log}")
        return watch(processes, {node.name: node for node in launch.commands})


def watch(processes: Processes, nodes: dict[str, NodeCommand]) -> int:
    """Report each node that ends; returns 0 if all ended well, else the code of a ``GraphError``."""
    reported: set[str] = set()
    code = 0
    while len(reported) < len(nodes):
        for child in [child for child in processes.poll() if child.name not in reported]:
            reported.add(child.name)
            tell(child)
            code = code if child.process.returncode == 0 else GraphError.exit_code
            if nodes[child.name].shuts_down:
                return code
        time.sleep(POLL_S)
    return code


def tell(child: Child) -> None:
    """Print how a node ended, with its last lines of output if it failed."""
    failed = child.process.returncode != 0
    say("launch", f"{child.name} {how_it_ended(child.process.returncode)}{': ' + child.last_words() if failed else ''}")


def say(name: str, line: str) -> None:
    """Print one line of one process."""
    print(f"[{name}] {line}", flush=True)
