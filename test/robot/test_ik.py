# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whoever thinks of the tool can drive, and demonstrate with, an arm that is commanded by its joints."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from il_ros.core import paths
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.frames import matrix, product, rotation_vector
from il_ros.core.types import ExpertAction, RobotState
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

ROBOTS = paths.names("config/robots", ".yaml")


@pytest.fixture(params=ROBOTS)
def env(request):
    made = ArmEnv("avoid", Contract.load(f"{request.param}_joints"))
    yield made
    made.close()


def test_a_contract_of_tool_velocities_needs_none():
    assert Kinematics.of(Contract.load("xarm6_plane")) is None


def test_the_tool_moves_as_is_wanted_and_keeps_its_height(env):
    solve, velocity = Kinematics.of(env.contract), np.array([0.1, -0.05, 0.0])
    env.reset(seed=1)
    first = reading = env.reading()
    for _ in range(20):
        reading, _ = env.advance(solve(velocity, reading))
    moved = reading.tool_position - first.tool_position
    speed, wanted = np.linalg.norm(moved[:2]), np.linalg.norm(velocity)  # in one second
    assert moved[:2] @ velocity[:2] > 0.99 * speed * wanted  # the way is right
    assert speed == pytest.approx(wanted, rel=0.05)
    assert moved[2] == pytest.approx(0.0, abs=0.0005)


@pytest.mark.parametrize("mm_s", [0.5, 1.0, 5.0, 50.0])
def test_a_slow_hand_is_followed_as_a_fast_one_is(env, mm_s):
    solve = Kinematics.of(env.contract)
    env.reset(seed=0)
    first = env.reading()
    for _ in range(40):
        env.advance(solve(np.array([0.0, mm_s / 1e3, 0.0]), env.reading()))
    assert env.reading().tool_position[1] - first.tool_position[1] == pytest.approx(2.0 * mm_s / 1e3, rel=0.05)


DIRECTIONS = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [1, -1, 1]]) / 1.0
MM_S = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


@pytest.mark.parametrize("gated", [False, True])
def test_of_the_way_that_a_slow_hand_asks_for_in_two_seconds_the_arm_goes_97_to_103_percent(env, gated):
    for direction, mm_s in zip(DIRECTIONS, np.random.default_rng(gated).permutation(MM_S)):
        solve, gate = Kinematics.of(env.contract), Gate(env.contract, GateConfig(rule="demonstration"))
        velocity = direction / np.linalg.norm(direction) * mm_s / 1e3
        env.reset(seed=0)
        gate.reset(0)
        first = env.reading().tool_position
        for _ in range(40):
            reading = env.reading()
            action = solve(velocity, reading)
            if gated:
                chunk = ExpertAction(action, engaged=True, author="hand").chunk(reading.stamp_ns, len(action))
                gate.offer_expert(chunk, reading.stamp_ns)
                action = gate.step(reading.stamp_ns, env.observe(reading), reading.stamp_ns).executed
            env.advance(action)
        moved = env.reading().tool_position - first
        assert 0.97 <= moved @ velocity / (2.0 * velocity @ velocity) <= 1.03, (direction, mm_s)


@pytest.mark.parametrize("contract", ["panda_plane", "xarm6_plane"])
def test_so_it_does_where_the_tool_is_commanded(contract):
    env = ArmEnv("fork", contract, time_limit=False)
    for direction, mm_s in zip(DIRECTIONS[:4], MM_S):
        env.reset(seed=0)
        first = env.reading().tool_position
        for _ in range(40):
            env.advance(direction[:2] * mm_s / 1e3)
        moved = env.reading().tool_position - first
        assert 0.97 <= moved @ direction / (2.0 * mm_s / 1e3) <= 1.03, (direction, mm_s)
    env.close()


@pytest.mark.parametrize("scripted", [False, True])
def test_the_tool_turns_as_fast_as_is_commanded_and_stays_where_it_is(env, scripted):
    for angular in (np.array([0.0, 0.0, 0.3]), np.array([0.0, 0.0, -0.02]), np.array([0.0, 0.1, 0.1])):
        solve = Kinematics.of(env.contract)
        env.reset(seed=0)
        first, velocity = env.reading(), np.concatenate([np.zeros(3), angular])
        for _ in range(20):
            env.advance(solve(velocity, env.reading(), scripted=scripted))
        after = env.reading()
        turn = rotation_vector(matrix(after.tool_quaternion) @ matrix(first.tool_quaternion).T)
        share = turn @ angular / (angular @ angular)
        assert 0.7 <= share <= 1.4 if scripted else 0.97 <= share <= 1.03
        assert np.linalg.norm(turn - share * angular) < 0.1 * np.linalg.norm(angular)
        assert np.linalg.norm(after.tool_position - first.tool_position) < (0.015 if scripted else 0.003)


