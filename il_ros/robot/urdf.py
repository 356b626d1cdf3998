# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The URDF parser: the joints of an arm, from which kinematics and frames are derived; meshes are in ``urdf_model``."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.frames import from_rpy, matrix
from il_ros.core.types import Array

SYNTAX_ERRORS = (OSError, ElementTree.ParseError, ValueError, AttributeError, TypeError)
"""What a file raises that is not a URDF."""
X_AXIS = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True)
class UrdfJoint:
    """One joint: how a link is attached to the one before it."""

    name: str
    kind: str
    """``revolute``, ``continuous``, ``prismatic``, ``fixed``, ..."""
    parent: str
    child: str
    position: Array
    """(3,) m, the child's frame in the parent's when the joint is at zero."""
    quaternion: Array
    """(4,) x y z w, the orientation of the child's frame in the parent's when the joint is at zero."""
    axis: Array
    """(3,) of length 1, in the child's frame."""
    lower: float
    """rad or m; minus infinity where the URDF has no limit."""
    upper: float
    max_velocity: float
    """rad/s or m/s; infinite where the URDF has none."""

    @cached_property
    def origin(self) -> Array:
        """(4, 4) the child's frame in the parent's when the joint is at zero."""
        return homogeneous(matrix(self.quaternion), self.position)

    def transform(self, value: float) -> Array:
        """Return (4, 4), the child's frame in the parent's; ``value`` is in rad or m."""
        motion = np.eye(4)
        if self.kind == "prismatic":
            motion[:3, 3] = value * self.axis
        elif self.kind != "fixed" and value:
            cross = skew(self.axis)  # Rodrigues' formula
            motion[:3, :3] += np.sin(value) * cross + (1.0 - np.cos(value)) * cross @ cross
        placed: Array = self.origin @ motion
        return placed


def read_joints(path: str | Path) -> tuple[UrdfJoint, ...]:
    """Read the joints of a URDF, each after the joint that its parent link is attached by.

    Raises:
        ConfigError: if the file cannot be read, or its links are not one tree.
    """
    try:
        return _in_order([_joint(element) for element in ElementTree.parse(path).getroot().findall("joint")])
    except SYNTAX_ERRORS as error:
        raise ConfigError(f"URDF {path} cannot be read ({error}); correct the file") from error


def homogeneous(rotation: Array, position: Array) -> Array:
    """Return (4, 4), the transform of a rotation (3, 3) and a position (3,)."""
    placed = np.eye(4)
    placed[:3, :3], placed[:3, 3] = rotation, position
    return placed


def skew(vector: Array) -> Array:
    """Return (3, 3), the matrix that multiplies as the cross product with ``vector`` (3,) does."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def numbers(element: ElementTree.Element | None, attribute: str, default: str) -> Array:
    """Return (N,), the numbers of an attribute; those of ``default`` where there is no such element or attribute."""
    text = default if element is None else element.get(attribute, default)
    return np.array([float(word) for word in text.split()])


def origin(element: ElementTree.Element) -> tuple[Array, Array]:
    """Return the position (3,), m, and the quaternion (4,) of an element's ``origin``."""
    part = element.find("origin")
    return numbers(part, "xyz", "0 0 0"), from_rpy(*numbers(part, "rpy", "0 0 0"))


def _joint(element: ElementTree.Element) -> UrdfJoint:
    kind, (position, quaternion) = element.get("type", "fixed"), origin(element)
    axis = X_AXIS if kind == "fixed" else numbers(element.find("axis"), "xyz", "1 0 0")
    return UrdfJoint(
        element.get("name", ""),
        kind,
        element.find("parent").get("link", ""),  # type: ignore[union-attr]
        element.find("child").get("link", ""),  # type: ignore[union-attr]
        position,
        quaternion,
        axis / np.linalg.norm(axis),
        *_limits(element.find("limit"), kind),
    )


def _limits(limit: ElementTree.Element | None, kind: str) -> tuple[float, float, float]:
    """Return lower limit, upper limit and greatest velocity."""
    if limit is None:
        return -np.inf, np.inf, np.inf
    lower, upper, velocity = (float(limit.get(key, 0.0)) for key in ("lower", "upper", "velocity"))
    if kind == "continuous" or lower >= upper:
        lower, upper = -np.inf, np.inf
    return lower, upper, velocity or np.inf


def _in_order(joints: list[UrdfJoint]) -> tuple[UrdfJoint, ...]:
    ordered: list[UrdfJoint] = []
    placed = {joint.parent for joint in joints} - {joint.child for joint in joints}
    while len(ordered) < len(joints):
        ready = [joint for joint in joints if joint.parent in placed and joint.child not in placed]
        if not ready:
            raise ValueError("its links are not one tree")
        ordered += ready
        placed |= {joint.child for joint in ready}
    return tuple(ordered)
