# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A running graph: the nodes of a launch file as processes of ours, in a domain of our own, and its director."""

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

NODES = {
    "bringup": ("sim_node", "gate_node"),
    "collect": ("sim_node", "gate_node", "expert_node", "recorder_node"),
    "dagger": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node"),
    "gym": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node"),
    "teleop": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node", "web_ui_node"),
}
"""The nodes that each of our launch files starts."""
DISCOVERY = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")


@cache
def _environment() -> dict[str, str]:
    """One domain for all the graphs of this process."""
    return isolate(os.environ)


@contextlib.contextmanager
def started(launch_file: str, logs: Path, isolated: bool = True, **arguments: object) -> Iterator[Processes]:
    """Start one of our launch files, in lockstep unless told otherwise; its processes end with the context.

    Args:
        logs: the folder for what the nodes print.
        isolated: in a domain of our own; otherwise in the one of the environment, where a person's device is heard.
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
    with started(launch_file, logs, isolated, **arguments) as processes, GraphClient(processes.check) as director:
        director.wait_ready(NODES[launch_file])
        yield director


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