def test_a_script_keeps_the_yaw_that_it_finds_and_takes_tilt_back(env):
    for turn in (0.5, -0.7):
        reading = tilted(env, turn, 0.25)
        yaw = np.arctan2(*matrix(reading.tool_quaternion)[[1, 0], 0])
        solve = Kinematics.of(env.contract)
        for _ in range(60):
            reading, _ = env.advance(solve(np.array([0.0, 0.02, 0.0, 0.0, 0.0, 0.0]), reading, scripted=True))
        turned = matrix(reading.tool_quaternion)
        assert turned[2, 2] == pytest.approx(-1.0, abs=1e-3)
        assert np.arctan2(*turned[[1, 0], 0]) == pytest.approx(yaw, abs=0.1)


@functools.cache
def resting(name):
    """The kinematics of a contract of joints, and a reading of its arm at rest; no simulation."""
    contract = Contract.load(f"{name}_joints")
    robot = Robot.load(contract.robot)
    chain, rest = KinematicChain(robot), np.array(list(robot.rest.values()))
    joints = chain.inverse(rest, chain.forward(rest).position, matrix(robot.down))
    tool = chain.forward(joints).position, np.array(robot.down)
    return Kinematics.of(contract), RobotState(0, joints, 0 * joints, *tool, np.zeros((0, 3)), robot.joints, robot.base)


def tilted(env, turn, tilt, seed=0):
    """An arm whose hand somebody has turned and tilted, and what it tells when it rests."""
    env.reset(seed=seed)
    joints = env.reading().joint_positions.copy()
    joints[-1] += turn
    joints[-2] += tilt
    at = dict(zip(env.robot.joints, joints))
    for _ in range(30):
        env.advance(np.array([at[name] for name in env.contract.action_names]))
    return env.reading()


HANDS = [(0.0, 0.0), (0.8, 0.0), (-0.6, 0.3), (0.3, -0.4)]


@pytest.mark.parametrize(("turn", "tilt"), HANDS)
def test_a_device_at_rest_moves_nothing_wherever_the_hand_points(env, turn, tilt):
    solve, first = Kinematics.of(env.contract), tilted(env, turn, tilt)
    reading, furthest = first, 0.0
    assert solve(np.zeros(3), reading) == pytest.approx(first.joint_positions, abs=0)
    for _ in range(100):
        reading, _ = env.advance(solve(np.zeros(3), reading))
        furthest = max(furthest, float(np.linalg.norm(reading.tool_position - first.tool_position)))
    assert furthest < 2e-4
    assert np.abs(reading.joint_positions - first.joint_positions).max() < 1e-3


@pytest.mark.parametrize(("turn", "tilt"), HANDS)
def test_an_orientation_that_nobody_commands_stays_as_it_was_found(env, turn, tilt):
    solve, first = Kinematics.of(env.contract), tilted(env, turn, tilt)
    reading, remarks = first, set()
    for step in range(60):
        velocity = np.array([0.0, 0.05, 0.03]) if step < 30 else np.array([0.0, -0.05, -0.03])
        reading, _ = env.advance(solve(velocity, reading))
        remarks.add(solve.remark)
    assert abs(reading.tool_quaternion @ first.tool_quaternion) > np.cos(0.005)
    if remarks == {""}:  # a singularity, which one of the postures meets, costs some of the way
        assert reading.tool_position == pytest.approx(first.tool_position, abs=3e-3)


def test_who_lets_go_and_comes_back_after_somebody_has_moved_the_arm_begins_where_it_is(env):
    solve, there = Kinematics.of(env.contract), tilted(env, 0.2, 0.1)
    solve(np.zeros(3), there)
    for gap in (1, 2, 10):
        moved = there.joint_positions + 0.004 * gap
        then = at(env, moved, there.stamp_ns + 5 * gap * env.contract.step_ns)
        assert solve(np.zeros(3), then) == pytest.approx(moved, abs=0)
        pushed = moved + 0.05  # while they hold on
        then = at(env, pushed, then.stamp_ns + env.contract.step_ns)
        assert np.abs(solve(np.zeros(3), then) - pushed).max() <= 0.01


def at(env, joints, stamp_ns):
    """A reading of the arm in a posture; what it tells of its tool fits."""
    env._arm._place(joints)
    position, quaternion = env._arm.tool()
    told = {"joint_positions": joints, "tool_position": position, "tool_quaternion": quaternion, "stamp_ns": stamp_ns}
    return dataclasses.replace(env.reading(), joint_velocities=np.zeros(len(joints)), **told)


