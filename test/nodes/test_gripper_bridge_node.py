# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gripper's command becomes goals of an action: one for each change, none for a repetition, and failures are told.

There is no wheel of ``control_msgs``: its actions are stand-ins here, with the fields of the real ones, and so is the
client. With the real ones ``action_client`` is the only line that differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rclpy
from hypothesis import given
from hypothesis import strategies as st
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core.errors import ConfigError
from il_ros.nodes import gripper_bridge_node as bridge
from il_ros.nodes.gripper_bridge_node import GripperBridgeNode, GripperGoals
from il_ros.ros import qos

STALLED = SimpleNamespace(position=0.018, stalled=True, reached_goal=False)


def goal_of(**command: Any) -> type:
    class Goal:
        def __init__(self) -> None:
            self.command = SimpleNamespace(**command)

    return Goal


class Server:
    """Takes goals as an action client does, and answers when the test says so."""

    is_ready = True

    def __init__(self) -> None:
        self.positions: list[float] = []
        self.commands: list[Any] = []
        self._answers: list[Future] = []
        self._results: list[Future] = []

    def __call__(self, node: Any, action: Any, name: str) -> Server:
        return self

    def server_is_ready(self) -> bool:
        return self.is_ready

    def send_goal_async(self, goal: Any) -> Future:
        self.commands.append(goal.command)
        position = goal.command.position
        self.positions.append(position[0] if isinstance(position, list) else position)
        self._answers.append(Future())
        return self._answers[-1]

    def answer(self, accepted: bool = True) -> None:
        """Accept the newest goal, or reject it."""
        self._results.append(Future())
        handle = SimpleNamespace(accepted=accepted, get_result_async=lambda result=self._results[-1]: result)
        self._answers[-1].set_result(handle)

    def end(self, number: int, status: int, result: Any = STALLED) -> None:
        """End the goal that was answered as the ``number``th."""
        self._results[number].set_result(SimpleNamespace(status=status, result=result))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made, package, module = Server(), ModuleType("control_msgs"), ModuleType("control_msgs.action")
    of_one = goal_of(position=0.0, max_effort=0.0)
    of_many = goal_of(name=[], position=[], velocity=[], effort=[])
    module.GripperCommand = SimpleNamespace(Goal=of_one)  # type: ignore[attr-defined]
    module.ParallelGripperCommand = SimpleNamespace(Goal=of_many)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "control_msgs", package)
    monkeypatch.setitem(sys.modules, "control_msgs.action", module)
    monkeypatch.setattr(bridge, "ActionClient", made)
    return made


class Bench:
    """The node, a clock that the test sets, and commands."""

    def __init__(self, node: GripperBridgeNode) -> None:
        self.node, self.now_ns = node, 10**12
        node.now_ns = lambda: self.now_ns  # type: ignore[method-assign]

    def command(self, *positions: float) -> None:
        for position in positions:
            self.now_ns += 50_000_000
            self.node._guarded(self.node._on_command, (self.now_ns, np.array([position])))


@pytest.fixture
def bench(ros: Callable[..., None], server: Server) -> Iterator[Callable[..., Bench]]:
    made: list[GripperBridgeNode] = []

    def make(**parameters: Any) -> Bench:
        ros(**parameters)
        made.append(GripperBridgeNode())
        return Bench(made[-1])

    yield make
    for node in made:
        node.close()


def test_a_command_that_is_repeated_is_one_goal_and_one_that_changes_another(
    bench: Callable[..., Bench], server: Server
) -> None:
    run = bench(max_effort=20.0)
    assert server.positions == []  # nothing is commanded
    for position in (0.04, 0.0, 0.04):
        run.command(*[position] * 30)
        server.answer()
        run.command(*[position] * 30)
    assert server.positions == [0.04, 0.0, 0.04]
    assert {command.max_effort for command in server.commands} == {20.0}
    run.command(*(0.04 - 0.0001 * n for n in range(4)))  # less than the hundredth of the range
    assert len(server.positions) == 3


def test_while_a_goal_is_not_answered_the_newest_command_waits_and_is_not_lost(
    bench: Callable[..., Bench], server: Server
) -> None:
    run = bench()
    run.command(0.04, 0.03, 0.02, 0.01)
    assert server.positions == [0.04]
    server.answer()
    assert server.positions == [0.04, 0.01]


def test_a_goal_that_is_rejected_is_told_and_sent_again_after_a_second_while_it_is_commanded(
    bench: Callable[..., Bench], server: Server
) -> None:
    run = bench()
    run.command(0.0)
    server.answer(accepted=False)
    assert "goal 0 was rejected" in run.node.complaint and run.node.facts()["goal"] == "refused"
    run.now_ns += 10**10
    assert server.positions == [0.0]  # nobody commands it any more
    run.now_ns -= 10**10
    run.command(*[0.0] * 41)  # two seconds, and a step
    assert server.positions == [0.0, 0.0]


