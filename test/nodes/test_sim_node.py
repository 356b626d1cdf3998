# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated arm takes commands in each of the three forms, and none that is not sound."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import TwistStamped
from rclpy.parameter import Parameter
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import messages, paths, topics
from il_ros.core.errors import MessageError
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.sim_node import SimNode
from il_ros.robot.description import Robot

JOINT_NAMES = Robot.load("").joints

pytestmark = [pytest.mark.graph, pytest.mark.alone]


@pytest.fixture
def sim(ros: Callable[..., None]) -> Iterator[Callable[..., SimNode]]:
    made: list[SimNode] = []

    def make(contract: object = "panda_plane", **settings: object) -> SimNode:
        ros(contract=contract, lockstep=True, **settings)
        made.append(SimNode())
        made[-1]._reset()
        return made[-1]

    yield make
    for node in made:
        node.close()


def joints_by_array(folder: Path) -> Path:
    """The contract of the joints, as forward_command_controller takes commands."""
    plain = yaml.safe_load(paths.find("config/contracts", "panda_joints", ".yaml").read_text(encoding="utf-8"))
    path = folder / "joints_by_array.yaml"
    path.write_text(yaml.safe_dump({**plain, "command": {"type": "std_msgs/msg/Float64MultiArray"}}, sort_keys=False))
    return path


def now(node: SimNode) -> Any:
    return node._env.reading()


def trajectory(positions: np.ndarray, stamp_ns: int, names: tuple[str, ...] = JOINT_NAMES) -> JointTrajectory:
    message = JointTrajectory(joint_names=list(names))
    messages.set_stamp(message, stamp_ns)
    message.points = [JointTrajectoryPoint(positions=array("d", positions.tolist()))]
    return message


def test_the_seed_counts_on_whatever_else_is_set_and_anew_when_it_is_set_itself(sim: Callable[..., SimNode]) -> None:
    node = sim(seed=7)
    for name, value, seed in (("auto_reset", True, 8), ("seed", 7, 7), ("auto_reset", False, 8), ("seed", 9, 9)):
        assert node.set_parameters([Parameter(name, value=value)])[0].successful
        node._reset()
        assert node._env.start.seed == seed
        assert node.get_parameter("seed").value == seed + 1


def test_after_the_greatest_seed_comes_the_least(sim: Callable[..., SimNode]) -> None:
    node = sim(seed=2**63 - 1)
    assert node._env.start.seed == 2**63 - 1
    node._reset()
    assert node._env.start.seed == 0


def command(node: SimNode, message: Any) -> None:
    node._on_command(topics.command(node.contract), messages.command_from(message, node.contract))


def test_a_twist_moves_the_tool_along_it(sim: Callable[..., SimNode]) -> None:
    node = sim()
    before = now(node)
    for _ in range(10):
        message = TwistStamped()
        messages.set_stamp(message, node._stamp_ns)
        message.twist.linear.x, message.twist.linear.y = 0.1, -0.05
        command(node, message)
    moved = now(node).tool_position - before.tool_position
    assert np.allclose(moved, [0.05, -0.025, 0.0], atol=0.004)
    assert now(node).stamp_ns == before.stamp_ns + 10 * node.contract.step_ns


def test_a_trajectory_moves_the_joints_that_it_names_in_whatever_order(sim: Callable[..., SimNode]) -> None:
    node = sim("panda_joints")
    target = now(node).joint_positions + np.array([0.05, 0.0, 0.02, 0.0, 0.0, -0.03, 0.0])
    for _ in range(10):
        command(node, trajectory(target[::-1], node._stamp_ns, JOINT_NAMES[::-1]))
    assert np.allclose(now(node).joint_positions, target, atol=2e-3)


def test_an_array_moves_the_joints_in_the_contracts_order(sim: Callable[..., SimNode], tmp_path: Path) -> None:
    node = sim(joints_by_array(tmp_path))
    target = now(node).joint_positions + np.array([-0.04, 0.02, 0.0, 0.0, 0.03, 0.0, 0.1])
    for _ in range(10):
        command(node, Float64MultiArray(data=array("d", target.tolist())))
    assert np.allclose(now(node).joint_positions, target, atol=2e-3)


def test_a_joint_is_never_driven_faster_than_it_may_go(sim: Callable[..., SimNode]) -> None:
    node = sim("panda_joints")
    start = now(node).joint_positions
    for step in (1, 2):
        command(node, trajectory(start + 2.0, node._stamp_ns))
        driven = np.abs(node._env._arm._joint_target - start)
        assert np.all(driven <= step * node.contract.max_step * 1.02 + 1e-3) and np.all(driven > 0.05 * step)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_command_that_is_not_finite_is_refused_and_nothing_moves(sim: Callable[..., SimNode], bad: float) -> None:
    node = sim("panda_joints")
    before = now(node)
    with pytest.raises(MessageError, match="not 7 finite numbers"):
        command(node, trajectory(np.full(7, bad), node._stamp_ns))
    assert now(node).stamp_ns == before.stamp_ns


def test_a_command_for_other_joints_is_refused(sim: Callable[..., SimNode]) -> None:
    node = sim("panda_joints")
    with pytest.raises(MessageError, match="the contract's action is"):
        command(node, trajectory(np.zeros(7), node._stamp_ns, tuple(f"iiwa_{i}" for i in range(7))))


def test_in_lockstep_a_command_for_another_step_does_not_advance_the_arm(sim: Callable[..., SimNode]) -> None:
    node = sim()
    message = TwistStamped()
    messages.set_stamp(message, node._stamp_ns - node.contract.step_ns)
    before = now(node).stamp_ns
    command(node, message)
    assert now(node).stamp_ns == before


def test_a_paced_arm_stops_when_its_commands_cease(ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    ros(lockstep=False)
    node = SimNode()
    clock = [0]
    monkeypatch.setattr(node, "now_ns", lambda: clock[0])
    node._reset()
    message = TwistStamped()
    messages.set_stamp(message, node._stamp_ns)
    message.twist.linear.x = 0.1
    command(node, message)
    moved = []
    for tick in range(10):
        clock[0] = tick * node.contract.step_ns
        before = now(node).tool_position[0]
        node._tick()
        moved.append(now(node).tool_position[0] - before)
    assert all(step > 0.002 for step in moved[1:4])
    assert all(abs(step) < 0.002 for step in moved[6:])
    node.close()


def test_the_first_episode_by_itself_waits_until_all_who_are_awaited_hear_each_other(
    ros: Callable[..., None], graph: Any
) -> None:
    ros(contract="panda_plane", lockstep=True, auto_reset=True, rule="demonstration", awaits="'gate_node expert_node'")
    sim = graph.add(SimNode())
    graph.add(GateNode())
    assert not graph.until(lambda: sim._env.start.number > 0, 3.0)
    graph.add(ExpertNode())  # the slow one
    assert graph.until(lambda: sim.rates.counts["command"] > 10, 10.0), sim._late
    answered = [name for name, stamps_ns in graph.nodes[1]._answered.items() if stamps_ns]
    assert answered == ["expert"] and not graph.nodes[1]._lost
