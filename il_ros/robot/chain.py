# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The joints between an arm's base and its tool: forward kinematics, Jacobian and inverse kinematics in numpy."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.frames import rotation_vector
from il_ros.core.types import Array
from il_ros.robot.description import Robot
from il_ros.robot.urdf import UrdfJoint, read_joints, skew

EXACT, LAST, ITERATIONS = 1e-8, 1e-4, 20
"""Inverse kinematics ends at the first error, m and rad alike; with the iteration that begins below the second, which
squares it; or after so many."""
PROGRESS = 0.98
"""It ends, too, where an iteration leaves more of the squared error than this share: there the pose is out of reach."""
DAMPING = 0.1
"""m/rad and rad/rad alike, the constant damping of ``step_towards``."""


class ToolPose(NamedTuple):
    """Where given joints have the tool's tip."""

    position: Array
    """(3,) m, of the tip in the base frame."""
    rotation: Array
    """(3, 3) of the link that carries the tool, in the base frame."""
    jacobian: Array
    """(6, J): m/rad of the tip above rad/rad of the link."""


class KinematicChain:
    """The joints of a robot from its base to its tool, which need no simulator.

    The transform of joint k is linear in (1, q, sin q, cos q); so those of all joints are one product. Joints that the
    robot does not command stay where the robot file holds them, and are part of the fixed transforms between the
    others.

    Raises:
        ConfigError: if the URDF cannot be read, or has no such chain.
    """

    def __init__(self, robot: Robot) -> None:
        joints = read_joints(robot.urdf)
        by_name, by_child = {joint.name: joint for joint in joints}, {joint.child: joint for joint in joints}
        try:
            commanded = [by_name[name] for name in robot.joints]
            path, link = list[UrdfJoint](), robot.tool
            while link != robot.base:
                path.insert(0, by_child[link])
                link = path[0].parent
        except KeyError as error:
            raise ConfigError(
                f"robot: urdf {robot.urdf} has no chain of joints from {robot.base!r} to {robot.tool!r} ({error}); "
                "correct base, tool and rest of the robot file"
            ) from error
        self.lower = np.array([joint.lower for joint in commanded])
        """(J,) rad, lower limits; minus infinity where the URDF has none."""
        self.upper = np.array([joint.upper for joint in commanded])
        """(J,) rad, upper limits."""
        self.max_velocity = np.array([joint.max_velocity for joint in commanded])
        """(J,) rad/s, infinite where the URDF has none."""
        moving, before, tool = _merge_fixed(path, robot)
        self._tip, self._tool_rotation = tool @ [*robot.tip, 1.0], tool[:3, :3]
        self._columns = np.array([robot.joints.index(joint.name) for joint in moving], dtype=int)
        self._axes = np.array([joint.axis for joint in moving]).reshape(-1, 3, 1)
        self._slides = np.array([joint.kind == "prismatic" for joint in moving], dtype=bool)
        terms = [_terms(joint, fixed) for joint, fixed in zip(moving, before)]
        self._terms = np.array(terms).reshape(-1, 4, 16)

    def forward(self, joints: Array) -> ToolPose:
        """Return the tool's pose and Jacobian for joint positions (J,), rad."""
        moving, count = joints[self._columns], len(self._columns)
        features = np.empty((count, 1, 4))
        features[:, 0, 0], features[:, 0, 1] = 1.0, moving
        features[:, 0, 2], features[:, 0, 3] = np.sin(moving), np.cos(moving)
        frames = (features @ self._terms).reshape(count, 4, 4)
        for before, frame in itertools.pairwise(frames):
            before.dot(frame, out=frame)
        last = frames[-1] if count else np.eye(4)
        position = (last @ self._tip)[:3]
        jacobian = np.zeros((6, len(joints)))
        jacobian[:, self._columns] = self._twists(frames, position)
        return ToolPose(position, last[:3, :3] @ self._tool_rotation, jacobian)

    def _twists(self, frames: Array, position: Array) -> Array:
        """Return (6, K), how each joint moves and turns the tool; ``frames`` (K, 4, 4) are the joints'."""
        axes = (frames[:, :3, :3] @ self._axes)[:, :, 0].T
        twists = np.empty((6, len(frames)))
        twists[:3], twists[3:] = cross(axes, position[:, None] - frames[:, :3, 3].T), axes
        if self._slides.any():
            twists[:3, self._slides], twists[3:, self._slides] = axes[:, self._slides], 0.0
        return twists

    def step_towards(self, joints: Array, position: Array, rotation: Array) -> Array:
        """Return (J,) rad, the joint positions one damped least-squares step from ``joints`` (J,) towards a tool pose.

        With the constant ``DAMPING`` no joint runs away near a singularity, and the tool covers about nine tenths of
        the way elsewhere: what a script that looks at the arm at every step wants. Wampler 1986,
        doi:10.1109/TSMC.1986.289285.
        """
        pose = self.forward(joints)
        return self._clipped(joints + _least_squares(pose.jacobian, _error(pose, position, rotation), DAMPING**2))

    def inverse(self, joints: Array, position: Array, rotation: Array, within_limits: bool = False) -> Array:
        """Return (J,) rad, joint positions near ``joints`` (J,) that have the tool at a pose.

        Least squares, damped by the error that is left, so that a redundant arm keeps its posture as far as it can;
        where the pose is out of reach it ends at one nearby. Sugihara 2011, doi:10.1109/TRO.2011.2148230.

        Args:
            joints: where to begin, rad.
            position: (3,) m, of the tip in the base frame.
            rotation: (3, 3) of the link that carries the tool.
            within_limits: whether each iteration is clipped to the joints' limits.
        """
        before = np.inf
        for _ in range(ITERATIONS):
            pose = self.forward(joints)
            error = _error(pose, position, rotation)
            largest, squares = float(np.abs(error).max()), float(error @ error)
            if largest < EXACT or squares > PROGRESS * before:
                break
            joints = joints + _least_squares(pose.jacobian, error, squares + EXACT)
            joints = self._clipped(joints) if within_limits else joints
            if largest < LAST:
                break
            before = squares
        return joints

    def _clipped(self, joints: Array) -> Array:
        return joints.clip(self.lower, self.upper)


