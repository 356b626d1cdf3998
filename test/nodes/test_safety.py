# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a gate and a policy do, as nodes, when the arm's driver or somebody else does what should not be."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.types import Chunk
from il_ros.gate.state_machine import Event
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.policy_node import PolicyNode

pytestmark = [pytest.mark.graph, pytest.mark.alone]

VELOCITY = {
    "rate_hz": 20.0,
    "topics": {"joint_states": "sensor_msgs/msg/JointState"},
    "observation": {"joint": {"topic": "joint_states", "field": "position[joint]", "unit": "rad"}},
    "action": {"joint": {"low": -1.0, "high": 1.0, "max_acceleration": 10.0, "rest": 0.0, "unit": "rad/s"}},
    "command": {"type": "std_msgs/msg/Float64MultiArray"},
}
CONTRACT = Contract.from_dict("velocity", VELOCITY)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Arm(Node):
    """A driver, and a policy that wants half of the speed; both do what the test says."""

    def __init__(self) -> None:
        super().__init__("arm")
        self.commands: list[float] = []
        self.records: list[Record] = []
        self.stamp_ns = 100 * 10**9
        self.answers = True
        self._states = self.create_publisher(JointState, "joint_states", 100)
        self._policy = self.create_publisher(JointTrajectory, "policy/action", 100)
        self._expert = self.create_publisher(JointTrajectory, "expert/action", 100)
        self._episode = self.create_publisher(String, "episode", LATCHED)
        self.create_subscription(Float64MultiArray, "command", lambda m: self.commands.append(m.data[0]), 1000)
        self.create_subscription(DiagnosticArray, "gate/authority", self._on_record, 1000)

    def _on_record(self, message: DiagnosticArray) -> None:
        self.records.append(messages.record_from(message))

    def announce(self, first_stamp_ns: int) -> None:
        start = {"event": "start", "task": "cups", "seed": 1, "first_stamp_ns": first_stamp_ns}
        self._episode.publish(String(data=json.dumps(start)))

    def say(self, who: str, stamp_ns: int, wanted: float = 0.5, engaged: bool = True) -> None:
        message = JointTrajectory()
        rows = np.full((8 if who == "policy" else 1, 1), wanted)
        messages.fill_chunk(message, Chunk(stamp_ns, rows, who, engaged), CONTRACT, JointTrajectoryPoint)
        {"policy": self._policy, "expert": self._expert}[who].publish(message)

    def publish(self, position: float = 0.0) -> None:
        message = JointState(name=["joint"], position=[position])
        messages.set_stamp(message, self.stamp_ns)
        self._states.publish(message)
        if self.answers:
            self.say("policy", self.stamp_ns)


@pytest.fixture
def arm(ros: Callable[..., None], graph: Any, tmp_path: Path) -> Iterator[Arm]:
    """An arm and a gate that have found each other."""
    path = tmp_path / "velocity.yaml"
    path.write_text(yaml.safe_dump(VELOCITY), encoding="utf-8")
    ros(contract=str(path), rule="human")
    made = graph.add(Arm())
    yield made


def drive(graph: Any, arm: Arm, done: Callable[[], bool], hz: float = 20.0, seconds: float = 10.0) -> bool:
    """Publish at some rate until it is done, or for so long; whether it is done."""
    limit, due = time.monotonic() + seconds, 0.0
    while not done() and time.monotonic() < limit:
        if time.monotonic() >= due:
            due = time.monotonic() + 1.0 / hz
            arm.stamp_ns += round(1e9 / hz)
            arm.publish()
        graph.until(done, 0.002)
    return done()


def is_driven(arm: Arm) -> Callable[[], bool]:
    return lambda: bool(arm.commands) and arm.commands[-1] == 0.5


def test_a_velocity_is_ended_when_the_arm_is_not_seen_and_what_is_missing_is_recorded(arm: Arm, graph: Any) -> None:
    node = graph.add(GateNode())
    assert drive(graph, arm, is_driven(arm))
    assert graph.until(lambda: arm.commands[-1] == 0.0, 5.0)
    assert graph.until(lambda: arm.records[-1].reason == "no complete observation: joint_states is silent", 5.0)
    assert "joint_states is silent; the arm is commanded to rest" in node.complaint
    assert arm.records[-1].executed.tolist() == [0.0] and arm.records[-1].stamp_ns > arm.stamp_ns
    assert drive(graph, arm, is_driven(arm))  # and goes on


