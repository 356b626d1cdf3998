# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The scripted experts that handle things, in the simulation: both arms, by tool velocities and by joints."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

CASES = [
    ("reach", "panda_joints", 0), ("reach", "xarm6_reach", 1),
    ("push", "panda_gripper", 0), ("push", "xarm6_gripper_joints", 1),
    ("pick_place", "panda_gripper_joints", 1), ("pick_place", "xarm6_gripper", 0),
    ("stack", "panda_gripper", 2), ("stack", "xarm6_gripper_joints", 3),
    ("peg", "panda_gripper_joints", 0), ("peg", "xarm6_gripper", 1),
]  # fmt: skip
"""Every task with both arms, by tool velocities with one and by joints with the other, each with a seed."""


@pytest.fixture(scope="module")
def made():
    """Environments by task and contract, each made once."""
    envs: dict[tuple[str, str], ArmEnv] = {}

    def make(task, contract):
        if (task, contract) not in envs:
            envs[task, contract] = ArmEnv(task, contract)
        return envs[task, contract]

    yield make
    for env in envs.values():
        env.close()


def scripted(env, expert):
    """The device of a task's expert."""
    guide = tasks.ScriptedExpert(env.task, expert)
    return load("scripted", Setup(env.contract, guide, solve=Kinematics.of(env.contract)))


def shown(env, expert, seed):
    """A demonstration."""
    gate = Gate(env.contract, GateConfig(rule="demonstration"))
    return run_episode(env, gate, seed, None, scripted(env, expert))


@pytest.mark.parametrize(("task", "contract", "seed"), CASES)
def test_the_experts_solve_every_task_with_both_arms_by_tool_and_by_joints(made, task, contract, seed):
    env = made(task, contract)
    expert = env.task.experts[seed % len(env.task.experts)]
    rollout = shown(env, expert, seed)
    assert (rollout.outcome, rollout.way) == ("success", env.task.experts.index(expert))
    assert len(rollout.episode) / env.contract.rate_hz < 0.75 * env.task.time_limit_s


@pytest.mark.parametrize(("task", "contract"), [("push", "xarm6_gripper_joints"), ("stack", "panda_gripper")])
def test_one_seed_is_one_episode_to_the_last_bit_whatever_came_before(made, task, contract):
    env, device = made(task, contract), scripted(made(task, contract), "random")

    def begun(seed):
        env.reset(seed=seed)
        device.reset(env.start)
        return [env.advance(device.answer(env.reading()).action)[0] for _ in range(60)]

    first, _, again = begun(11), begun(12), begun(11)
    for one, other in zip(first, again):
        assert np.array_equal(one.object_poses, other.object_poses)
        assert np.array_equal(one.joint_positions, other.joint_positions)


def disturbed(env, expert, seed, when, disturb):
    """The outcome of an episode in which something is done to the scene, once, at the step when ``when`` holds."""
    device, outcome, done = scripted(env, expert), None, False
    env.reset(seed=seed)
    device.reset(env.start)
    while outcome is None:
        reading = env.reading()
        if not done and when(env, reading):
            disturb(env)
            done = True
            reading = env.reading()
        reading, outcome = env.advance(device.answer(reading).action)
    assert done
    return outcome


def put_back(env):
    """Take what is held out of the hand, and stand it where the episode began."""
    env._world.place(env._bodies[:1], env._layout.poses[:1])
    env._poses = env._world.poses(env._bodies)


def is_carried(env, reading):
    """Whether the block is held high and halfway to its place."""
    (_, y, z), (_, goal_y, _) = reading.objects
    return bool(env._states[-1].held[0]) and goal_y - 0.12 < y and z > 0.08


@pytest.mark.parametrize(
    ("task", "contract"),
    [("pick_place", "xarm6_gripper"), ("stack", "xarm6_gripper_joints"), ("peg", "panda_gripper_joints")],
)
def test_who_loses_the_block_on_the_way_goes_back_for_it(made, task, contract):
    assert disturbed(made(task, contract), "nearest", 5, is_carried, put_back) == "success"


