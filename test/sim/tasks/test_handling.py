# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Success rules of the tasks in which things are handled, which cannot be gamed."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.frames import from_rpy, product
from il_ros.sim import tasks
from il_ros.sim.experts.manipulation import LEAVE_M
from il_ros.sim.tasks import StepState
from il_ros.sim.tasks.handling import GraspingTask, distance

HANDLING = ("push", "pick_place", "stack", "peg")
STEP_S = 0.05
SEEDS = range(5)


def solved(task, seed=0):
    """The state of an episode that is done: the block is there, and everything rests."""
    layout = task.layout(np.random.default_rng(seed))
    poses = layout.poses.copy()
    poses[0, :2], poses[0, 3:] = poses[1, :2], poses[1, 3:]
    if type(task).__name__ == "Stack":
        poses[0, 2] += task.bodies[1].size[2]
    tool = poses[0, :3] + (0.0, 0.0, LEAVE_M)
    return StepState(0.0, tool, np.array([1.0, 0, 0, 0]), 0.0, poses, np.zeros((2, 6)), False, np.zeros(2, dtype=bool))


def lasting(state, seconds, since_s=2.0):
    """That state again and again."""
    steps = round(seconds / STEP_S)
    return [dataclasses.replace(state, elapsed_s=since_s + k * STEP_S) for k in range(steps + 1)]


def moved(state, **changes):
    """The state with the block's pose or velocity changed: by metres, by an angle, m/s or rad/s."""
    poses, velocities = state.poses.copy(), state.velocities.copy()
    poses[0, :3] += changes.get("by", (0.0, 0.0, 0.0))
    poses[0, 3:] = product(from_rpy(changes.get("tilt", 0.0), 0.0, changes.get("yaw", 0.0)), poses[0, 3:])
    velocities[0] += changes.get("velocity", np.zeros(6))
    return dataclasses.replace(state, poses=poses, velocities=velocities)


@pytest.fixture(params=HANDLING)
def task(request):
    """Every task in which something is handled."""
    return tasks.load(request.param)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_has_been_done_for_a_second_is_a_success_and_no_sooner(task, seed):
    state = solved(task, seed)
    assert task.outcome(lasting(state, 1.0)) == "success"
    assert task.outcome(lasting(state, 0.9)) is None
    assert task.outcome(lasting(moved(state, by=(0.06, 0, 0)), 3.0) + lasting(state, 0.5, 5.05)) is None


UNDONE = {
    "held": lambda s: dataclasses.replace(s, held=np.array([True, False])),
    "beside it": lambda s: moved(s, by=(0.04, 0, 0)),
    "above it": lambda s: moved(s, by=(0, 0, 0.01)),
    "moving slowly": lambda s: moved(s, velocity=np.array([0.02, 0, 0, 0, 0, 0])),
    "falling": lambda s: moved(s, velocity=np.array([0, 0, -0.3, 0, 0, 0])),
    "spinning": lambda s: moved(s, velocity=np.array([0, 0, 0, 0, 0, 0.3])),
    "tilted": lambda s: moved(s, tilt=math.radians(10.0)),
    "the tool still at it": lambda s: dataclasses.replace(s, tool_position=s.poses[0, :3]),
    "the tool still close": lambda s: dataclasses.replace(s, tool_position=s.tool_position - (0, 0, 0.075)),
}


@pytest.mark.parametrize("how", UNDONE)
def test_what_is_not_quite_done_is_no_success_however_long(task, how):
    state = UNDONE[how](solved(task))
    assert task.outcome(lasting(state, 3.0)) in (None, "dropped")
    one_step = [*lasting(solved(task), 0.5), dataclasses.replace(state, elapsed_s=2.55)]
    one_step += lasting(solved(task), 0.9, 2.6)  # one such step in the last second is enough
    assert task.outcome(one_step) is None


@pytest.mark.parametrize("name", [name for name in HANDLING if name != "push"])
def test_who_has_not_opened_the_gripper_has_not_let_go(name):
    task = tasks.load(name)
    assert task.outcome(lasting(dataclasses.replace(solved(task), grip=0.6), 3.0)) is None


