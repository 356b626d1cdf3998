# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What viewers are told of the arm is where the arm is."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from il_ros.core.errors import ConfigError
from il_ros.core.frames import matrix
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.ros.display import robot_description
from il_ros.ros.display.robot_description import WORLD, LinkTransforms, description_text

pytestmark = pytest.mark.graph


@pytest.fixture(params=["panda", "xarm6"])
def robot(request: pytest.FixtureRequest, simulation: None) -> Robot:
    return Robot.load(request.param)


def test_the_description_names_meshes_that_are_there(robot: Robot) -> None:
    root = ElementTree.fromstring(description_text(Path(robot.urdf)))
    meshes = [urlsplit(mesh.get("filename", "")) for mesh in root.iter("mesh")]
    assert meshes and all(mesh.scheme == "file" and Path(unquote(mesh.path)).is_file() for mesh in meshes)


def test_a_description_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nix.urdf cannot be read .*correct the robot file's urdf"):
        description_text(tmp_path / "nix.urdf")


def placed(transforms: list[Any], frame: str) -> np.ndarray:
    """(4, 4) of a frame in the world, by the transforms."""
    parents = {t.child_frame_id: t for t in transforms}
    result = np.eye(4)
    while frame != WORLD:
        transform = parents[frame].transform
        own = np.eye(4)
        own[:3, :3] = matrix([getattr(transform.rotation, axis) for axis in "xyzw"])
        own[:3, 3] = [getattr(transform.translation, axis) for axis in "xyz"]
        result, frame = own @ result, parents[frame].header.frame_id
    return result


def test_transforms_put_the_tool_where_forward_kinematics_has_it(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robot_description, "message_class", lambda name: SimpleNamespace)  # tf2_msgs has no wheel
    links = LinkTransforms(robot)
    rng = np.random.default_rng(0)
    joints = np.array(list(robot.rest.values())) + rng.uniform(-0.3, 0.3, len(robot.joints))
    moving = links.at(dict(zip(robot.joints, joints)), 1_500_000_000).transforms
    assert {(t.header.stamp.sec, t.header.stamp.nanosec) for t in moving} == {(1, 500_000_000)}
    tool = placed([*links.static().transforms, *moving], robot.tool)
    position = (tool @ [*robot.tip, 1.0])[:3]
    assert np.allclose(position, KinematicChain(robot).forward(joints).position, atol=1e-9)
