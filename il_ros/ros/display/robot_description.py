# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An arm for viewers: its URDF as ``robot_description`` has it, and the transforms between its links."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Transform, TransformStamped

from il_ros.core import messages, topics
from il_ros.core.errors import ConfigError
from il_ros.core.frames import rotation_vector
from il_ros.core.types import Array
from il_ros.robot.description import Robot
from il_ros.robot.urdf import UrdfJoint, read_joints
from il_ros.ros.message_types import message_class

WORLD = "world"
"""The frame above the base of every simulated arm."""


def has_tf2() -> bool:
    """Return whether ``tf2_msgs`` is installed; ROS 2 brings it, and there is no wheel of it."""
    return find_spec("tf2_msgs") is not None


def description_text(urdf: Path) -> str:
    """Return a URDF whose meshes are found from anywhere: paths beside it become ``file://`` addresses.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        root = ElementTree.parse(urdf).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"URDF {urdf} cannot be read ({error}); correct the robot file's urdf") from error
    for mesh in root.iter("mesh"):
        path = urdf.absolute().parent / mesh.get("filename", "").removeprefix("package://")
        if path.is_file():
            mesh.set("filename", path.as_uri())
    return ElementTree.tostring(root, encoding="unicode")


class LinkTransforms:
    """The transforms of an arm's links, as /tf and /tf_static have them."""

    def __init__(self, robot: Robot) -> None:
        self._robot, self._base = robot, robot.base
        joints = read_joints(robot.urdf)
        self._fixed = [joint for joint in joints if joint.kind == "fixed"]
        self._moving = [joint for joint in joints if joint.kind != "fixed"]

    def static(self) -> Any:
        """Return a TFMessage with the base in the world and the fixed joints, which hold for all time."""
        transforms = [_transform(joint, joint.transform(0.0)) for joint in self._fixed]
        base = TransformStamped(child_frame_id=self._base, transform=Transform())
        base.header.frame_id = WORLD
        return _message([base, *transforms])

    def at(self, positions: Mapping[str, float], stamp_ns: int) -> Any:
        """Return a TFMessage for joint positions, rad or m; joints that are not named are where they are held."""
        positions = self._robot.drawn(positions)
        return _message(list(self._transforms(positions, stamp_ns)))

    def _transforms(self, positions: Mapping[str, float], stamp_ns: int) -> Iterator[TransformStamped]:
        for joint in self._moving:
            transform = _transform(joint, joint.transform(positions.get(joint.name, 0.0)))
            messages.set_stamp(transform, stamp_ns)
            yield transform


def _message(transforms: list[TransformStamped]) -> Any:
    return message_class(topics.TF.type_name)(transforms=transforms)


def _transform(joint: UrdfJoint, matrix: Array) -> TransformStamped:
    """Return the child's frame (4, 4) in the parent's as a message."""
    message = TransformStamped(child_frame_id=joint.child)
    message.header.frame_id = joint.parent
    to, turn = message.transform.translation, message.transform.rotation
    to.x, to.y, to.z = map(float, matrix[:3, 3])
    turn.x, turn.y, turn.z, turn.w = _quaternion(matrix[:3, :3])
    return message


def _quaternion(rotation: Array) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a rotation matrix (3, 3)."""
    vector = rotation_vector(rotation)
    angle = float(np.linalg.norm(vector))
    x, y, z = vector * (math.sin(angle / 2.0) / angle if angle else 0.5)
    return float(x), float(y), float(z), math.cos(angle / 2.0)
