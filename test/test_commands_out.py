# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What controllers of other people's arms take: each command is as their own checks want it.

The rules of joint_trajectory_controller are those of ``validate_trajectory_msg`` in ros-controls/ros2_controllers:
joints that it has, as many positions as joints, times that increase, an end that is not past.
forward_command_controller takes as many numbers as it has interfaces; MoveIt Servo finite twists in a frame it knows.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import messages, paths
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig

NAMES = paths.names("config/contracts", ".yaml")
JOINTS = Contract.load("xarm6_joints")
KINDS = {"TwistStamped": TwistStamped, "JointTrajectory": JointTrajectory, "Float64MultiArray": Float64MultiArray}


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_is_what_its_plain_form_says(name):
    contract = Contract.load(name)
    assert Contract.from_dict(name, contract.to_dict()) == contract
    if contract.command_type.endswith("JointTrajectory"):
        longer = dataclasses.replace(contract, points=8)
        assert Contract.from_dict(name, longer.to_dict()) == longer


@pytest.mark.parametrize("name", NAMES)
def test_a_command_says_what_was_decided(name):
    contract = messages.command_parts(Contract.load(name))[-1].contract
    action = np.linspace(0.4, 0.6, len(contract.action)) * (contract.high - contract.low) + contract.low
    message = KINDS[contract.command_type.split("/")[-1]]()
    messages.fill_command(message, 1_234_567_890, action, contract, JointTrajectoryPoint)
    assert messages.command_from(message, contract)[0] == 1_234_567_890
    assert np.array_equal(messages.command_from(message, contract)[1], action)
    if contract.command_type.endswith("TwistStamped"):
        assert message.header.frame_id == contract.frame != ""


def test_a_float_array_has_the_contracts_order_and_nothing_else():
    contract = dataclasses.replace(JOINTS, command_type="std_msgs/msg/Float64MultiArray")
    message = Float64MultiArray()
    messages.fill_command(message, 5, np.arange(6.0), contract, JointTrajectoryPoint)
    assert list(message.data) == list(range(6)) and messages.command_from(message, contract)[0] is None


@pytest.mark.parametrize(
    ("contract", "points"), [("xarm6_joints", 0), ("panda_joints", -1), ("panda_plane", 2), ("panda_joints", "many")]
)
def test_points_that_no_controller_takes_are_refused(contract, points):
    plain = Contract.load(contract).to_dict()
    with pytest.raises(ConfigError, match=f"points is {points!r}; it must be"):
        Contract.from_dict("mine", {**plain, "command": {**plain["command"], "points": points}})


def driven(rows: np.ndarray, points: int, steps: int) -> list[JointTrajectory]:
    """The commands of an arm whose policy says one chunk and then falls silent."""
    contract = dataclasses.replace(JOINTS, points=points)
    gate = Gate(contract, GateConfig(rule="none", execute_steps=len(rows), policy_timeout_s=10.0))
    sent, seen = [], np.zeros(len(contract.observation), np.float32)
    joints = [contract.observation_names.index(str(part.rest)) for part in contract.action]
    gate.offer_policy(contract.step_ns, lambda: Chunk(contract.step_ns, rows), 0)
    for i in range(1, steps + 1):
        stamp = i * contract.step_ns
        record, message = gate.step(stamp, seen, stamp), JointTrajectory()
        seen[joints] = record.executed  # an arm without any lag
        messages.fill_command(
            message, stamp, record.executed, contract, JointTrajectoryPoint, gate.ahead(contract.points - 1)
        )
        sent.append(message)
    return sent


CHUNKS = st.lists(st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6), min_size=1, max_size=12).map(np.array)


@given(CHUNKS, st.integers(1, 8))
def test_a_trajectory_is_the_rest_of_the_chunk_and_each_step_keeps_to_the_limits(rows, points):
    sent = driven(rows, points, len(rows))
    done = [message.points[0].positions for message in sent]
    for i, message in enumerate(sent):
        assert list(message.joint_names) == list(JOINTS.action_names)
        assert len(message.points) == min(points, len(rows) - i)
        times = [p.time_from_start.sec * 10**9 + p.time_from_start.nanosec for p in message.points]
        assert times == [JOINTS.step_ns * (k + 1) for k in range(len(times))]
        planned = np.array([p.positions for p in message.points])
        assert np.array_equal(planned, np.array(done[i : i + len(planned)]))  # if nothing changes, that is what comes
        assert (np.abs(np.diff(planned, axis=0)) <= JOINTS.max_step + 1e-12).all()
        assert (planned >= JOINTS.low).all() and (planned <= JOINTS.high).all()


def test_an_arm_that_holds_or_is_driven_by_an_expert_is_told_one_step():
    for rule in ("demonstration", "human"):
        gate, stamp = Gate(JOINTS, GateConfig(rule=rule)), JOINTS.step_ns
        chunk = Chunk(stamp, np.zeros((16, 6)), "me", engaged=True)
        gate.offer_policy(stamp, lambda chunk=chunk: chunk, stamp)
        gate.offer_expert(chunk, stamp)
        gate.step(stamp, np.zeros(10, np.float32), stamp)
        assert gate.ahead(7) == []


def test_an_ensemble_plans_the_mean_of_its_chunks():
    gate = Gate(JOINTS, GateConfig(rule="none", ensembling=0.0))
    for i, value in ((1, 0.0), (2, 0.1)):
        stamp = i * JOINTS.step_ns
        gate.offer_policy(stamp, lambda s=stamp, v=value: Chunk(s, np.full((6, 6), v - 0.05 * np.eye(6)[2])), stamp)
        gate.step(stamp, np.zeros(10, np.float32), stamp)
    assert np.array(gate.ahead(3))[-1][0] == pytest.approx(0.05)
    assert len(gate.ahead(20)) == 5  # the last row of the second chunk
