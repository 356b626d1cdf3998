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

GRIPPING = [f"{arm}_{kind}" for arm in ("panda", "xarm6") for kind in ("gripper", "gripper_joints")]
CASES = [(task, contract) for task in ("push", "pick_place", "stack", "peg") for contract in GRIPPING]
CASES += [("reach", contract) for contract in ("panda_reach", "xarm6_reach", "panda_joints", "xarm6_joints")]
SEED = {name: index for index, name in enumerate(GRIPPING)}
"""Another seed with each contract."""


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
    return load("scripted", Setup(env.contract, tasks.ScriptedExpert(env.task, expert), solve=Kinematics.of(env.contract)))


def shown(env, expert, seed):
    """A demonstration."""
    gate = Gate(env.contract, GateConfig(rule="demonstration"))
    return run_episode(env, gate, seed, None, scripted(env, expert))


@pytest.mark.parametrize(("task", "contract"), CASES)
def test_the_experts_solve_every_task_with_both_arms_by_tool_and_by_joints(made, task, contract):
    env = made(task, contract)
    seed = SEED.get(contract, 0)
    expert = env.task.experts[seed % len(env.task.experts)]
    rollout = shown(env, expert, seed)
    assert (rollout.outcome, rollout.way) == ("success", env.task.experts.index(expert))
    assert len(rollout.episode) / env.contract.rate_hz < 0.75 * env.task.time_limit_s


@pytest.mark.parametrize("task", ["push", "peg"])
def test_one_seed_is_one_episode_to_the_last_bit_whatever_came_before(made, task):
    env = made(task, "panda_gripper")
    first = shown(env, "random", 11).episode
    shown(env, "random", 12)
    again = shown(env, "random", 11).episode
    assert np.array_equal(first.observations, again.observations)
    assert np.array_equal(first.executed, again.executed)


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
    halfway = reading.objects[:2, 1].mean()
    return bool(env._states[-1].held[0]) and abs(reading.objects[0, 1] - halfway) < 0.08 and reading.objects[0, 2] > 0.08


@pytest.mark.parametrize("contract", ["panda_gripper", "xarm6_gripper"])
@pytest.mark.parametrize("task", ["pick_place", "stack", "peg"])
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