def test_a_goal_that_is_not_answered_is_told_and_sent_again(bench: Callable[..., Bench], server: Server) -> None:
    run = bench()
    run.command(*[0.0] * 40)
    assert server.positions == [0.0]
    run.command(*[0.0] * 30)
    assert "was not answered for 2 s" in run.node.complaint and server.positions == [0.0, 0.0]
    server.answer()
    run.command(*[0.0] * 80)
    assert len(server.positions) == 2


def test_a_goal_that_is_aborted_is_told_but_not_one_that_another_took_the_place_of(
    bench: Callable[..., Bench], server: Server
) -> None:
    run = bench()
    run.command(0.04)
    server.answer()
    run.command(0.0)
    server.answer()
    server.end(0, bridge.ABORTED)  # since the second one came
    assert run.node.complaint == "" and run.node.facts()["goal"] == "executing"
    server.end(1, bridge.ABORTED)
    assert "goal 0 was aborted at 0.018; it has stalled" in run.node.complaint
    run.command(*[0.0] * 60)
    assert server.positions == [0.04, 0.0]  # what is held stays held


def test_without_a_server_nothing_is_sent_and_it_is_told(bench: Callable[..., Bench], server: Server) -> None:
    run = bench(action="hand/gripper_cmd")
    server.is_ready = False
    run.command(0.0)
    assert server.positions == [] and "no action server hand/gripper_cmd" in run.node.complaint
    server.is_ready = True
    run.command(0.0)
    assert server.positions == [0.0]


def test_a_parallel_gripper_gets_the_joint_by_its_name(bench: Callable[..., Bench], server: Server) -> None:
    run = bench(action_type="ParallelGripperCommand", max_effort=5.0)
    run.command(0.02)
    (command,) = server.commands
    assert (command.name, command.position, command.effort) == (["panda_finger_joint1"], [0.02], [5.0])
    server.answer()
    server.end(0, bridge.SUCCEEDED, SimpleNamespace(state=SimpleNamespace(position=[0.02]), stalled=False))
    assert run.node.facts() == {"goals": 1, "goal": "reached", "position": 0.02}


@pytest.mark.graph
@pytest.mark.alone
def test_it_takes_its_commands_from_the_topic_of_the_contract(
    ros: Callable[..., None], server: Server, graph: Any
) -> None:
    ros()
    node, gate = graph.add(GripperBridgeNode()), graph.add(rclpy.create_node("gate"))
    topic = gate.create_publisher(JointTrajectory, "gripper_command", qos.STREAM)
    message = JointTrajectory(joint_names=["panda_finger_joint1"], points=[JointTrajectoryPoint(positions=[0.01])])
    assert graph.until(lambda: topic.get_subscription_count() == 1, 20.0)
    topic.publish(message)
    assert graph.until(lambda: server.positions == [0.01], 20.0), node.complaint


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"contract": "panda_plane"}, "'panda_plane' commands 0 grippers, on the topic none"),
        ({"contract": "panda_gripper_joints"}, "commands 1 grippers, on the topic none"),
        ({"action_type": "Grip"}, "'Grip' is not .*; choose from .*ParallelGripperCommand"),
    ],
)
def test_what_cannot_be_bridged_is_refused(
    parameters: dict[str, str], complaint: str, ros: Callable[..., None], server: Server
) -> None:
    ros(**parameters)
    with pytest.raises(ConfigError, match=complaint):
        GripperBridgeNode()


def test_without_control_msgs_it_says_how_to_get_it(ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "control_msgs.action", None)
    ros()
    with pytest.raises(ConfigError, match="GripperCommand cannot be had .*install ros-.*-control-msgs"):
        GripperBridgeNode()


@given(st.lists(st.tuples(st.floats(0.0, 0.04), st.sampled_from(["accept", "refuse", "wait"])), min_size=1))
def test_goals_are_as_few_as_the_changes_and_the_last_command_is_reached(
    steps: list[tuple[float, str]],
) -> None:
    goals, change, now_ns, sent = GripperGoals(), 0.0004, 0, []
    before: float | None = None
    for position, answer in [*steps, *[(steps[-1][0], "accept")] * 60]:
        now_ns += 50_000_000
        if goals.is_lost(now_ns):
            goals.refuse(now_ns)
        if goals.is_due(position, change, now_ns):
            assert before is None or goals.position is None or abs(position - before) > change
            before = position
            goals.send(position, now_ns)
            sent.append(now_ns)
        if goals.number and answer == "accept":
            goals.accept()
        elif goals.number and answer == "refuse" and sent and sent[-1] == now_ns:
            goals.refuse(now_ns)
    assert goals.position is not None and abs(goals.position - steps[-1][0]) <= change
