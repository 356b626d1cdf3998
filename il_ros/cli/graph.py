# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A running graph: the nodes of a launch file as processes of ours, in a domain of our own, and its director."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from il_ros import resources
from il_ros.cli import launch_format
from il_ros.cli.domain import ISOLATED, isolate
from il_ros.cli.processes import Processes
from il_ros.nodes.director import Director

NODES = {
    "bringup": ("sim_node", "gate_node"),
    "collect": ("sim_node", "gate_node", "expert_node", "recorder_node"),
    "dagger": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node"),
    "gym": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node"),
    "teleop": ("sim_node", "gate_node", "expert_node", "recorder_node", "policy_node", "trainer_node", "page_node"),
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
    launch = launch_format.resolve(resources.find("launch", launch_file, ".launch.yaml"), given, environment)
    os.environ.update({name: environment[name] for name in DISCOVERY if name in environment})
    with Processes(logs, environment) as processes:
        for node in launch.commands:
            processes.start(node.name, node.command, node.environment)
        yield processes


@contextlib.contextmanager
def running(launch_file: str, logs: Path, isolated: bool = True, **arguments: object) -> Iterator[Director]:
    """Start a launch file, see ``started``, and wait until its nodes are connected.

    Raises:
        GraphError: if a node dies or the graph does not come up.
    """
    with started(launch_file, logs, isolated, **arguments) as processes, Director(processes.check) as director:
        director.wait_ready(NODES[launch_file])
        yield director


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