def test_a_block_that_is_pushed_to_its_goal_has_to_be_turned_as_the_goal_is_but_for_half_a_turn():
    task = tasks.load("push")
    outcomes = [task.outcome(lasting(moved(solved(task), yaw=yaw), 1.0)) for yaw in (0.1, -0.1, 0.3, 1.57, math.pi)]
    assert outcomes == ["success", "success", None, None, "success"]


def test_a_block_that_flies_through_the_zone_is_no_success():
    task = tasks.load("pick_place")
    state = solved(task)
    flight = [moved(state, by=(0.02 * (k - 10), 0.0, 0.0)) for k in range(21)]
    assert task.outcome([dataclasses.replace(s, elapsed_s=0.05 * k) for k, s in enumerate(flight)]) is None


def test_what_falls_off_the_table_is_lost_and_what_lies_on_its_side_is_dropped(task):
    state = solved(task)
    assert task.outcome([moved(state, by=(0, 0, -0.1))]) == "lost"
    lying = moved(state, by=(0.1, 0, 0), tilt=math.pi / 2)
    assert task.outcome(lasting(lying, 0.9)) is None
    assert task.outcome(lasting(lying, 1.0)) == "dropped"
    held = dataclasses.replace(lying, held=np.array([True, False]))
    assert task.outcome(lasting(held, 1.0)) is None


def test_time_is_over_at_the_limit_but_a_success_at_the_last_step_counts(task):
    state, limit_s = solved(task), task.time_limit_s
    elsewhere = moved(state, by=(0.1, 0, 0))
    assert task.outcome([dataclasses.replace(elsewhere, elapsed_s=limit_s - STEP_S)]) is None
    assert task.outcome([dataclasses.replace(elsewhere, elapsed_s=limit_s)]) == "timeout"
    assert task.outcome(lasting(state, 1.0, limit_s - 1.0)) == "success"


@pytest.mark.parametrize("name", ["pick_place", "stack", "peg"])
def test_the_way_is_the_axis_of_the_block_along_which_it_is_held(name):
    task = tasks.load(name)
    assert isinstance(task, GraspingTask)
    state = solved(task)
    assert task.way([state]) is None
    ways = []
    for degrees in (0, 20, 70, 110, 170):  # the fingers open along y of the tool, which points down
        tool = product(from_rpy(0.0, 0.0, math.radians(degrees)), product(state.poses[0, 3:], (1.0, 0, 0, 0)))
        ways.append(task.way([state, dataclasses.replace(state, held=np.array([True, False]), tool_quaternion=tool)]))
    assert ways == [1, 1, 0, 0, 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_distance_is_that_from_the_nearest_point_of_the_box(seed):
    rng = np.random.default_rng(seed)
    body = tasks.load("push").bodies[0]
    quaternion = rng.normal(size=4)
    pose = np.concatenate([rng.normal(size=3), quaternion / np.linalg.norm(quaternion)])
    from il_ros.core.frames import matrix

    turn, half = matrix(pose[3:]), np.array(body.size) / 2
    point = pose[:3] + rng.normal(size=3) * 0.1
    grid = np.stack(np.meshgrid(*(np.linspace(-h, h, 25) for h in half)), -1).reshape(-1, 3) @ turn.T + pose[:3]
    assert distance(body, pose, point) == pytest.approx(np.linalg.norm(grid - point, axis=1).min(), abs=0.003)


@pytest.mark.parametrize("name", [*HANDLING, "reach"])
@pytest.mark.parametrize(
    "contract", ["panda_plane", "panda_joints", "xarm6_plane", "panda_gripper", "xarm6_gripper_joints"]
)
def test_a_contract_that_cannot_do_a_task_is_refused_before_it_begins(name, contract):
    chosen, task = Contract.load(contract), tasks.load(name)
    lacks_gripper = name != "reach" and not chosen.grippers
    if lacks_gripper or contract.endswith("plane"):
        with pytest.raises(ConfigError, match=f"{contract}.* commands no .*choose .*{task.contract}"):
            task.check(chosen)
    else:
        task.check(chosen)
