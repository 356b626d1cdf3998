# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every device of a person through real topics: it drives, and when it disappears in mid-motion the arm stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped, WrenchStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool

from il_ros.core import topics
from il_ros.core.topics import LEADER_PEDAL, LEADER_STATES
from il_ros.core.types import RobotState
from il_ros.gate.state_machine import State
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.sim_node import SimNode
from il_ros.robot.description import Robot
from il_ros.ros import qos
from il_ros.ros.message_types import message_class
from il_ros.ros.rclpy_internals.events_executor import make_executor

JOINT_NAMES = Robot.load("").joints

pytestmark = [pytest.mark.graph, pytest.mark.alone, pytest.mark.slow]
STOPS_S = 0.4
"""The devices' own patience of 0.1 s (of 0.2 s, an arm that is led), two steps until the arm is told, and what a busy
machine adds."""


class Stage:
    """Arm, gate and expert in this process, in real time, and a node that is the device's driver."""

    def __init__(self) -> None:
        self.sim, self.gate, self.expert, self.driver = SimNode(), GateNode(), ExpertNode(), Node("driver")
        self._executor = make_executor()
        for node in (self.sim, self.gate, self.expert, self.driver):
            self._executor.add_node(node)
        self._topics: dict[str, Any] = {}

    def say(self, topic: str, message: Any) -> None:
        if topic not in self._topics:
            self._topics[topic] = self.driver.create_publisher(type(message), topic, qos.STREAM)
        self._topics[topic].publish(message)

    def reading(self) -> RobotState:
        return self.sim._env.reading()

    def spin(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        limit, due = time.monotonic() + seconds, 0.0
        while time.monotonic() < limit:
            if time.monotonic() >= due:
                each()
                due = time.monotonic() + 0.02
            self._executor.spin_once(timeout_sec=0.005)

    def begin(self, idle: Callable[[], None]) -> None:
        self.spin(0.3, idle)  # discovery
        self.sim._reset()
        self.spin(0.3, idle)

    def close(self) -> None:
        self._executor.shutdown()  # or the nodes would still be there for the tests that follow
        for node in (self.sim, self.gate, self.expert):
            node.close()
        self.driver.destroy_node()


@pytest.fixture
def stage(ros: Callable[..., None]) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(device: str, contract: str) -> Stage:
        ros(device=device, contract=contract, rule="demonstration", task="fork", time_limit=False)
        made.append(Stage())
        return made[-1]

    yield make
    for one in made:
        one.close()


class Hand:
    """What a driver says while the hand is off, and while it leads the tool to the left."""

    contract = "panda_plane"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def off(self) -> None: ...

    def left(self) -> None: ...


class OnJoy(Hand):
    def _say(self, held: bool, left: float) -> None:
        self.stage.say("joy", Joy(axes=[left, 0.0, 0.0, 0.0, 0.0, 0.0], buttons=[0, 0, 0, 0, int(held), 0]))

    def off(self) -> None:
        self._say(False, 0.0)

    def left(self) -> None:
        self._say(True, 1.0)


class OnPage(Hand):
    def _say(self, held: bool, left: float) -> None:
        self.stage.say("web_ui/input", Joy(axes=[0.0, left, 0.0, 0.0, 0.0, 0.0], buttons=[int(held), 0, 0]))

    def off(self) -> None:
        self._say(False, 0.0)

    def left(self) -> None:
        self._say(True, 1.0)


class Dragging(OnPage):
    def left(self) -> None:
        x, y, z = self.stage.reading().tool_position + [0.0, 0.05, 0.0]
        self.stage.say("web_ui/input", Joy(axes=[0.0, 0.0, 0.0, x, y, z], buttons=[1, 0, 1]))


class OnTwist(Hand):
    def left(self) -> None:
        message = TwistStamped()
        message.twist.linear.y = 0.12
        self.stage.say("delta_twist_cmds", message)


class OnPose(Hand):
    at = 0.0

    def left(self) -> None:
        message = PoseStamped()
        message.pose.position.x, self.at = 7.0, self.at + 0.003
        message.pose.position.y = self.at
        self.stage.say("hand_pose", message)


class Leading(Hand):
    contract = "panda_joints"
    turned = 0.0

    def left(self) -> None:
        if not self.turned:
            self.home = self.stage.reading().joint_positions
            self.stage.say(LEADER_PEDAL.name, Bool(data=False))
        self.turned += 0.004
        joints = self.home + self.turned * np.eye(7)[0]
        self.stage.say(LEADER_PEDAL.name, Bool(data=True))
        self.stage.say(LEADER_STATES.name, JointState(name=list(JOINT_NAMES), position=joints.tolist()))


class Pushing(Hand):
    def left(self, force: float = 5.0) -> None:
        message = WrenchStamped()
        message.header.frame_id = "panda_hand"
        message.wrench.force.y = force
        self.stage.say("push", message)

    def away(self) -> None:
        self.left(0.0)


class PushingJoints(Pushing):
    contract = "panda_joints"


HANDS: dict[str, tuple[str, type[Hand]]] = {
    "joy": ("joy", OnJoy),
    "browser": ("browser", OnPage),
    "a tool dragged at the page": ("browser", Dragging),
    "twist": ("twist", OnTwist),
    "pose": ("pose", OnPose),
    "leader": ("leader", Leading),
    "kinesthetic": ("kinesthetic", Pushing),
    "kinesthetic, joints": ("kinesthetic", PushingJoints),
    "an arm pushed at the page": ("browser", Pushing),
}


def start(stage: Callable[..., Stage], name: str) -> tuple[Stage, Hand]:
    device, kind = HANDS[name]
    made = stage(device, kind.contract)
    hand = kind(made)
    made.begin(hand.off)
    return made, hand


@pytest.mark.parametrize("name", HANDS)
def test_a_hand_leads_the_arm_and_when_it_disappears_in_mid_motion_the_arm_stops(
    name: str, stage: Callable[..., Stage]
) -> None:
    made, hand = start(stage, name)
    began = made.reading().tool_position
    made.spin(0.8, hand.left)
    assert made.gate._gate.state is State.EXPERT
    assert made.reading().tool_position[1] - began[1] > 0.02
    made.spin(STOPS_S)  # not a word more
    stopped = made.reading().tool_position
    made.spin(0.3)
    assert made.gate._gate.state is State.EXPERT_LOST
    assert made.reading().tool_position == pytest.approx(stopped, abs=5e-4)


@pytest.mark.parametrize("name", ["kinesthetic", "kinesthetic, joints", "an arm pushed at the page"])
def test_a_hand_that_is_taken_away_from_the_arm_has_let_go_within_three_steps(
    name: str, stage: Callable[..., Stage]
) -> None:
    made, hand = start(stage, name)
    made.spin(0.8, hand.left)
    assert made.gate._gate.state is State.EXPERT
    last_ns, limit = made.reading().stamp_ns, time.monotonic() + 5.0
    hand.away()  # type: ignore[attr-defined]
    while made.gate._gate.state is State.EXPERT and time.monotonic() < limit:
        made.spin(0.005)
    stopped = made.reading()
    assert made.gate._gate.state is State.EXPERT_LOST
    assert stopped.stamp_ns - last_ns <= 3 * made.sim.contract.step_ns
    made.spin(0.3)
    assert made.reading().tool_position == pytest.approx(stopped.tool_position, abs=5e-4)


@pytest.mark.parametrize("name", ["joy", "browser"])
def test_a_dead_man_switch_that_is_stuck_from_the_beginning_moves_nothing(
    name: str, stage: Callable[..., Stage]
) -> None:
    device, kind = HANDS[name]
    made = stage(device, kind.contract)
    hand = kind(made)
    made.begin(hand.left)
    began = made.reading().tool_position
    made.spin(0.5, hand.left)
    assert made.reading().tool_position == pytest.approx(began, abs=1e-4)
    made.spin(0.1, hand.off)
    made.spin(0.4, hand.left)
    assert made.reading().tool_position[1] - began[1] > 0.01


@pytest.mark.parametrize("name", ["joy", "browser"])
def test_a_dead_man_switch_that_is_let_go_stops_the_arm_while_the_stick_is_stuck(
    name: str, stage: Callable[..., Stage]
) -> None:
    made, hand = start(stage, name)
    made.spin(0.5, hand.left)
    made.spin(0.25, lambda: hand._say(False, 1.0))  # type: ignore[attr-defined]
    stopped = made.reading().tool_position
    made.spin(0.3, lambda: hand._say(False, 1.0))  # type: ignore[attr-defined]
    assert made.reading().tool_position == pytest.approx(stopped, abs=5e-4)


class Held(Leading):
    """A leader that stays where the arm is."""

    def left(self) -> None:
        if not self.turned:
            self.turned, self.home = 1.0, self.stage.reading().joint_positions
        self.stage.say(LEADER_PEDAL.name, Bool(data=True))
        self.stage.say(
            LEADER_STATES.name, JointState(name=list(self.stage.sim._env.robot.joints), position=self.home.tolist())
        )

    def off(self) -> None:
        self.stage.say(LEADER_PEDAL.name, Bool(data=False))


def leading(stage: Stage) -> Callable[[bool], None]:
    hand = Held(stage)
    return lambda held: hand.left() if held else hand.off()


AT_REST: dict[str, tuple[str, Callable[[Stage], Callable[[bool], None]]]] = {
    "joy": ("panda_joints", lambda stage: lambda held: OnJoy(stage)._say(held, 0.0)),
    "browser": ("xarm6_joints", lambda stage: lambda held: OnPage(stage)._say(held, 0.0)),
    "leader": ("panda_joints", leading),
    "pose": ("xarm6_joints", lambda stage: lambda held: stage.say("hand_pose", trembling()) if held else None),
}


def trembling() -> PoseStamped:
    message = PoseStamped()
    message.pose.position.x, message.pose.position.y = 1.0, 1e-6 * (time.monotonic_ns() % 7)
    return message


@pytest.mark.parametrize("name", AT_REST)
def test_a_device_that_is_engaged_at_rest_moves_nothing_of_a_tilted_hand(
    name: str, stage: Callable[..., Stage]
) -> None:
    contract, made_for = AT_REST[name]
    made = stage(name, contract)
    tell = made_for(made)
    made.begin(lambda: tell(False))
    tilt = np.zeros(len(made.sim._env.robot.joints))
    tilt[-2:] = 0.3
    made.sim._env._arm._place(made.reading().joint_positions + tilt)
    made.sim._env._arm.move_joints(made.reading().joint_positions)
    made.sim._env._arm._joint_target = made.reading().joint_positions
    made.spin(0.3, lambda: tell(False))
    began, states = made.reading(), set()
    away = []

    def watch() -> None:
        tell(name == "pose" or not made.expert._device.dead_man.lost)  # a busy machine may lose it; then begin anew
        states.add(made.gate._gate.state)
        away.append(float(np.linalg.norm(made.reading().tool_position - began.tool_position)))

    made.spin(1.5, watch)
    assert State.EXPERT in states
    assert max(away) < 1e-3
    assert abs(made.reading().tool_quaternion @ began.tool_quaternion) > np.cos(0.005)


def test_who_sits_at_the_device_is_in_the_answers_and_may_change_while_he_drives(stage: Callable[..., Stage]) -> None:
    made, hand = start(stage, "joy")
    authors = set()
    made.driver.create_subscription(
        message_class(topics.EXPERT_ACTION.type_name),
        topics.EXPERT_ACTION.name,
        lambda message: authors.add(message.header.frame_id),
        qos.STREAM,
    )
    made.spin(0.4, hand.left)
    from rclpy.parameter import Parameter

    (result,) = made.expert.set_parameters([Parameter("author", value="Anna")])
    assert result.successful
    made.spin(0.3, hand.left)
    assert authors == {"joy", "Anna"} and made.gate._gate.state is State.EXPERT


def test_a_push_at_a_link_that_is_not_there_is_told_and_moves_nothing(stage: Callable[..., Stage]) -> None:
    made, _ = start(stage, "kinesthetic")
    message = WrenchStamped()
    message.header.frame_id = "nose"
    made.spin(0.2, lambda: made.say("push", message))
    assert "link of the arm, 'nose' is not known" in made.sim.complaint
