# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An arm whose topics have clocks and rates of their own becomes one with equal stamps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.clock import Clock as SteadyClock
from rclpy.clock import ClockType
from rclpy.qos import qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.resync_node import RAW, ResyncNode
from il_ros.ros import qos

pytestmark = [pytest.mark.graph, pytest.mark.alone]
CONTRACT = Contract.load("panda_plane")
JOINTS = [f"panda_joint{n}" for n in range(1, 8)]
STEADY = SteadyClock(clock_type=ClockType.STEADY_TIME)
KINDS = {"joint_states": JointState, "tool_pose": PoseStamped, "objects": PoseArray}


class Arm:
    """Drivers that each stamp by a clock of their own, and somebody who hears what comes of it."""

    def __init__(self, graph: Any) -> None:
        self.node = graph.add(rclpy.create_node("arm"))
        self.said, self.heard = dict.fromkeys(KINDS, 0), {name: [] for name in KINDS}
        self._topics = {
            name: self.node.create_publisher(kind, RAW + name, qos_profile_sensor_data) for name, kind in KINDS.items()
        }
        for name, kind in KINDS.items():
            self.node.create_subscription(kind, name, self.heard[name].append, qos.STREAM)

    def say(self, name: str) -> None:
        """The next message of a topic, which holds its number; its stamp is anything."""
        self.said[name] += 1
        number = float(self.said[name])
        message = {
            "joint_states": lambda: JointState(name=JOINTS, position=[number] * len(JOINTS)),
            "tool_pose": PoseStamped,
            "objects": PoseArray,
        }[name]()
        message.header.frame_id = f"frame of {name}"
        messages.set_stamp(message, int(number))
        self._topics[name].publish(message)

    def speaks(self, name: str, period_s: float) -> Any:
        """Say it again and again."""
        return self.node.create_timer(period_s, lambda: self.say(name), clock=STEADY)


def told_by(arm: Arm) -> list[str]:
    """What the diagnostics say, one after the other."""
    told: list[str] = []
    hear = lambda message: told.extend(status.message for status in message.status)  # noqa: E731
    arm.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 10)
    return told


class SimulatedClock:
    """A clock that advances with the steady one, from wherever it is put."""

    def __init__(self, arm: Arm) -> None:
        self.shown_ns, self.stands = 10**12, False
        self._topic = arm.node.create_publisher(Clock, "/clock", 10)
        arm.node.create_timer(0.01, self.tick, clock=STEADY)

    def tick(self) -> None:
        if not self.stands:
            self.shown_ns += 10_000_000
            message = Clock()
            message.clock.sec, message.clock.nanosec = divmod(self.shown_ns, 10**9)
            self._topic.publish(message)


