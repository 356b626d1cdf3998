# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state of arm and scene as messages: ``joint_states``, ``tool_pose`` and ``objects``, to read and to fill."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from il_ros.core.messages.headers import seconds, set_stamp, stamp_ns
from il_ros.core.topics import JOINT_STATES, OBJECTS, TOOL_POSE
from il_ros.core.types import Array, RobotState


def reading_from(messages: Mapping[str, Any]) -> RobotState:
    """Return what an expert sees, from the messages of ``topics.READING``; no objects where nobody publishes them."""
    joints, tool = messages[JOINT_STATES.name], messages[TOOL_POSE.name].pose
    objects = messages[OBJECTS.name].poses if OBJECTS.name in messages else []
    turned = [(q.x, q.y, q.z, q.w) for q in (element.orientation for element in objects)]
    return RobotState(
        stamp_ns=stamp_ns(messages[TOOL_POSE.name]),
        joint_positions=np.array(joints.position, dtype=np.float64),
        joint_velocities=np.array(joints.velocity, dtype=np.float64),
        tool_position=np.array([tool.position.x, tool.position.y, tool.position.z]),
        tool_quaternion=np.array([tool.orientation.x, tool.orientation.y, tool.orientation.z, tool.orientation.w]),
        objects=np.array([[o.position.x, o.position.y, o.position.z] for o in objects]).reshape(-1, 3),
        joint_names=tuple(joints.name),
        object_quaternions=np.array(turned).reshape(-1, 4),
    )


def plain_messages(reading: RobotState) -> dict[str, Any]:
    """Return the messages that the simulation node publishes as plain namespaces, for rollouts without ROS."""
    sec, nanosec = seconds(reading.stamp_ns)
    header = SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id=reading.frame)
    return {
        JOINT_STATES.name: SimpleNamespace(
            header=header,
            name=list(reading.joint_names),
            position=reading.joint_positions,
            velocity=reading.joint_velocities,
            effort=np.empty(0),
        ),
        TOOL_POSE.name: SimpleNamespace(header=header, pose=_pose(reading.tool_position, reading.tool_quaternion)),
        OBJECTS.name: SimpleNamespace(header=header, poses=[_pose(o[:3], o[3:]) for o in reading.object_poses]),
    }


def fill_reading(messages: Mapping[str, Any], reading: RobotState, pose: type[Any]) -> None:
    """Write a reading into a JointState, a PoseStamped and a PoseArray; ``pose`` makes the elements of the last."""
    for message in messages.values():
        set_stamp(message, reading.stamp_ns)
        message.header.frame_id = reading.frame
    joints = messages[JOINT_STATES.name]
    joints.name = list(reading.joint_names)
    joints.position = array("d", reading.joint_positions.tolist())
    joints.velocity = array("d", reading.joint_velocities.tolist())
    _fill_pose(messages[TOOL_POSE.name].pose, reading.tool_position, reading.tool_quaternion)
    poses = messages[OBJECTS.name].poses
    while len(poses) < len(reading.objects):
        poses.append(pose())
    for element, at in zip(poses, reading.object_poses):
        _fill_pose(element, at[:3], at[3:])


def _pose(position: Array, quaternion: Array) -> SimpleNamespace:
    x, y, z = position.tolist()
    qx, qy, qz, qw = quaternion.tolist()
    return SimpleNamespace(position=SimpleNamespace(x=x, y=y, z=z), orientation=SimpleNamespace(x=qx, y=qy, z=qz, w=qw))


def _fill_pose(pose: Any, position: Any, quaternion: Any) -> None:
    p, q = pose.position, pose.orientation
    p.x, p.y, p.z = map(float, position)
    q.x, q.y, q.z, q.w = map(float, quaternion)
