# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated cameras: one beside the table and one at the wrist, drawn by a client of their own without physics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.errors import unknown
from il_ros.core.frames import matrix, rotated
from il_ros.core.topics import OBJECTS
from il_ros.core.types import Array
from il_ros.robot.description import Robot
from il_ros.sim.physics import PhysicsClient
from il_ros.sim.tasks.base import Task
from il_ros.sim.urdf_variants import as_drawn

SIZE = (96, 96)
"""Width and height of a picture, pixels, unless others are asked for."""


@dataclass(frozen=True)
class Mount:
    """Where a camera is, and where it looks; m, in the base frame or in that of the tool's tip."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    up: tuple[float, float, float]
    field_of_view: float
    """degrees, from the lower to the upper edge."""
    on_tool: bool = False


MOUNTS = {
    "front": Mount((1.0, -0.4, 0.55), (0.43, 0.0, 0.04), (0.0, 0.0, 1.0), 42.0),
    "wrist": Mount((0.085, 0.0, -0.1), (0.0, 0.0, 0.015), (0.0, 0.0, -1.0), 65.0, on_tool=True),
}
"""The cameras by name."""


def from_pictures(contract: Contract) -> Contract:
    """Return a contract whose policy sees all cameras in the place of the objects' poses."""
    return replace(
        contract,
        observation=tuple(part for part in contract.observation if part.topic != OBJECTS.name),
        topics={name: kind for name, kind in contract.topics.items() if name != OBJECTS.name},
        images=tuple(ImageComponent(camera, f"{camera}/image_raw") for camera in MOUNTS),
    )


def intrinsics(name: str, width: int, height: int) -> Array:
    """Return (3, 3), the matrix K of a camera's CameraInfo: square pixels, no distortion.

    Raises:
        ConfigError: if there is no such camera.
    """
    focal = height / 2.0 / math.tan(math.radians(_mount(name).field_of_view) / 2.0)
    return np.array([[focal, 0.0, width / 2.0], [0.0, focal, height / 2.0], [0.0, 0.0, 1.0]])


class Cameras:
    """Draws arm, table and bodies where they are said to be; the same pixels in every process.

    The arm is drawn by its collision meshes: its own have thirty times as many triangles, and take ten times as long.
    """

    def __init__(self, robot: Robot, task: Task) -> None:
        self._world, self._tip = PhysicsClient(), np.array(robot.tip)
        with as_drawn(robot) as urdf:
            self._arm = self._world.load(str(urdf))
        self._world.furnish(task, solid=False)
        self._bodies = [self._world.add_body(body, solid=False) for body in task.bodies]
        info = [
            self._world.call("getJointInfo", self._arm, j) for j in range(self._world.call("getNumJoints", self._arm))
        ]
        self._joints = {i[1].decode(): i[0] for i in info}
        self._tool = next(i[0] for i in info if i[12].decode() == robot.tool)

    def images(
        self, positions: Mapping[str, float], poses: Array, names: Iterable[str], size: Sequence[int] = SIZE
    ) -> dict[str, Array]:
        """Return (H, W, 3) uint8 of each camera in ``names``.

        Args:
            positions: of the arm's joints, rad or m; joints that are not named are at zero.
            poses: (N, 7) of the task's bodies.
            names: of the cameras.
            size: width and height, pixels.

        Raises:
            ConfigError: if there is no such camera.
        """
        for name, joint in self._joints.items():
            self._world.call("resetJointState", self._arm, joint, positions.get(name, 0.0), 0.0)
        self._world.place(self._bodies, poses)
        return {name: self._image(_mount(name), *size) for name in names}

    def _image(self, mount: Mount, width: int, height: int) -> Array:
        points = np.array([mount.eye, mount.target])
        up = np.array(mount.up)
        if mount.on_tool:
            state = self._world.call("getLinkState", self._arm, self._tool, computeForwardKinematics=1)
            turned = matrix(state[5])
            points = points @ turned.T + state[4] + rotated(self._tip, state[5])
            up = turned @ up
        return self._world.picture(width, height, points[0], points[1], mount.field_of_view, up)

    def close(self) -> None:
        """Free the client; a second call does nothing."""
        self._world.close()


def _mount(name: str) -> Mount:
    if name not in MOUNTS:
        raise unknown("camera of the simulation,", name, MOUNTS)
    return MOUNTS[name]
