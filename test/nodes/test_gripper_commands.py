# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gripper with a topic of its own: the gate's two messages are one command again in the simulation."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.errors import MessageError
from il_ros.core.types import Chunk, EpisodeStart
from il_ros.nodes.gate_node import GateNode
from il_ros.ros import codecs
from il_ros.ros.sim_node_base import SimulatorNode, SimulatorParameters

pytestmark = [pytest.mark.graph, pytest.mark.alone]

TYPES = ["trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64MultiArray"]
STEPS = 12


def plain(gripper_type: str, arm: str = "geometry_msgs/msg/TwistStamped") -> dict[str, Any]:
    """The arm's velocity, and its gripper between the two in the action."""
    speed = {"low": -0.2, "high": 0.2, "max_acceleration": 4.0}
    finger = {"low": 0.0, "high": 0.04, "max_velocity": 0.2, "rest": "width", "kind": "gripper"}
    return {
        "rate_hz": 20.0,
        "topics": {"joint_states": "sensor_msgs/msg/JointState"},
        "observation": {"width": {"topic": "joint_states", "field": "position[finger]"}},
        "action": {
            "tool_vx": {**speed, "field": "twist.linear.x"},
            "finger": finger,
            "tool_wz": {**speed, "field": "twist.angular.z"},
        },
        "command": {"type": arm, "gripper": {"topic": "gripper_command", "type": gripper_type}},
    }


class World:
    """Notes what is executed; its finger is measured where it likes."""

    start, way, stamp_ns = EpisodeStart("grip", 0, 1_000_000_000, 1), None, 1_000_000_000

    def __init__(self) -> None:
        self.executed: list[np.ndarray] = []

    def reset(self, *, seed: int) -> None:
        self.stamp_ns = self.start.first_stamp_ns

    def advance(self, action: np.ndarray) -> tuple[None, str | None]:
        self.executed.append(action)
        self.stamp_ns += 50_000_000
        return None, "success" if len(self.executed) == STEPS else None

    def close(self) -> None:
        pass


class GripperSim(SimulatorNode[SimulatorParameters]):
    """Publishes the width of the gripper."""

    _env: World

    def __init__(self) -> None:
        super().__init__(SimulatorParameters)
        self._topic = self.publisher(topics.JOINT_STATES)
        self.start()

    def make_world(self) -> World:
        return World()

    def show(self) -> None:
        message = JointState(name=["finger"], position=[0.03])
        messages.set_stamp(message, self._env.stamp_ns)
        self._topic.publish(message)

    def observation(self) -> np.ndarray:
        return np.array([0.03], dtype=np.float32)


def contract_file(folder: Path, gripper_type: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(plain(gripper_type), sort_keys=False))
    return path


@pytest.mark.parametrize("gripper_type", TYPES)
@pytest.mark.parametrize("arm", ["geometry_msgs/msg/TwistStamped", *TYPES])
def test_the_parts_of_a_command_are_the_whole_of_it(gripper_type: str, arm: str) -> None:
    contract = Contract.from_dict("mine", plain(gripper_type, arm))
    parts = messages.command_parts(contract)
    assert [part.topic for part in parts] == list(topics.commands(contract))
    assert [part.topic.name for part in parts] == ["gripper_command", "command"]
    for seed in range(20):
        action, whole = np.random.default_rng(seed).normal(size=3), np.full(3, np.nan)
        for part in parts:
            data_ = codecs.CommandWriter(contract, part)(codecs.Command(seed, action))
            stamp, whole[part.columns] = codecs.commands(contract, part)(data_)
            assert stamp == (None if part.topic.type_name.endswith("MultiArray") else seed)
        assert np.array_equal(whole, action)


