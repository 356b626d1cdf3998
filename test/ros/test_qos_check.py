# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Qualities of service can be overridden, and who cannot hear whom is told within two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from il_ros.core import topics
from il_ros.core.errors import ConfigError
from il_ros.ros import qos
from il_ros.ros.node_base import IlNode
from il_ros.ros.node_diagnostics import GONE_NS
from il_ros.ros.parameters import NodeParameters
from il_ros.ros.rclpy_internals.events_executor import make_executor

pytestmark = pytest.mark.graph
RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
TOOL = next(topic for topic in topics.READING if topic.name == "tool_pose")


class Ours(IlNode[NodeParameters]):
    def __init__(self, name: str = "ours") -> None:
        super().__init__(name, NodeParameters)
        self.messages: list[Any] = []
        self.subscribe(TOOL, self.messages.append)
        self.subscribe(topics.EPISODE, self.messages.append)
        self.twists = self.publisher(topics.TWIST)
        self.start()


class Stage:
    """Our node, a foreign one, and what the diagnostics say of ours."""

    def __init__(self) -> None:
        self.ours, self.foreign = Ours(), Node("foreign", namespace="cell")
        self.told: list[DiagnosticStatus] = []
        self.foreign.create_subscription(DiagnosticArray, "/diagnostics", lambda m: self.told.extend(m.status), 10)
        self._executor = make_executor()
        for node in (self.ours, self.foreign):
            self._executor.add_node(node)

    def wait(self, done: Callable[[], bool], limit_s: float) -> bool:
        limit = time.monotonic() + limit_s
        while not done() and time.monotonic() < limit:
            self._executor.spin_once(timeout_sec=0.02)
        return done()

    def close(self) -> None:
        self._executor.shutdown()  # or the nodes would still be there for the tests that follow
        self.ours.close()
        self.foreign.destroy_node()


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(**overrides: str) -> Stage:
        words = [w for name, value in overrides.items() for w in ("-p", f"qos_overrides./{name}:={value}")]
        rclpy.init(args=["--ros-args", *words])
        made.append(Stage())
        return made[-1]

    yield make
    for one in made:
        one.close()
    rclpy.try_shutdown()


def test_peers_that_cannot_be_heard_are_told_within_two_seconds_with_the_remedy(stage: Callable[..., Stage]) -> None:
    made = stage()
    assert made.wait(lambda: bool(made.told), 2.0) and made.told[0].message == "ok"
    made.foreign.create_publisher(PoseStamped, "/tool_pose", QoSProfile(depth=1, reliability=BEST_EFFORT))
    made.foreign.create_publisher(String, "/episode", QoSProfile(depth=1))
    made.foreign.create_subscription(
        TwistStamped,
        f"/{topics.TWIST.name}",
        print,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    )
    made.foreign.create_subscription(TwistStamped, f"/{topics.TWIST.name}", print, 10)  # who hears is not accused
    assert made.wait(lambda: len(made.told[-1].message.split("; /")) == 3, 2.0), made.told[-1].message
    assert made.told[-1].level == b"\x01"
    assert made.told[-1].message.split("; /") == [
        "/cell/foreign is not received on /tool_pose: reliability best_effort is offered, reliable requested; "
        "set qos_overrides./tool_pose.subscription.reliability to best_effort, or change that node",
        "cell/foreign is not received on /episode: durability volatile is offered, transient_local requested; "
        "set qos_overrides./episode.subscription.durability to volatile, or change that node",
        "cell/foreign does not receive /delta_twist_cmds: durability volatile is offered, transient_local requested; "
        "set qos_overrides./delta_twist_cmds.publisher.durability to transient_local, or change that node",
    ]


def test_a_node_tells_which_of_our_nodes_it_hears_and_forgets_who_is_gone(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stage()
    strangers = made.foreign.create_publisher(DiagnosticArray, "/diagnostics", 10)
    other = Ours("other")
    made._executor.add_node(other)

    def told() -> dict[str, str]:
        return {one.name: item.value for one in made.told for item in one.values if item.key == "hears"}

    assert made.wait(lambda: told() == dict.fromkeys(("ours", "other"), "other ours"), 5.0)
    made._executor.remove_node(other)
    strangers.publish(DiagnosticArray(status=[DiagnosticStatus(name="motor")]))
    monkeypatch.setattr(IlNode, "now_ns", staticmethod(lambda: time.monotonic_ns() + GONE_NS))
    assert made.wait(lambda: told()["ours"] == "ours", 5.0)
    other.close()


def test_an_override_lets_them_be_heard_and_rates_are_told(stage: Callable[..., Stage]) -> None:
    made = stage(**{"tool_pose.subscription.reliability": "best_effort", "tool_pose.subscription.depth": "7"})
    (subscription,) = [ours for topic, ours in made.ours.heard if topic.name == "tool_pose"]
    assert (subscription.qos_profile.reliability, subscription.qos_profile.depth) == (BEST_EFFORT, 7)
    assert (qos.STREAM.reliability, qos.STREAM.depth) == (RELIABLE, 100)
    assert made.ours.describe_parameter("qos_overrides./tool_pose.subscription.depth").read_only
    speaker = made.foreign.create_publisher(PoseStamped, "/tool_pose", QoSProfile(depth=1, reliability=BEST_EFFORT))
    assert made.wait(lambda: speaker.get_subscription_count() == 1, 2.0)

    def rate() -> float:
        speaker.publish(PoseStamped())
        facts = {item.key: item.value for item in made.told[-1].values} if made.told else {}
        return float(facts.get("tool_pose Hz", 0.0))

    assert made.wait(lambda: rate() > 0.0, 3.0)
    assert made.ours.messages and made.told[-1].message == "ok"


def test_another_type_on_a_topic_is_told(stage: Callable[..., Stage]) -> None:
    made = stage()
    elsewhere = rclpy.Context()  # in one process the middleware allows a topic one type
    rclpy.init(context=elsewhere)
    stranger = Node("stranger", context=elsewhere)
    stranger.create_publisher(String, "/tool_pose", 1)
    assert made.wait(lambda: bool(made.told) and "/stranger" in made.told[-1].message, 2.0)
    stranger.destroy_node()
    rclpy.shutdown(context=elsewhere)
    said = (
        "/stranger is not received on /tool_pose: its type is std_msgs/msg/String, ours geometry_msgs/msg/PoseStamped"
    )
    assert said in made.told[-1].message


@pytest.mark.parametrize(("policy", "value"), [("reliability", "sometimes"), ("depth", -1), ("depth", "deep")])
def test_an_override_that_cannot_be_is_a_clear_error(policy: str, value: object, stage: Callable[..., Stage]) -> None:
    with pytest.raises(ConfigError, match="topic 'tool_pose': .*look at its name and its qos_overrides"):
        stage(**{f"tool_pose.subscription.{policy}": value})
