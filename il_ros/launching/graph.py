# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A running graph: the nodes of a launch file as child processes, in a ROS domain of their own, and its client."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from il_ros.core import paths
from il_ros.launching.processes import Processes
from il_ros.launching.ros_domain import ISOLATED, isolate
from il_ros.launching.yaml_launch import model
from il_ros.ros.client.graph_client import GraphClient

DISCOVERY = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")


@cache
def _environment() -> dict[str, str]:
    """Return the environment with one domain for all the graphs of this process."""
    return isolate(os.environ)


def node_names(launch_file: str, **arguments: object) -> list[str]:
    """Return the names of the nodes that one of our launch files starts, whether in one process or in many."""
    given = {**{name: _text(value) for name, value in arguments.items()}, "composed": "false"}
    path = paths.find("launch", launch_file, ".launch.yaml")
    return [command.name for command in model.resolve(path, given, os.environ).commands]


@contextlib.contextmanager
def started(launch_file: str, logs: Path, isolated: bool = True, **arguments: object) -> Iterator[Processes]:
    """Start one of our launch files, in lockstep unless the arguments say otherwise; its processes end with the body.

    Args:
        logs: the folder for what the nodes print.
        isolated: in a domain of its own; otherwise in the one of the environment, where an operator's device is.
        arguments: arguments of the launch file.
    """
    environment = _environment() if isolated else {**ISOLATED, **os.environ}
    given = {"lockstep": "true", "auto_reset": "false", **{name: _text(value) for name, value in arguments.items()}}
    launch = model.resolve(paths.find("launch", launch_file, ".launch.yaml"), given, environment)
    os.environ.update({name: environment[name] for name in DISCOVERY if name in environment})
    with Processes(logs, environment) as processes:
        for node in launch.commands:
            processes.start(node.name, node.command, node.environment)
        yield processes


@contextlib.contextmanager
def running(launch_file: str, logs: Path, isolated: bool = True, **arguments: object) -> Iterator[GraphClient]:
    """Start a launch file, see ``started``, and wait until its nodes are connected.

    Raises:
        GraphError: if a node dies or the graph does not come up.
    """
    with started(launch_file, logs, isolated, **arguments) as processes, GraphClient(processes.check) as client:
        client.wait_ready(node_names(launch_file, **arguments))
        yield client


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
