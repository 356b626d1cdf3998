# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rotations as unit quaternions (x y z w), and the frames of a device's vectors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from il_ros.core.types import Array

IDENTITY = (0.0, 0.0, 0.0, 1.0)


class Frame(NamedTuple):
    """The rotation of a frame against the base frame."""

    quaternion: tuple[float, float, float, float] = IDENTITY
    """Against the base frame, or against the link that carries the tool if the frame turns with it."""
    turns_with_tool: bool = False

    def in_base(self, vector: ArrayLike, tool_quaternion: ArrayLike) -> Array:
        """Return a vector (3,) of this frame in the base frame."""
        turned = rotated(vector, self.quaternion)
        return rotated(turned, tool_quaternion) if self.turns_with_tool else turned


def rotated(vector: ArrayLike, quaternion: ArrayLike) -> Array:
    """Return a vector (3,) rotated by a unit quaternion, x y z w."""
    x, y, z, w = np.asarray(quaternion, dtype=np.float64).tolist()  # numpy takes ten times as long for single numbers
    a, b, c = np.asarray(vector, dtype=np.float64).tolist()
    p, q, r = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return np.array([a + w * p + (y * r - z * q), b + w * q + (z * p - x * r), c + w * r + (x * q - y * p)])


def product(first: ArrayLike, second: ArrayLike) -> Array:
    """Return the quaternion (4,) that rotates by ``second`` and then by ``first``."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])


def inverse(quaternion: ArrayLike) -> Array:
    """Return the inverse rotation (4,)."""
    turned: Array = np.asarray(quaternion, dtype=np.float64) * (-1.0, -1.0, -1.0, 1.0)
    return turned


def from_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """Return the quaternion (4,) of a URDF's ``rpy``, rad."""
    x, y, z = (np.array([np.sin(angle / 2), np.cos(angle / 2)]) for angle in (roll, pitch, yaw))
    about_x, about_y, about_z = ([x[0], 0, 0, x[1]], [0, y[0], 0, y[1]], [0, 0, z[0], z[1]])
    return product(about_z, product(about_y, about_x))


def matrix(quaternion: ArrayLike) -> Array:
    """Return the rotation matrix (3, 3) of a quaternion, which need not be of length 1.

    A quaternion of zeros is no rotation; its matrix is NaN.
    """
    x, y, z, w = np.asarray(quaternion, dtype=np.float64).tolist()
    length = x * x + y * y + z * z + w * w
    s = 2.0 / length if 0.0 < length < np.inf else np.nan
    return np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
    )


def rotation_matrix(vector: Array) -> Array:
    """Return (3, 3), the rotation by axis times angle (3,), rad; ``rotation_vector`` is its inverse."""
    length = float(np.linalg.norm(vector))
    axis = vector * (math.sin(length / 2.0) / length if length > 1e-12 else 0.5)
    return matrix([*axis, math.cos(length / 2.0)])


def angle(turn: Array) -> float:
    """Return the angle of a rotation matrix (3, 3), rad."""
    return float(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0)))


def rotation_vector(turn: Array) -> Array:
    """Return axis times angle (3,), rad, of a rotation matrix (3, 3); of half a turn, either axis."""
    (a, b, c), (d, e, f), (g, h, i) = turn.tolist()
    x, y, z = (h - f) / 2.0, (c - g) / 2.0, (d - b) / 2.0
    sine, cosine = math.sqrt(x * x + y * y + z * z), (a + e + i - 1.0) / 2.0
    if sine > 1e-9:
        scale = math.atan2(sine, cosine) / sine
        return np.array([scale * x, scale * y, scale * z])
    if cosine > 0.0:
        return np.array([x, y, z])
    projection = (turn + np.eye(3)) / 2.0  # onto the axis of half a turn
    column = projection[:, projection.diagonal().argmax()]
    half_turn: Array = math.pi * column / np.linalg.norm(column)
    return half_turn


def shortened(vector: Array, longest: float) -> Array:
    """Return the vector, scaled down to a length of at most ``longest``."""
    return vector * min(1.0, longest / max(float(np.linalg.norm(vector)), 1e-9))
