# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated cameras: repeatable, cheap, and true to what they are intrinsics of."""

from __future__ import annotations

import time

import numpy as np
import pytest

from il_ros.core.errors import ConfigError
from il_ros.sim.cameras import MOUNTS, Cameras, intrinsics
from il_ros.sim.env import ArmEnv


def poses_at(env, x, y):
    poses = env.reading().object_poses.copy()
    poses[0, :2] = x, y
    return poses


def red(picture):
    """(H, W) bool, where the red block is seen."""
    wide = picture.astype(int)
    return (wide[..., 0] > 100) & (wide[..., 1] < 60) & (wide[..., 2] < 60)


def test_the_same_state_gives_the_same_pixels_in_another_client_and_after_other_pictures(pile):
    env, other = pile(), pile(fresh=True)
    for each in (env, other):
        each.reset(seed=1)
    env.render(32, 24)
    pictures, others = env.images(MOUNTS), other.images(list(MOUNTS))
    for name in MOUNTS:
        assert pictures[name].shape == (96, 96, 3) and pictures[name].dtype == np.uint8
        assert np.array_equal(pictures[name], others[name])
        assert len(np.unique(pictures[name])) > 10


def test_a_block_is_seen_where_the_intrinsics_say(pile):
    env = pile()
    env.reset(seed=0)
    env.images(["front"])
    mount, matrix_k = MOUNTS["front"], intrinsics("front", 160, 120)
    eye, target = np.array(mount.eye), np.array(mount.target)
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, mount.up)
    right /= np.linalg.norm(right)
    axes = np.array([right, np.cross(forward, right), forward])  # x to the right, y down, z ahead
    joints = env.robot.drawn(dict(zip(env._arm.joint_names, env.reading().joint_positions)))
    for x, y in ((0.6, -0.2), (0.6, 0.2), (0.7, 0.0)):
        picture = env._cameras.images(joints, poses_at(env, x, y), ["front"], (160, 120))["front"]
        seen = np.argwhere(red(picture)).mean(axis=0)[::-1] + 0.5
        at = matrix_k @ axes @ (np.array([x, y, 0.02]) - eye)
        assert np.abs(seen - at[:2] / at[2]).max() < 2.5


def test_the_wrist_sees_what_is_between_the_fingers(pile):
    env = pile()
    env.reset(seed=0)
    assert red(env.images(["wrist"])["wrist"]).mean() > 0.01


@pytest.mark.parametrize("contract", ["panda_gripper", "xarm6_gripper"])
def test_the_table_is_put_in_as_the_renderer_draws_it(contract, monkeypatch):
    env, size = ArmEnv("pick_place", contract), (120, 96)
    put_in, drawn = Cameras(env.robot, env.task), Cameras(env.robot, env.task)
    drawn._world.add_table(solid=False)
    monkeypatch.setattr(drawn._table, "put_into", lambda *_: None)
    rng = np.random.default_rng(0)
    for seed in range(10):
        env.reset(seed=seed)
        joints = env.robot.drawn(dict(zip(env._arm.joint_names, env.reading().joint_positions)))
        joints = {name: angle + 0.1 * rng.standard_normal() for name, angle in joints.items()}
        pictures = [cameras.images(joints, env.reading().object_poses, MOUNTS, size) for cameras in (put_in, drawn)]
        for name in MOUNTS:
            assert (pictures[0][name] != pictures[1][name]).any(axis=2).mean() < 0.005  # the edge's side at most
    for cameras in (env, put_in, drawn):
        cameras.close()


def test_a_picture_costs_little(pile):
    env = pile()
    env.reset(seed=0)
    spent = []
    for _ in range(15):
        begun = time.process_time()
        env.images(["front"])
        spent.append(time.process_time() - begun)
    assert np.median(spent[1:]) < 0.005  # less than 2 ms on a quiet core


def test_a_camera_that_is_not_there_is_refused_with_those_that_are(pile):
    with pytest.raises(ConfigError, match="'back' is not known; choose from front, wrist"):
        pile().images(["back"])