def _error(pose: ToolPose, position: Array, rotation: Array) -> Array:
    """Return (6,), m above rad, what is left to go from a tool pose."""
    return np.concatenate([position - pose.position, rotation_vector(rotation @ pose.rotation.T)])


def _least_squares(jacobian: Array, error: Array, damping: float) -> Array:
    """Return (J,) rad that reduces an error (6,); ``damping`` is what a squared singular value is compared with."""
    damped = jacobian @ jacobian.T
    damped.flat[::7] += damping
    step: Array = jacobian.T @ np.linalg.solve(damped, error)
    return step


def _merge_fixed(path: list[UrdfJoint], robot: Robot) -> tuple[list[UrdfJoint], list[Array], Array]:
    """Return the commanded joints of a path, the fixed transform (4, 4) before each, and the one after the last."""
    moving, before, fixed = list[UrdfJoint](), list[Array](), np.eye(4)
    for joint in path:
        if joint.kind != "fixed" and joint.name in robot.rest:
            moving.append(joint)
            before.append(fixed @ joint.origin)
            fixed = np.eye(4)
        else:
            fixed = fixed @ joint.transform(robot.held.get(joint.name, 0.0))
    return moving, before, fixed


def _terms(joint: UrdfJoint, fixed: Array) -> Array:
    """Return (4, 4, 4), what the joint's transform has of 1, q, sin q and cos q; ``fixed`` (4, 4) comes before it."""
    terms = np.zeros((4, 4, 4))
    terms[0] = np.eye(4)
    if joint.kind == "prismatic":
        terms[1, :3, 3] = joint.axis
    else:
        cross = skew(joint.axis)  # Rodrigues' formula
        terms[0, :3, :3] += cross @ cross
        terms[2, :3, :3], terms[3, :3, :3] = cross, -cross @ cross
    products: Array = fixed @ terms
    return products


def cross(a: Array, b: Array) -> Array:
    """Return (3, N), the cross products of columns; numpy's own takes several times as long for few of them."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
