# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The physics simulation: the one owner of a PyBullet client, headless, with a table, an arm and other bodies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.sim.tasks.base import Body, Task, upright


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the C library prints (its build time, warnings of the URDF reader) off our output."""
    saved = [os.dup(stream) for stream in (1, 2)]
    with open(os.devnull, "wb") as sink:
        try:
            for stream in (1, 2):
                os.dup2(sink.fileno(), stream)
            yield
            ctypes.CDLL(None).fflush(None)
        finally:
            for stream, copy in zip((1, 2), saved):
                os.dup2(copy, stream)
                os.close(copy)


try:
    with _quiet():
        import pybullet
        import pybullet_data
except ImportError:  # it has no wheels for Python 3.12 and later; all but the simulation works without it
    pybullet = None

SUBSTEP_HZ = 240
UP = np.array([0.0, 0.0, 1.0])
LIGHT = {
    "lightDirection": (0.3, -0.4, 1.0), "lightColor": (1.0, 1.0, 1.0), "lightDistance": 2.0, "shadow": 0,
    "lightAmbientCoeff": 0.6, "lightDiffuseCoeff": 0.35, "lightSpecularCoeff": 0.05, "renderer": 65536, "flags": 4,
}  # fmt: skip
"""How pictures are lit; by the software renderer, without a mask of segments."""
NEAR_M, FAR_M = 0.01, 4.0
"""What is nearer or farther is not drawn."""
TABLE, TABLE_CENTRE = Body("table", "box", (0.9, 0.9, 0.04), 0.0, (0.93, 0.93, 0.91, 1.0)), (0.45, 0.0, -0.02)
BLUE = (0.0, 0.45, 0.7, 1.0)
CORNERS = 200
"""A line is drawn with so many points at most."""


class PhysicsClient:
    """A PyBullet client with gravity, a fixed time step and no randomness; a context manager, or ``close`` it.

    One that is forgotten is closed when it is collected.

    Raises:
        ConfigError: if there is no PyBullet.
    """

    def __init__(self) -> None:
        if pybullet is None:
            raise ConfigError(
                "the simulation needs PyBullet, which cannot be imported; il-ros doctor tells how to install it, or "
                "drive a real arm"
            )
        with _quiet():
            self.client: int = pybullet.connect(pybullet.DIRECT)
        self._disconnect = weakref.finalize(self, pybullet.disconnect, self.client)
        self.call("setAdditionalSearchPath", pybullet_data.getDataPath())
        self.call("setGravity", 0.0, 0.0, -9.81)
        self.call("setPhysicsEngineParameter", fixedTimeStep=1.0 / SUBSTEP_HZ, deterministicOverlappingPairs=1)

    def call(self, function: str, *arguments: Any, **options: Any) -> Any:
        """Call a function of PyBullet on this client."""
        return getattr(pybullet, function)(*arguments, physicsClientId=self.client, **options)

    def load(self, urdf: str) -> int:
        """Load a fixed body from a URDF of ``pybullet_data``; returns its id."""
        with _quiet():
            return int(self.call("loadURDF", urdf, useFixedBase=True))

    def furnish(self, task: Task, solid: bool) -> None:
        """Set up the table and the lines of a task; things can lie on it if ``solid``, and if the task has it so."""
        self.add_table(solid and task.table_is_solid)
        self.add_lines(task)

    def add_table(self, solid: bool) -> int:
        """Set up the table; return its number."""
        table = self.add_body(TABLE, solid)
        self.place([table], upright(np.array([TABLE_CENTRE])))
        return table

    def add_lines(self, task: Task) -> None:
        """Draw the lines of a task on the table."""
        for line in task.lines:
            drawn = line[np.linspace(0, len(line) - 1, min(CORNERS, len(line))).round().astype(int)]
            self.add_ribbon(np.column_stack([drawn, np.full(len(drawn), 0.002)]), 0.003, BLUE)

    def add_ribbon(self, path: Array, half_width: float, colour: tuple[float, float, float, float]) -> None:
        """Lay a ribbon along ``path`` (N, 3), metres, seen from above but never touched; one body for all of it.

        Every body that is there costs time at every step of physics, also one that cannot be touched.
        """
        along = np.gradient(path[:, :2], axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        aside = half_width * np.column_stack([-along[:, 1], along[:, 0], np.zeros(len(path))])
        edges = np.stack([path + aside, path - aside], axis=1).reshape(-1, 3)
        first = 2 * np.arange(len(path) - 1)[:, None]
        triangles = np.hstack([first, first + 1, first + 2, first + 2, first + 1, first + 3])
        shape = self.call(
            "createVisualShape", pybullet.GEOM_MESH, vertices=edges.tolist(), indices=triangles.ravel().tolist(),
            normals=[(0.0, 0.0, 1.0)] * len(edges), rgbaColor=colour,
        )  # fmt: skip
        self.call("createMultiBody", 0, -1, shape)

    def add_body(self, body: Body, solid: bool = True) -> int:
        """Add a body; return its number. It is moved from episode to episode, never made anew.

        One that is not solid, or not to be, is only drawn.
        """
        collision, visual = -1, self._shape("Visual", body, rgbaColor=body.colour)
        solid = solid and body.solid
        if solid:
            collision = self._shape("Collision", body)
        number = int(self.call("createMultiBody", body.mass_kg if solid else 0.0, collision, visual))
        if solid:
            self.call("changeDynamics", number, -1, lateralFriction=body.friction)
        return number

    def _shape(self, kind: str, body: Body, **options: Any) -> int:
        """Make a ``Visual`` or a ``Collision`` shape."""
        if body.shape == "cylinder":
            across, _, height = body.size
            options["length" if kind == "Visual" else "height"] = height
            return int(self.call(f"create{kind}Shape", pybullet.GEOM_CYLINDER, radius=across / 2, **options))
        halves = [[extent / 2 for extent in size] for size, _ in body.boxes]
        if not body.parts:
            return int(self.call(f"create{kind}Shape", pybullet.GEOM_BOX, halfExtents=halves[0], **options))
        if options:
            options = {"rgbaColors": [options["rgbaColor"]] * len(halves)}
        return int(
            self.call(
                f"create{kind}ShapeArray", shapeTypes=[pybullet.GEOM_BOX] * len(halves), halfExtents=halves,
                **{f"{kind.lower()}FramePositions": [list(centre) for _, centre in body.parts]}, **options,
            )
        )  # fmt: skip

    def place(self, bodies: Sequence[int], poses: Array) -> None:
        """Put bodies at ``poses`` (N, 7), at rest."""
        for body, pose in zip(bodies, poses.tolist()):
            self.call("resetBasePositionAndOrientation", body, pose[:3], pose[3:])

    def park(self, bodies: Sequence[int]) -> None:
        """Put bodies far from the arm and from each other, so that no contact is left of what was before.

        A state that is restored leaves contacts that it does not have itself where they are.
        """
        places = np.zeros((len(bodies), 7))
        places[:, 0], places[:, 2], places[:, 6] = 3.0 + np.arange(len(bodies)), 3.0, 1.0
        self.place(bodies, places)
        self.call("performCollisionDetection")

    def poses(self, bodies: Sequence[int]) -> Array:
        """Return (N, 7), where bodies are, x y z and x y z w."""
        placed = [pybullet.getBasePositionAndOrientation(body, self.client) for body in bodies]
        return np.array([(*position, *quaternion) for position, quaternion in placed]).reshape(-1, 7)

    def velocities(self, bodies: Sequence[int]) -> Array:
        """Return (N, 6), how fast bodies move, m/s, and turn, rad/s, about the axes of the base frame."""
        moving = [pybullet.getBaseVelocity(body, self.client) for body in bodies]
        return np.array([(*linear, *angular) for linear, angular in moving]).reshape(-1, 6)

    def touching(self, body: int, link: int | None = None) -> set[int]:
        """Return the bodies that ``body``, or one link of it, touches."""
        where = {} if link is None else {"linkIndexA": link}
        return {contact[2] for contact in pybullet.getContactPoints(body, physicsClientId=self.client, **where)}

    def step(self) -> None:
        """Advance physics by 1/240 s."""
        pybullet.stepSimulation(self.client)

    def picture(
        self, width: int, height: int, eye: Array, target: Array, field_of_view: float, up: Array = UP
    ) -> Array:
        """Return (height, width, 3) uint8, drawn by PyBullet's software renderer."""
        return rgb(self._drawn(width, height, eye, target, field_of_view, up)[0])

    def rgba_and_depth(
        self, width: int, height: int, eye: Array, target: Array, field_of_view: float, up: Array = UP
    ) -> tuple[Array, Array]:
        """Return a picture (H, W, 4) uint8, and (H, W) m, how far ahead of the eye what it shows is."""
        pixels, depth = self._drawn(width, height, eye, target, field_of_view, up)
        buffer = np.reshape(np.asarray(depth, dtype=np.float32), (height, width))
        return pixels, FAR_M * NEAR_M / (FAR_M - (FAR_M - NEAR_M) * buffer)

    def _drawn(
        self, width: int, height: int, eye: Array, target: Array, field_of_view: float, up: Array
    ) -> tuple[Array, Any]:
        """Return a picture (H, W, 4) uint8, and the renderer's buffer of depths.

        All options are given always: those of one call hold for later ones that leave them out.
        """
        view = self.call_plain("computeViewMatrix", eye.tolist(), target.tolist(), up.tolist())
        lens = self.call_plain("computeProjectionMatrixFOV", field_of_view, width / height, NEAR_M, FAR_M)
        image = self.call("getCameraImage", width, height, view, lens, **LIGHT)
        return np.reshape(np.asarray(image[2], dtype=np.uint8), (height, width, 4)), image[3]

    @staticmethod
    def call_plain(function: str, *arguments: Any) -> Any:
        """Call a function of PyBullet that belongs to no client."""
        return getattr(pybullet, function)(*arguments)

    def close(self) -> None:
        """Disconnect the client; a second call does nothing."""
        self._disconnect()

    def __enter__(self) -> PhysicsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def rgb(pixels: Array) -> Array:
    """Return (H, W, 3) of (H, W, 4), in a fifth of the time that a copy of the slice takes."""
    result = np.empty((*pixels.shape[:2], 3), dtype=np.uint8)
    for colour in range(3):
        result[:, :, colour] = pixels[:, :, colour]
    return result
