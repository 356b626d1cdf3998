# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Several nodes composed in one process, on one executor: the same graph with fewer copies.

``container_node --ros-args -p nodes:="[sim_node, gate_node]"``; parameters of each node are given as
``-p sim_node:task:=fork`` or in a parameter file.

When things fail: a node that cannot be made ends the process, and with it all the others.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.node import Node

from il_ros.core.errors import unknown
from il_ros.ros.spin import main as run

NODES = {
    path.stem: "".join(word.capitalize() for word in path.stem.split("_"))
    for path in sorted(Path(__file__).parent.glob("*_node.py"))
    if path.stem != "container_node"
}
"""The class of each node, by the name of its module: the modules beside this one."""
APART = ("gym_node", "camera_node", "display_node", "resync_node", "gripper_bridge_node", "remote_policy_node")
"""Those that are not started by default: they stand in for another node, or belong in a process of their own."""


@dataclass(frozen=True)
class Factory:
    """Makes one node, given the name of its module."""

    name: str

    def __call__(self) -> Any:
        """Return the node; its parameters come from the arguments of the process."""
        module = importlib.import_module(f"il_ros.nodes.{self.name}")
        return getattr(module, NODES[self.name])()


def selected() -> list[str]:
    """Return the names in the parameter ``nodes``; by default all but those that are ``APART``.

    Raises:
        ConfigError: if there is no such node.
    """
    rclpy.init()
    node = Node("container_node", start_parameter_services=False, enable_rosout=False)
    names = list(node.declare_parameter("nodes", [n for n in NODES if n not in APART]).value or [])
    node.destroy_node()
    rclpy.shutdown()
    for name in names:
        if name not in NODES:
            raise unknown("node", name, NODES)
    return names


def main() -> int:
    """Run the selected nodes; the entry point."""
    return run(*(Factory(name) for name in selected()))


if __name__ == "__main__":
    raise SystemExit(main())