@pytest.mark.parametrize("broken", ["not finite", "empty"])
def test_an_observation_that_is_none_ends_a_velocity_too(arm: Arm, graph: Any, broken: str) -> None:
    node = graph.add(GateNode())
    assert drive(graph, arm, is_driven(arm))
    message = JointState(name=["joint"], position=[float("nan")]) if broken == "not finite" else JointState()
    for _ in range(40):
        arm.stamp_ns += CONTRACT.step_ns
        messages.set_stamp(message, arm.stamp_ns)
        arm._states.publish(message)
        if graph.until(lambda: arm.commands[-1] == 0.0, 0.05):
            break
    assert arm.commands[-1] == 0.0 and "the arm is commanded to rest" in node.complaint


def test_stamps_that_stand_still_hold_the_arm_and_are_told(arm: Arm, graph: Any) -> None:
    node = graph.add(GateNode())
    assert drive(graph, arm, is_driven(arm))
    before = len(arm.commands)
    for _ in range(40):
        arm.publish()
        graph.until(lambda: False, 0.05)
    assert arm.commands[-1] == 0.0 and len(arm.commands) > before + 20
    assert f"its stamps stand still at {arm.stamp_ns / 1e9:.3f} s" in node.complaint


def test_one_stamp_of_the_far_future_of_any_sender_costs_a_moment(arm: Arm, graph: Any) -> None:
    graph.add(GateNode())
    assert drive(graph, arm, is_driven(arm))
    far_ns, now_ns = (2**31 - 2) * 10**9, arm.stamp_ns
    for who in ("policy", "expert"):
        arm.say(who, far_ns, -1.0, engaged=False)
    arm.stamp_ns = far_ns
    arm.publish()
    arm.stamp_ns = now_ns
    graph.until(lambda: False, 0.1)
    arm.commands.clear()
    assert drive(graph, arm, is_driven(arm), seconds=1.5)
    assert min(arm.commands) >= 0.0


def test_a_driver_that_is_fast_makes_one_command_a_control_period(arm: Arm, graph: Any) -> None:
    node = graph.add(GateNode())
    assert drive(graph, arm, is_driven(arm))
    arm.commands.clear()
    first_ns = arm.stamp_ns
    drive(graph, arm, lambda: arm.stamp_ns - first_ns > 2 * 10**9, hz=250.0)
    assert 35 <= len(arm.commands) <= 46 and node._turns.thinned > 300


def test_a_gate_that_is_started_in_the_middle_of_an_episode_lets_nobody_drive_before_an_act(
    arm: Arm, graph: Any
) -> None:
    arm.announce(arm.stamp_ns - 5 * 10**9)
    node = graph.add(GateNode())
    assert not drive(graph, arm, is_driven(arm), seconds=1.5) and arm.commands
    assert set(arm.commands) == {0.0} and arm.records[-1].authority.name == "HOLD"
    node._gate.request(Event.RELEASE)
    assert drive(graph, arm, is_driven(arm))


class SlowActor:
    """Stands in for a network that takes longer than a control step."""

    author, contract, cameras = "slow", CONTRACT, {}

    def __init__(self, seconds: float) -> None:
        self._seconds, self.seen_ns = seconds, -1

    def observe(self, stamp_ns: int, observation: Any, images: Any = None) -> None:
        self.seen_ns = stamp_ns

    def chunk(self) -> Chunk:
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            pass
        return Chunk(self.seen_ns, np.full((16, 1), 0.5), self.author)

    def distance(self) -> float:
        return 0.0


def test_a_policy_slower_than_a_step_answers_what_is_new_and_falls_behind_by_no_more(arm: Arm, graph: Any) -> None:
    arm.answers = False
    node = graph.add(PolicyNode())
    node._actor = SlowActor(1.2 * CONTRACT.step_ns / 1e9)
    ages: list[int] = []
    arm.create_subscription(
        JointTrajectory, "policy/action", lambda m: ages.append(arm.stamp_ns - messages.stamp_ns(m)), 100
    )
    stamps = itertools.count(arm.stamp_ns, CONTRACT.step_ns)
    timer = arm.create_timer(CONTRACT.step_ns / 1e9, lambda: (setattr(arm, "stamp_ns", next(stamps)), arm.publish()))
    assert graph.until(lambda: len(ages) > 30, 20.0)
    arm.destroy_timer(timer)
    assert np.median(ages[20:]) <= 2 * CONTRACT.step_ns
