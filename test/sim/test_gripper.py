# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gripper and the bodies that it handles, with both arms."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.frames import angle, matrix

STILL = np.zeros(3)


def drive(env, linear, grip, steps, turning=0.0):
    """The readings of some steps in which the tool moves so and the gripper is closed by that share."""
    action = np.array([*linear, turning, env.contract.action[-1].at(grip)])
    return [env.advance(action)[0] for _ in range(steps)]


def grasp(env, seed):
    """Begin an episode, go down to the block and close the fingers."""
    env.reset(seed=seed)
    for _ in range(30):
        height = env.reading().tool_position[2]
        drive(env, [0.0, 0.0, np.clip(4.0 * (0.02 - height), -0.15, 0.15)], 0.0, 1)
    drive(env, STILL, 1.0, 12)
    return drive(env, [0.0, 0.0, 0.15], 1.0, 12)[-1]


def in_hand(reading):
    """Where the tool has the block, m, and how it is turned."""
    hand, block = matrix(reading.tool_quaternion), matrix(reading.object_quaternions[0])
    return hand.T @ (reading.objects[0] - reading.tool_position), hand.T @ block


def rows(env, seed):
    """All numbers of an episode in which the block is grasped, carried and let go of."""
    grasp(env, seed)
    drive(env, [0.1, 0.15, 0.0], 1.0, 8, 0.5)
    drive(env, STILL, 0.0, 8)
    state = env._states
    return np.array([np.concatenate([s.poses.ravel(), s.velocities.ravel(), [s.grip], s.tool_position]) for s in state])


def test_a_seed_gives_one_episode_to_the_last_bit_whatever_came_before(pile):
    env = pile()
    expected = rows(pile(fresh=True), 3)
    assert np.array_equal(rows(env, 3), expected)
    grasp(env, 5)  # and holds it
    assert np.array_equal(rows(env, 3), expected)
    for seed in range(20):
        env.reset(seed=seed)
        drive(env, [0.0, 0.0, -0.1], 1.0, seed % 3)
    assert np.array_equal(rows(env, 3), expected)


@pytest.mark.parametrize("seed", range(2))
def test_what_is_held_neither_slips_nor_turns_while_it_is_carried(pile, seed):
    env = pile()
    reading = grasp(env, seed)
    assert env._states[-1].held.tolist() == [True, False, False, False, False]
    place, turned = in_hand(reading)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        way = np.append(rng.uniform(-0.2, 0.2, 2), 0.02)
        for reading in [*drive(env, way, 1.0, 6, 1.0), *drive(env, -way, 1.0, 6, -1.0)]:
            moved, by = in_hand(reading)
            assert np.linalg.norm(moved - place) < 1e-3
            assert angle(by @ turned.T) < np.radians(1.5)
    assert reading.objects[0, 2] > 0.08
    drive(env, STILL, 0.0, 15)
    assert not env._states[-1].held.any() and env.reading().objects[0, 2] < 0.05


@pytest.mark.parametrize("grip", [0.0, 0.4, 0.9])
def test_the_fingers_go_where_they_are_commanded_within_their_speed(pile, grip):
    env = pile()
    env.reset(seed=0)
    part, robot = env.contract.action[-1], env.robot
    reading = drive(env, STILL, grip, 12)[-1]
    assert reading.joint_names == (*robot.joints, robot.gripper.joint)
    assert reading.joint_positions[-1] == pytest.approx(part.at(grip), abs=0.01 * abs(part.high - part.low))
    assert reading.grip == pytest.approx(grip, abs=0.01)
    env.reset(seed=0)
    first = drive(env, STILL, 1.0, 1)[0].joint_positions[-1]
    assert abs(first - part.at(0.0)) < 0.5 * (part.high - part.low)  # a step is too short to close them


def test_bodies_that_nobody_touches_stay_where_they_are(pile):
    env = pile()
    env.reset(seed=1)
    before = env.reading().object_poses
    after = drive(env, STILL, 0.0, 40)[-1].object_poses
    assert np.abs(after - before).max() < 2e-3
    assert np.abs(env._states[-1].velocities).max() < 0.02


@pytest.mark.parametrize("yaw_rate", [0.5, 1.2])
def test_the_tool_turns_as_fast_as_it_is_commanded(pile, yaw_rate):
    env = pile()
    env.reset(seed=2)
    angles = []
    for reading in drive(env, STILL, 0.0, 30, yaw_rate):
        x_axis = matrix(reading.tool_quaternion)[:, 0]
        angles.append(np.arctan2(x_axis[1], x_axis[0]))
    turned = np.unwrap(angles)[-1] - angles[9]
    assert turned == pytest.approx(20 / 20.0 * yaw_rate, rel=0.05)
    assert np.abs(matrix(reading.tool_quaternion)[2, :2]).max() < 0.01


@pytest.mark.parametrize("mm_s", [1.0, 20.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slow_hand_moves_the_tool_as_far_as_it_asks_for(pile, mm_s, axis):
    env = pile()
    env.reset(seed=0)
    way = np.zeros(3)
    way[axis] = mm_s / 1e3
    first = env.reading().tool_position
    moved = drive(env, way, 0.0, 40)[-1].tool_position - first
    assert 0.97 < moved[axis] / (2.0 * way[axis]) < 1.03
