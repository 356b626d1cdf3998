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
from il_ros.sim.physics import TABLE, TABLE_CENTRE, UP, PhysicsClient, rgb
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
    "front": Mount((0.85, -0.35, 0.75), (0.46, 0.0, 0.04), (0.0, 0.0, 1.0), 36.0),
    "wrist": Mount((0.12, 0.0, -0.1), (0.03, 0.0, 0.03), (0.0, 0.0, -1.0), 75.0, on_tool=True),
}
"""The cameras by name. Both see the whole of the table that tasks use, the wrist's from where the tool starts."""
PIXELS, RATE_HZ = 72, 20.0
"""Side and rate of the images of ``from_pictures``: as few pixels as tell a centimetre, a multiple of the squares of
``patch``; and a new one at every step."""


def from_pictures(contract: Contract) -> Contract:
    """Return a contract whose policy sees all cameras in the place of the objects' poses."""
    return replace(
        contract,
        observation=tuple(part for part in contract.observation if part.topic != OBJECTS.name),
        topics={name: kind for name, kind in contract.topics.items() if name != OBJECTS.name},
        equal_objects=(),
        images=tuple(
            ImageComponent(camera, f"{camera}/image_raw", width=PIXELS, height=PIXELS, rate_hz=RATE_HZ)
            for camera in MOUNTS
        ),
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
    The table, of one colour and behind everything, is a third of the renderer's work, so ``TableTop`` puts it in.
    """

    def __init__(self, robot: Robot, task: Task) -> None:
        self._world, self._tip = PhysicsClient(), np.array(robot.tip)
        with as_drawn(robot) as urdf:
            self._arm = self._world.load(str(urdf))
        self._table = TableTop(self._world)
        self._world.add_lines(task)
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
        pixels, depth = self._world.rgba_and_depth(width, height, points[0], points[1], mount.field_of_view, up)
        self._table.put_into(pixels, depth, points[0], points[1], mount.field_of_view, up)
        return rgb(pixels)

    def close(self) -> None:
        """Free the client; a second call does nothing."""
        self._world.close()


class TableTop:
    """Puts the top of the table into pictures that were drawn without it: the pixels that the renderer would draw.

    A plane has one colour in the renderer's light. The table's edge is not drawn, which the cameras do not see.

    Args:
        world: which draws the table once, to see what colour that is.
    """

    def __init__(self, world: PhysicsClient) -> None:
        self._world = world
        table, above = world.add_table(solid=False), np.array([*TABLE_CENTRE[:2], 1.0])
        drawn, _ = world.rgba_and_depth(8, 8, above, np.array(TABLE_CENTRE), 10.0, np.array([1.0, 0.0, 0.0]))
        self._colour = drawn.view(np.uint32)[4, 4, 0]
        world.call("removeBody", table)
        low, high = (np.array(TABLE_CENTRE) + side * np.array(TABLE.size) / 2.0 for side in (-1.0, 1.0))
        self._corners = np.array([[*low[:2], high[2]], high])

    def put_into(
        self, pixels: Array, depth: Array, eye: Array, target: Array, field_of_view: float, up: Array = UP
    ) -> None:
        """Colour the ``pixels`` (H, W, 4) that see nothing nearer, by its ``depth`` (H, W), m.

        A ray meets the top if it is on the inner side of four planes, each through the eye and an edge.
        """
        height, width = depth.shape
        frame = self._world.call_plain("computeViewMatrix", eye.tolist(), target.tolist(), up.tolist())
        view = np.reshape(frame, (4, 4))  # right, up and back, in columns
        scale = math.tan(math.radians(field_of_view) / 2.0) / height
        rays = np.array([-view[:3, 2], scale * view[:3, 0], -scale * view[:3, 1]])  # ahead, and a half pixel aside
        across = 2 * np.arange(width) - width  # the renderer looks through the lower left corner of a pixel
        below = 2 * np.arange(height)[:, None] + 2 - height
        down = self._corners[0, 2] - eye[2]
        drop = rays[0, 2] + rays[1, 2] * across + rays[2, 2] * below  # (H, W), of each ray, for every metre ahead
        sees = drop * depth < down
        for side, corner in zip((1.0, -1.0), self._corners):
            for axis in (0, 1):
                normal = side * ((eye[axis] - corner[axis]) * UP + down * np.eye(3)[axis])
                ahead, right, low = rays @ normal
                sees &= ahead + right * across <= -low * below
        np.copyto(pixels.view(np.uint32)[:, :, 0], self._colour, where=sees)


def _mount(name: str) -> Mount:
    if name not in MOUNTS:
        raise unknown("camera of the simulation,", name, MOUNTS)
    return MOUNTS[name]
