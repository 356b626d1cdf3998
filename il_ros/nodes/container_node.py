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
from typing import Any

import rclpy
from rclpy.node import Node

from il_ros.core.errors import unknown
from il_ros.ros.spin import main as run

NODES = {
    "sim_node": "SimNode",
    "gym_node": "GymNode",
    "gate_node": "GateNode",
    "expert_node": "ExpertNode",
    "policy_node": "PolicyNode",
    "recorder_node": "RecorderNode",
    "trainer_node": "TrainerNode",
    "web_ui_node": "WebUiNode",
    "camera_node": "CameraNode",
    "resync_node": "ResyncNode",
}


APART = ("gym_node", "camera_node", "resync_node")
"""Those that are not meant when all are."""


@dataclass(frozen=True)
class Factory:
    """Makes one node by the name of its file."""

    name: str

    def __call__(self) -> Any:
        """The node, its parameters taken from the process's arguments."""
        module = importlib.import_module(f"il_ros.nodes.{self.name}")
        return getattr(module, NODES[self.name])()


def wanted() -> list[str]:
    """The names in the parameter ``nodes``; by default all but those that are ``APART``."""
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
    """Entry point."""
    return run(*(Factory(name) for name in wanted()))


if __name__ == "__main__":
    raise SystemExit(main())