def test_who_misses_the_block_opens_and_tries_again(made):
    env = made("pick_place", "panda_gripper")

    def is_closing(env, reading):
        return reading.grip > 0.2

    def nudge(env):
        pose = env._layout.poses[:1].copy()
        pose[0, 1] += 0.06
        env._world.place(env._bodies[:1], pose)
        env._poses = env._world.poses(env._bodies)

    assert disturbed(env, "along_x", 2, is_closing, nudge) == "success"


def test_a_block_that_is_turned_and_shoved_aside_is_pushed_to_its_goal_all_the_same(made):
    env = made("push", "panda_gripper")

    def is_pushed(env, reading):
        return reading.objects[0, 0] > env._layout.poses[0, 0] + 0.05

    def shove(env):
        pose = env._poses[:1].copy()
        pose[0, 1] += 0.03
        pose[0, 5:] = np.sin(0.15), np.cos(0.15)
        env._world.place(env._bodies[:1], pose)
        env._poses = env._world.poses(env._bodies)

    assert disturbed(env, "left", 3, is_pushed, shove) == "success"


@pytest.mark.parametrize("task", ["push", "pick_place", "stack", "peg"])
def test_what_an_expert_says_depends_on_what_is_measured_and_on_nothing_before(made, task):
    env = made(task, "panda_gripper")
    name = env.task.experts[0]
    fresh = [env.task.expert(name, np.random.default_rng(0)) for _ in range(2)]
    env.reset(seed=4)
    device, commands = scripted(env, name), []
    device.reset(env.start)
    readings = []
    for _ in range(60):
        readings.append(env.reading())
        commands.append(fresh[0](readings[-1]))
        env.advance(device.answer(readings[-1]).action)
    for reading, command in reversed(list(zip(readings, commands))):
        other = fresh[1](dataclasses.replace(reading, stamp_ns=0))
        assert np.array_equal(other.velocity, command.velocity) and other.grip == command.grip


def supervised(env, expert, seed, stops=range(0)):
    """Whether a supervisor drove at each step: it watches the task's own expert, who stands still at some steps."""
    guide = tasks.ScriptedExpert(env.task, expert)
    supervisor = load("supervisor", Setup(env.contract, guide, env.task.clearance, solve=Kinematics.of(env.contract)))
    device, outcome, drove = scripted(env, expert), None, []
    env.reset(seed=seed)
    device.reset(env.start)
    supervisor.reset(env.start)
    still = np.zeros(len(env.contract.action))
    while outcome is None:
        reading, step = env.reading(), len(drove)
        own, answer = device.answer(reading), supervisor.answer(reading)
        drove.append(answer.engaged)
        _, outcome = env.advance(answer.action if answer.engaged else still if step in stops else own.action)
    assert outcome == "success"
    return drove


HANDLED = [(task, "panda_gripper") for task in ("push", "pick_place", "stack", "peg")]


@pytest.mark.parametrize(("task", "contract"), HANDLED)
def test_a_supervisor_leaves_alone_who_does_as_the_script_would_do(made, task, contract):
    env = made(task, contract)
    for seed, expert in enumerate(env.task.experts):
        assert not any(supervised(env, expert, seed))


@pytest.mark.parametrize(("task", "contract"), HANDLED)
def test_a_supervisor_rescues_who_stands_still_and_gives_control_back(made, task, contract):
    env = made(task, contract)
    drove = supervised(env, env.task.experts[0], 5, stops=range(10, 60))
    first = drove.index(True)
    assert 10 < first < 45 and not drove[-1] and drove.count(True) < 60


def test_without_a_time_limit_an_episode_goes_on_until_it_is_done(made):
    env = ArmEnv("reach", "panda_reach", time_limit=False)
    try:
        env.reset(seed=0)
        limit = round(env.task.time_limit_s * env.contract.rate_hz)
        outcomes = {env.advance(np.zeros(3))[1] for _ in range(limit + 10)}
        assert outcomes == {None}
        outcome, device = None, load("scripted", Setup(env.contract, tasks.ScriptedExpert(env.task, "direct")))
        for _ in range(limit):
            outcome = outcome or env.advance(device.answer(env.reading()).action)[1]
        assert outcome == "success"
    finally:
        env.close()
