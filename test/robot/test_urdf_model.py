# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is drawn is where the simulation is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.robot.description import Robot
from il_ros.robot.urdf_model import UrdfModel, thinned
from il_ros.sim.env import ArmEnv


@pytest.fixture(scope="module", params=["panda_joints", "xarm6_joints"])
def contract(request) -> Contract:
    return Contract.load(request.param)


@pytest.fixture(scope="module")
def robot(contract, simulation: None) -> Robot:
    return Robot.load(contract.robot)


@pytest.fixture(scope="module")
def drawn(robot) -> UrdfModel:
    return UrdfModel.load(Path(robot.urdf))


def test_every_moving_link_is_drawn_and_every_handle_is_a_link(drawn, robot):
    shown = {link for link, meshes in drawn.meshes.items() if meshes}
    assert {joint.child for joint in drawn.joints if joint.name in robot.joints} <= shown
    assert {robot.tool, *robot.handles.values()} <= set(drawn.frames({}))


def test_the_tool_is_drawn_where_the_simulation_says_that_it_is(drawn, robot, contract):
    env = ArmEnv("fork", contract)
    rng = np.random.default_rng(0)
    for seed in range(5):
        env.reset(seed=seed)
        at = env.reading().joint_positions
        reading, _ = env.advance(at + rng.uniform(-0.1, 0.1, len(at)))
        frames = drawn.frames(dict(zip(reading.joint_names, reading.joint_positions)))
        assert (frames[robot.tool] @ [*robot.tip, 1.0])[:3] == pytest.approx(reading.tool_position, abs=1e-6)
    env.close()


def test_a_thinned_shape_is_much_the_same_with_fewer_corners():
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 0.1, 40)] * 2), axis=-1).reshape(-1, 2)
    vertices = np.column_stack([grid, rng.normal(0, 1e-5, len(grid))])
    corners = np.arange(40 * 39).reshape(39, 40)[:, :39].reshape(-1)
    faces = np.concatenate([np.stack([corners, corners + 1, corners + 40], 1)])
    fewer, left = thinned(vertices, faces, 0.01)
    assert len(fewer) < len(vertices) / 5 and len(left) < len(faces) / 5
    assert left.max() < len(fewer) and np.ptp(fewer, axis=0)[:2] == pytest.approx([0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("text", ["", "<robot>", "<robot name='r'><joint name='j' type='fixed'/></robot>"])
def test_a_urdf_that_cannot_be_read_is_named(text, tmp_path):
    path = tmp_path / "arm.urdf"
    path.write_text(text)
    with pytest.raises(ConfigError, match="arm.urdf cannot be read"):
        UrdfModel.load(path)