def test_the_newest_of_each_topic_is_repeated_once_a_step_with_one_stamp(ros: Callable[..., None], graph: Any) -> None:
    ros(contract="panda_joints")
    node, arm = graph.add(ResyncNode()), Arm(graph)
    slow = [arm.speaks("tool_pose", 0.04), arm.speaks("objects", 0.03)]
    assert graph.until(lambda: "raw/joint_states" in node.complaint, 5.0) and not arm.heard["tool_pose"]
    arm.speaks("joint_states", 0.004)
    assert graph.until(lambda: len(arm.heard["joint_states"]) >= 20, 10.0)
    stamps = {name: [messages.stamp_ns(message) for message in heard] for name, heard in arm.heard.items()}
    shared = set(stamps["tool_pose"]) & set(stamps["objects"]) & set(stamps["joint_states"])
    assert len(shared) >= 18 and all(stamp > 10**18 for stamp in shared)  # of this node's clock, not of theirs
    steps = [later - earlier for earlier, later in zip(sorted(shared), sorted(shared)[1:])]
    assert sorted(steps)[len(steps) // 2] == pytest.approx(CONTRACT.step_ns, rel=0.1)
    numbers = [message.position[0] for message in arm.heard["joint_states"]]
    assert numbers == sorted(numbers) and numbers[-1] > 3 * len(numbers)  # the newest, and not one after the other
    assert arm.heard["joint_states"][0].header.frame_id == "frame of joint_states"
    for timer in slow:
        timer.cancel()
    assert graph.until(lambda: "raw/tool_pose" in node.complaint, 5.0)
    count = len(arm.heard["tool_pose"])
    graph.until(lambda: False, 0.3)
    assert len(arm.heard["tool_pose"]) == count


def test_what_the_contract_does_not_name_is_passed_on_and_not_waited_for(ros: Callable[..., None], graph: Any) -> None:
    ros(contract="panda_plane")
    node, arm = graph.add(ResyncNode()), Arm(graph)
    assert "joint_states" not in node.contract.topics
    for name in node.contract.topics:
        arm.speaks(name, 0.02)
    assert graph.until(lambda: len(arm.heard["objects"]) >= 5, 10.0)
    assert not arm.heard["joint_states"] and "joint_states" not in node.complaint
    arm.speaks("joint_states", 0.02)
    assert graph.until(lambda: len(arm.heard["joint_states"]) >= 5, 10.0)


def test_a_topic_that_cannot_be_stamped_is_refused(ros: Callable[..., None], tmp_path: Path) -> None:
    told = CONTRACT.to_dict()
    told["topics"]["objects"] = "geometry_msgs/msg/Polygon"  # of which no node can make an observation
    told["observation"] = {
        name: {**part, "field": "points.0.x"} if part["topic"] == "objects" else part
        for name, part in told["observation"].items()
    }
    path = tmp_path / "flat.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    ros(contract=path)
    with pytest.raises(ConfigError, match="has no header"):
        ResyncNode()


def test_a_field_that_the_type_does_not_have_is_told_at_the_start(ros: Callable[..., None], tmp_path: Path) -> None:
    told = CONTRACT.to_dict()
    told["observation"]["tool_x"]["field"] = "poze.position.x"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    ros(contract=path)
    with pytest.raises(ConfigError, match="field 'poze.position.x' of observation 'tool_x'.*did you mean 'pose'"):
        GateNode()


def test_a_topic_with_a_slash_in_front_cannot_be_heard_and_said_under_one_name(
    ros: Callable[..., None], tmp_path: Path
) -> None:
    text = yaml.safe_dump(CONTRACT.to_dict()).replace("tool_pose", "/cell/tool_pose")
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    ros(contract=path)
    with pytest.raises(ConfigError, match="without slashes in the contract and remap raw/tool_pose to it"):
        ResyncNode()


def test_with_simulated_time_the_stamps_are_of_its_clock_a_step_apart(ros: Callable[..., None], graph: Any) -> None:
    ros(contract="panda_plane", use_sim_time=True)
    node, arm = graph.add(ResyncNode()), Arm(graph)
    for name in node.contract.topics:
        arm.speaks(name, 0.01)
    told = told_by(arm)
    assert graph.until(lambda: "stands at 0" in " ".join(told), 2.0)
    assert not arm.heard["objects"]
    clock, now = arm.node.create_publisher(Clock, "/clock", 10), [10**9]

    def tick() -> None:
        now[0] += 6_000_000  # three times as fast as real time
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(now[0], 10**9)
        clock.publish(message)

    arm.node.create_timer(0.002, tick, clock=STEADY)
    assert graph.until(lambda: len(arm.heard["objects"]) >= 20, 10.0)
    stamps = sorted({messages.stamp_ns(message) for message in arm.heard["objects"]})
    steps = [later - earlier for earlier, later in zip(stamps, stamps[1:])]
    assert stamps[0] >= 10**9 and sorted(steps)[len(steps) // 2] == pytest.approx(CONTRACT.step_ns, rel=0.15)


def test_joints_of_several_publishers_are_merged_by_name_with_an_age_for_each(
    ros: Callable[..., None], graph: Any
) -> None:
    ros(contract="panda_joints")
    node, arm = graph.add(ResyncNode()), Arm(graph)
    joints = {"arm": JOINTS, "gripper": ["panda_finger_joint1"]}
    topics = {name: arm.node.create_publisher(JointState, f"{RAW}joint_states", 10) for name in joints}
    turn = [0]

    def publish() -> None:  # in turn, as two drivers at one rate do
        turn[0] += 1
        name = list(joints)[turn[0] % 2]
        topics[name].publish(JointState(name=joints[name], position=[float(turn[0])] * len(joints[name])))

    arm.node.create_timer(0.005, publish)
    for name in ("tool_pose", "objects"):
        arm.speaks(name, 0.02)
    heard = arm.heard["joint_states"]
    assert graph.until(lambda: len(heard) >= 20, 10.0), node.complaint
    assert all(set(message.name) == {*joints["arm"], *joints["gripper"]} for message in heard[5:])
    assert all(abs(message.position[0] - message.position[-1]) <= 3 for message in heard[5:])  # each the newest
    facts = node.facts()
    assert all(float(facts[f"{RAW}joint_states[{joint}]_age_s"]) < 0.1 for own in joints.values() for joint in own)
    joints["arm"] = joints["gripper"]  # the arm's driver died
    assert graph.until(lambda: "joint 'panda_joint1' is " in node.complaint, 2.0), node.complaint
    count = len(heard)
    graph.until(lambda: False, 0.3)
    assert len(heard) <= count + 1


@pytest.mark.parametrize("by_s", [-0.03, -5.0, -900.0, 1.5, 3e6])
def test_after_a_clock_went_back_or_jumped_steps_go_on_within_a_second_and_it_is_told(
    by_s: float, ros: Callable[..., None], graph: Any
) -> None:
    ros(contract="panda_plane", use_sim_time=True)
    node, arm = graph.add(ResyncNode()), Arm(graph)
    clock, told = SimulatedClock(arm), told_by(arm)
    for name in node.contract.topics:
        arm.speaks(name, 0.01)
    assert graph.until(lambda: len(arm.heard["objects"]) >= 10, 10.0)
    clock.shown_ns += round(by_s * 1e9)
    put_ns = clock.shown_ns
    arm.heard["objects"].clear()
    after = lambda: [m for m in arm.heard["objects"] if 0 <= messages.stamp_ns(m) - put_ns < 2 * 10**9]  # noqa: E731
    assert graph.until(lambda: len(after()) >= 10, 1.0)
    assert f"the clock {'went back' if by_s < 0 else 'jumped ahead'} by " in " ".join(told)


def test_a_clock_that_stands_still_is_told_within_a_second_and_steps_go_on_with_it(
    ros: Callable[..., None], graph: Any
) -> None:
    ros(contract="panda_plane", use_sim_time=True)
    node, arm = graph.add(ResyncNode()), Arm(graph)
    clock, told = SimulatedClock(arm), told_by(arm)
    for name in node.contract.topics:
        arm.speaks(name, 0.01)
    assert graph.until(lambda: len(arm.heard["objects"]) >= 10, 10.0)
    clock.stands = True
    assert graph.until(lambda: "/clock has stood still at" in " ".join(told), 1.2)
    clock.stands, count = False, len(arm.heard["objects"])
    assert graph.until(lambda: len(arm.heard["objects"]) >= count + 10, 1.0)
