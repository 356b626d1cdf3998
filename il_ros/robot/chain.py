# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The joints between an arm's base and its tool, as its URDF has them: forward kinematics, Jacobian, and inverse."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.frames import from_rpy, matrix, rotation_vector
from il_ros.core.types import Array
from il_ros.robot.description import Robot

EXACT, ROUNDS = 1e-8, 20
"""The inverse ends at this error, m and rad alike, or after so many rounds."""


class ChainJoint(NamedTuple):
    """One joint of the chain."""

    place: Array
    """(3,) m, of its frame in the frame before it."""
    turn: Array
    """(3, 3) of its frame in the frame before it."""
    axis: Array
    """(3,) unit length, in its own frame."""
    column: int
    """Which of the robot's joints it is; -1 for one that stays at ``held``."""
    slides: bool
    held: float


class Posture(NamedTuple):
    """Where a posture has the tool's tip."""

    position: Array
    """(3,) m, in the base frame."""
    turn: Array
    """(3, 3) of the link that carries the tool."""
    jacobian: Array
    """(6, J): m/rad of the tip above rad/rad of the link."""


class KinematicChain:
    """The joints of a robot from its base to its tool; no simulation is needed for it.

    Raises:
        ConfigError: if the description has no such chain.
    """

    def __init__(self, robot: Robot) -> None:
        self._count, self._tip = len(robot.joints), np.array(robot.tip)
        try:
            joints = list(ElementTree.parse(robot.urdf).getroot().findall("joint"))
            above = {_link(joint, "child"): joint for joint in joints}
            limits = {str(joint.get("name")): _limits(joint) for joint in joints}
            self._joints, link = list[ChainJoint](), robot.tool
            while link != robot.base:
                self._joints.insert(0, _joint(above[link], robot))
                link = _link(above[link], "parent")
        except (OSError, ElementTree.ParseError, ValueError, KeyError) as error:
            raise ConfigError(
                f"robot: urdf {robot.urdf} has no chain of joints from {robot.base!r} to {robot.tool!r} ({error}); "
                "mend base and tool of the robot file"
            ) from error
        self.lower, self.upper, self.fastest = np.array([limits[name] for name in robot.joints]).T
        """(J,) each: the limits, rad, and the greatest velocity, rad/s; infinite where the description has none."""

    def posture(self, joints: Array) -> Posture:
        """Where joints (J,), rad, have the tool."""
        position, turn = np.zeros(3), np.eye(3)
        moving: list[tuple[ChainJoint, Array, Array]] = []
        for joint in self._joints:
            position, turn = position + turn @ joint.place, turn @ joint.turn
            if joint.column >= 0:
                moving.append((joint, position, turn @ joint.axis))
            value = float(joints[joint.column]) if joint.column >= 0 else joint.held
            if joint.slides:
                position = position + turn @ joint.axis * value
            elif value:
                turn = turn @ _about(joint.axis, value)
        position = position + turn @ self._tip
        jacobian = np.zeros((6, self._count))
        for joint, origin, axis in moving:
            jacobian[:3, joint.column] = axis if joint.slides else _cross(axis, position - origin)
            jacobian[3:, joint.column] = 0.0 if joint.slides else axis
        return Posture(position, turn, jacobian)

    def reach(self, joints: Array, position: Array, turn: Array) -> Array:
        """(J,) rad, the posture that has the tip at a position (3,), m, and its link turned by a matrix (3, 3).

        Least squares from ``joints`` (J,), damped by the error that is left, so that no joint turns which need not;
        where there is no such posture it ends at one nearby. Limits are not looked at. Sugihara 2011,
        doi:10.1109/TRO.2011.2148230.
        """
        for _ in range(ROUNDS):
            now = self.posture(joints)
            error = np.concatenate([position - now.position, rotation_vector(turn @ now.turn.T)])
            if np.abs(error).max() < EXACT:
                break
            damped = now.jacobian @ now.jacobian.T + (error @ error + EXACT) * np.eye(6)
            joints = joints + now.jacobian.T @ np.linalg.solve(damped, error)
        return joints


def _joint(element: ElementTree.Element, robot: Robot) -> ChainJoint:
    """A joint of a URDF; one that can move and that the robot does not name stays at 0."""
    name, kind = str(element.get("name")), element.get("type")
    column = robot.joints.index(name) if kind != "fixed" and name in robot.rest else -1
    held = float(robot.held.get(name, 0.0)) if kind != "fixed" and column < 0 else 0.0
    axis = _numbers(element, "axis", "xyz", "1 0 0") if kind != "fixed" else np.array([1.0, 0.0, 0.0])
    place, rpy = (_numbers(element, "origin", key, "0 0 0") for key in ("xyz", "rpy"))
    return ChainJoint(place, matrix(from_rpy(*rpy)), axis / np.linalg.norm(axis), column, kind == "prismatic", held)


def _numbers(element: ElementTree.Element, tag: str, key: str, default: str) -> Array:
    part = element.find(tag)
    return np.array([float(word) for word in (part.get(key, default) if part is not None else default).split()])


def _link(element: ElementTree.Element, end: str) -> str:
    part = element.find(end)
    return "" if part is None else str(part.get("link"))


def _limits(element: ElementTree.Element) -> tuple[float, float, float]:
    """Lower, upper, and the greatest velocity."""
    part = element.find("limit")
    if part is None:
        return -np.inf, np.inf, np.inf
    lower, upper = (float(part.get(key, 0.0)) for key in ("lower", "upper"))
    if element.get("type") == "continuous" or lower >= upper:
        lower, upper = -np.inf, np.inf
    return lower, upper, float(part.get("velocity", 0.0)) or np.inf


def _about(axis: Array, angle: float) -> Array:
    """(3, 3) that turns about an axis (3,) of length 1 by an angle, rad: Rodrigues' formula."""
    x, y, z = axis
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: Array = np.eye(3) + np.sin(angle) * across + (1.0 - np.cos(angle)) * across @ across
    return turned


def _cross(a: Array, b: Array) -> Array:
    """(3,) as numpy's, which takes long for three numbers."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