@pytest.mark.parametrize("robot", ROBOTS)
@given(shift=st.tuples(*[st.floats(-0.3, 0.3)] * 3), turn=st.floats(-3.0, 3.0), speed=st.floats(0.0, 1.0))
@settings(max_examples=40)
def test_a_tool_that_is_not_where_the_joints_have_it_is_refused_with_both_places(robot, shift, turn, speed):
    solve, reading = resting(robot)
    turned = np.array([0.0, 0.0, np.sin(turn / 2), np.cos(turn / 2)])
    told = dataclasses.replace(
        reading,
        tool_position=reading.tool_position + shift,
        tool_quaternion=product(turned, reading.tool_quaternion),
        joint_velocities=np.full(len(reading.joint_names), speed),
    )
    far = np.linalg.norm(shift)
    if far < 0.009 and abs(turn) < 0.09:
        assert solve(np.zeros(3), told) == pytest.approx(reading.joint_positions)
    elif speed == 0.0 and (far > 0.011 or abs(turn) > 0.11):
        with pytest.raises(MessageError, match=r"tool_pose has the tool at \(.* m, joint_states have it at \(.*driver"):
            solve(np.zeros(3), told)
    elif far > 0.011 + 0.2 * 2.5 * speed or abs(turn) > 0.11 + 0.2 * 7.0 * speed:
        with pytest.raises(MessageError, match="mm and .* deg apart"):
            solve(np.zeros(3), told)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (np.nan, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)])
def test_an_orientation_that_is_none_or_another_is_refused(env, quaternion):
    env.reset(seed=0)
    with pytest.raises(MessageError, match="deg apart"):
        Kinematics.of(env.contract)(
            np.zeros(3), dataclasses.replace(env.reading(), tool_quaternion=np.array(quaternion))
        )


def test_an_arm_that_moves_may_tell_of_its_tool_a_little_late(env):
    env.reset(seed=0)
    solve, reading = Kinematics.of(env.contract), env.reading()
    for _ in range(20):
        late = reading.tool_position, reading.tool_quaternion
        reading, _ = env.advance(solve(np.array([0.0, 0.2, 0.0]), reading))
        solve(np.array([0.0, 0.2, 0.0]), dataclasses.replace(reading, tool_position=late[0], tool_quaternion=late[1]))


def test_a_joint_at_its_limit_stops_the_tool_and_is_told_of(env):
    env.reset(seed=0)
    solve, reading, contract = Kinematics.of(env.contract), env.reading(), env.contract
    remarks = set()
    for _ in range(200):
        action = solve(np.array([0.0, 0.0, 0.25]), reading)
        assert (action >= contract.low).all() and (action <= contract.high).all()
        reading, _ = env.advance(action)
        remarks.add(solve.remark)
    assert any("is at its limit" in remark or "reaches no farther" in remark for remark in remarks)


def test_a_commanded_height_is_followed_and_kept(env):
    solve = Kinematics.of(env.contract)
    env.reset(seed=1)
    low = reading = env.reading()
    for _ in range(20):
        reading, _ = env.advance(solve(np.array([0.0, 0.0, 0.1]), reading))
    high = reading
    for _ in range(20):
        reading, _ = env.advance(solve(np.zeros(3), reading))
    assert high.tool_position[2] - low.tool_position[2] == pytest.approx(0.1, rel=0.05)
    assert reading.tool_position[2] == pytest.approx(low.tool_position[2] + 0.1, abs=0.001)


def test_a_script_demonstrates_in_joint_space_and_the_order_of_names_does_not_matter(env):
    plain = env.contract.to_dict()
    turned = Contract.from_dict("turned", {**plain, "action": dict(reversed(plain["action"].items()))})
    for contract in (env.contract, turned):
        with_arm = env if contract is env.contract else ArmEnv("avoid", contract)
        guide = tasks.ScriptedExpert(with_arm.task, "random")
        expert = load("scripted", Setup(contract, guide, solve=Kinematics.of(contract)))
        gate = Gate(contract, GateConfig(rule="demonstration"))
        rollouts = [run_episode(with_arm, gate, seed, None, expert) for seed in range(3)]
        assert [rollout.outcome for rollout in rollouts] == ["success"] * 3
        assert (np.abs(np.diff(rollouts[0].episode.executed, axis=0)) <= contract.max_step + 1e-6).all()


def test_an_arm_without_the_robots_joints_is_told_of(env):
    env.reset(seed=0)
    reading = dataclasses.replace(env.reading(), joint_names=tuple(f"a{i}" for i in range(len(env.robot.joints))))
    with pytest.raises(MessageError, match="joint_states has no .*joint1"):
        Kinematics.of(env.contract)(np.zeros(3), reading)
