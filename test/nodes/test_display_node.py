# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Viewers get what happens, and only while they subscribe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectoryPoint

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.topics import QosKind, Topic
from il_ros.core.types import Chunk
from il_ros.nodes.display_node import DisplayNode
from il_ros.nodes.sim_node import SimNode
from il_ros.ros import qos
from il_ros.ros.message_types import message_class

ROOT = Path(__file__).resolve().parents[2]
OURS = {f"/{topic.name.lstrip('/')}" for topic in vars(topics).values() if isinstance(topic, Topic)}
OURS |= {f"/{topic.name}" for topic in topics.READING}


def subscribe(node: Node, topic: Topic) -> list[Any]:
    """Subscribe to a topic; returns the list of its messages."""
    received: list[Any] = []
    kind = QosKind.LATCHED_SUBSCRIBER if topic.qos is QosKind.LATCHED else topic.qos
    node.create_subscription(message_class(topic.type_name), topic.name, received.append, qos.PROFILES[kind])
    return received


@pytest.mark.graph
def test_a_chunk_is_drawn_from_the_tool_and_the_scene_with_its_posts(ros: Callable[..., None], graph: Any) -> None:
    ros(task="fork", contract="panda_joints", lockstep=True)
    sim, display, viewer = graph.add(SimNode()), graph.add(DisplayNode()), graph.add(Node("viewer"))
    paths, scenes = subscribe(viewer, topics.POLICY_PATH), subscribe(viewer, topics.SCENE)
    policy = viewer.create_publisher(
        message_class(topics.POLICY_ACTION.type_name), topics.POLICY_ACTION.name, qos.STREAM
    )
    descriptions = subscribe(viewer, topics.ROBOT_DESCRIPTION)
    contract = Contract.load("panda_joints")
    assert graph.until(lambda: display._scene.get_subscription_count() and policy.get_subscription_count(), 20.0)
    sim._reset()
    state = sim._env.reading()
    message = message_class(topics.POLICY_ACTION.type_name)()
    measured = dict(zip(state.joint_names, state.joint_positions))
    rows = np.array([[measured[name] for name in contract.action_names]] * 2)
    messages.fill_chunk(message, Chunk(state.stamp_ns, rows, "p"), contract, JointTrajectoryPoint)
    policy.publish(message)
    assert graph.until(lambda: any(path.points for path in paths) and scenes and descriptions, 20.0)
    (path, *_) = [path for path in paths if path.points]
    points = np.array([(p.x, p.y, p.z) for p in path.points])
    assert path.header.frame_id == "panda_link0" and np.allclose(points, state.tool_position, atol=1e-4)
    assert len([marker for marker in scenes[-1].markers if marker.ns == "bodies"]) == len(state.objects)
    assert "panda_link0" in descriptions[0].data


def topics_in(value: Any) -> set[str]:
    """Return every topic that a layout names: a string that begins with a slash, without the path of a field."""
    if isinstance(value, dict):
        return {topic for key, item in value.items() for topic in topics_in(item) | topics_in(key)}
    if isinstance(value, list):
        return {topic for item in value for topic in topics_in(item)}
    return {value.partition(".")[0]} if isinstance(value, str) and value.startswith("/") else set()


@pytest.mark.graph
@pytest.mark.parametrize("path", ["rviz/il_ros.rviz", "foxglove/il_ros.json"])
def test_a_layout_shows_arm_scene_chunk_and_authority_and_names_only_topics_of_ours(path: str) -> None:
    text = (ROOT / "config" / path).read_text(encoding="utf-8")
    named = topics_in(json.loads(text) if path.endswith("json") else yaml.safe_load(text))
    assert named <= OURS
    assert {"/robot_description", "/scene", "/policy/path", "/gate/authority_marker"} <= named