@pytest.mark.parametrize("gripper_type", TYPES)
def test_in_lockstep_the_arm_executes_what_the_gate_records(
    ros: Callable[..., None], graph: Any, tmp_path: Path, gripper_type: str
) -> None:
    ros(contract=contract_file(tmp_path, gripper_type), lockstep=True, rule="none")
    sim, gate = graph.add(GripperSim()), graph.add(GateNode())
    contract, rng = sim.contract, np.random.default_rng(0)
    records: list[Record] = []
    node = graph.add(Node("someone"))
    answer = node.create_publisher(JointTrajectory, "policy/action", 10)

    def on_state(message: JointState) -> None:
        rows = np.stack([rng.uniform(-0.2, 0.2, 4), rng.uniform(0.0, 0.04, 4), rng.uniform(-0.2, 0.2, 4)], axis=1)
        reply = JointTrajectory()
        messages.fill_chunk(reply, Chunk(messages.stamp_ns(message), rows, "me"), contract, JointTrajectoryPoint)
        answer.publish(reply)

    node.create_subscription(JointState, "joint_states", on_state, 10)
    gate._record_topic.publish = lambda data: records.append(codecs.RecordReader()(bytes(data)))
    assert graph.until(lambda: answer.get_subscription_count() > 0, 10.0)
    graph.until(lambda: False, 0.5)
    sim._reset()
    assert graph.until(lambda: len(sim._env.executed) == STEPS, 20.0), gate.complaint
    assert np.array_equal(sim._env.executed, [record.executed for record in records[:STEPS]])
    assert len({record.executed[1] for record in records}) > 5


def twist(node: GripperSim, x: float) -> None:
    message = TwistStamped()
    messages.set_stamp(message, node._stamp_ns)
    message.twist.linear.x = message.twist.angular.z = x
    send(node, 1, message)


def send(node: GripperSim, part: int, message: Any) -> None:
    each = messages.command_parts(node.contract)[part]
    data = serialize_message(message)
    node._on_command(each.topic, codecs.commands(node.contract, each)(data))


def close_to(node: GripperSim, width: float) -> None:
    point = JointTrajectoryPoint(positions=array("d", [width]))
    message = JointTrajectory(joint_names=["finger"], points=[point])
    messages.set_stamp(message, node._stamp_ns)
    send(node, 0, message)


def test_a_paced_gripper_that_receives_nothing_stays_as_it_was(ros: Callable[..., None], tmp_path: Path) -> None:
    ros(contract=contract_file(tmp_path, TYPES[0]))
    node = GripperSim()
    try:
        node._reset()
        node._tick()
        twist(node, 0.1)
        node._tick()
        close_to(node, 0.01)
        node._tick()
        node._newest[topics.command(node.contract)] = node._newest[topics.command(node.contract)]._replace(
            received_ns=0
        )
        node._tick()  # the arm's command is stale, the gripper's is not
        twist(node, 0.2)
        node._tick()
        node._reset()
        node._tick()
    finally:
        node.close()
    expected = [[0, 0.03, 0], [0.1, 0.03, 0.1], [0.1, 0.01, 0.1], [0, 0.01, 0], [0.2, 0.01, 0.2], [0, 0.03, 0]]
    np.testing.assert_allclose(node._env.executed, expected, atol=1e-7)


def test_in_lockstep_a_step_waits_for_both_messages_of_its_stamp(ros: Callable[..., None], tmp_path: Path) -> None:
    ros(contract=contract_file(tmp_path, TYPES[0]), lockstep=True)
    node = GripperSim()
    try:
        node._reset()
        for first, second in ((lambda: twist(node, 0.1), lambda: close_to(node, 0.01)),) * 2:
            for earlier, later in ((first, second), (second, first)):
                earlier()
                count = len(node._env.executed)
                earlier()
                assert len(node._env.executed) == count
                later()
                assert len(node._env.executed) == count + 1
    finally:
        node.close()
    np.testing.assert_allclose(node._env.executed, [[0.1, 0.01, 0.1]] * 4)


def test_a_gripper_command_of_another_joint_is_refused(ros: Callable[..., None], tmp_path: Path) -> None:
    ros(contract=contract_file(tmp_path, TYPES[0]), lockstep=True)
    node = GripperSim()
    try:
        point = JointTrajectoryPoint(positions=array("d", [0.0]))
        with pytest.raises(MessageError, match=r"\['thumb'\].*\['finger'\]"):
            send(node, 0, JointTrajectory(joint_names=["thumb"], points=[point]))
    finally:
        node.close()
