# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Markers for RViz and Foxglove: the scene, the chunks that policy and expert mean to execute, and who commands.

Each is published only while somebody subscribes to it, ten times a second at most. The layouts
``config/rviz/il_ros.rviz`` and ``config/foxglove/il_ros.json`` show them; the arm itself comes from
``robot_description`` and ``/tf``.

When things fail: a chunk or a record that is malformed is reported, and not drawn. Without complete observations
nothing new is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from il_ros.core import messages, topics
from il_ros.core.episode import Authority, Record
from il_ros.core.types import Array, Chunk, RobotState
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.robot.tool_path import tool_path
from il_ros.ros import codecs
from il_ros.ros.display import markers
from il_ros.ros.display.task_props import task_props
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run

DRAW_S = 0.1
"""How often markers are published."""


@dataclass(frozen=True)
class DisplayParameters(NodeParameters):
    """Parameters of the display node."""

    task: str = param("fork", "task whose scene is drawn; empty for none", read_only=True)


class DisplayNode(IlNode[DisplayParameters]):
    """Subscribes to what happens, and publishes how it is drawn."""

    def __init__(self) -> None:
        super().__init__("display_node", DisplayParameters)
        self._robot = Robot.load(self.contract.robot)
        self._chain = KinematicChain(self._robot)
        self._props = task_props(self.parameters.task)
        self._parts: dict[str, Any] = {}
        self._record: Record | None = None
        self._chunks: dict[Authority, Chunk] = {}
        self._scene = self.publisher(topics.SCENE)
        self._authority = self.publisher(topics.AUTHORITY_MARKER)
        self._paths = {
            Authority.POLICY: self.publisher(topics.POLICY_PATH),
            Authority.EXPERT: self.publisher(topics.EXPERT_PATH),
        }
        for topic in topics.READING:
            reader = codecs.whole(self.contract, topic._replace(qos=topics.QosKind.LATEST))
            self.read(reader, partial(self._on_state, topic.name))
        for authority, topic in (
            (Authority.POLICY, topics.POLICY_ACTION),
            (Authority.EXPERT, topics.EXPERT_ACTION),
        ):
            self.subscribe(topic, partial(self._on_action, authority))
        self.read(codecs.RecordReader(), self._on_authority)
        self.every(DRAW_S, self._draw)
        self.start()

    def _on_state(self, name: str, stamped: codecs.Stamped) -> None:
        self._parts[name] = stamped[1]

    def _on_action(self, authority: Authority, message: Any) -> None:
        self._chunks[authority] = messages.chunk_from(message, self.contract, authority is Authority.EXPERT)

    def _on_authority(self, record: Record) -> None:
        self._record = record

    def _draw(self) -> None:
        """Publish what has come since the last time, to those who subscribe."""
        if len(self._parts) < len(topics.READING):
            return
        state = messages.reading_from(self._parts)
        frame = self._robot.base
        if self._scene.get_subscription_count():
            self._scene.publish(markers.scene_markers(frame, self._props, state.object_poses))
        if self._record is not None and self._authority.get_subscription_count():
            self._authority.publish(markers.authority_marker(frame, self._record))
        for authority, publisher in self._paths.items():
            if publisher.get_subscription_count():
                publisher.publish(markers.path_marker(frame, authority, self._path(authority, state)))

    def _path(self, authority: Authority, state: RobotState) -> Array:
        """Return (N, 3) m, where a chunk that has come since the last time means to move the tool."""
        chunk = self._chunks.pop(authority, None)
        if chunk is None or not len(chunk.actions):
            return np.empty((0, 3))
        measured = dict(zip(state.joint_names, state.joint_positions))

        def tool_at(positions: Mapping[str, float]) -> Array:
            joints = {**measured, **positions}
            return self._chain.forward(np.array([joints[name] for name in self._robot.joints])).position

        return tool_path(self.contract, chunk, state.tool_position, tool_at)


def main() -> int:
    """Run the node; the entry point."""
    return run(DisplayNode)


if __name__ == "__main__":
    raise SystemExit(main())
