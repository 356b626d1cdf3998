# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The 3-D view of the arm and its surroundings in the browser (WebGL, three.js, by viser), and its drag handles."""

from __future__ import annotations

import contextlib
import functools
import io
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
import viser
import websockets.asyncio.server

from il_ros.core.types import Array, RobotState
from il_ros.robot.urdf_model import UrdfModel
from il_ros.web_ui.scene_props import DrawnBody, SceneProps

KEY = "X-Il-Ros-Scene"
"""The header in which a request to the picture's own server has the secret."""
GREEN, BLUE, PINK, ORANGE = (0, 158, 115), (0, 114, 178), (204, 121, 167), (213, 94, 0)
ROWS = 24
"""A path has so many points at most."""


@dataclass(frozen=True)
class Grab:
    """A handle that is dragged."""

    handle: str
    """The tool, or one of the places where the arm can be pushed."""
    start: Array
    """(3,) m, where it was taken hold of; it goes with the arm."""
    end: Array
    """(3,) m, where the pointer is."""


class Scene:
    """Draws the arm, the objects and the planned paths; ``close`` it.

    ``drawn`` completes the joint positions that are measured, as ``Robot.drawn`` does.

    viser's server knows no authentication and takes every origin: so each request to it must carry a secret, which only
    the server of our page knows, and it listens on the loopback interface alone.
    """

    def __init__(
        self,
        model: UrdfModel,
        tool: str,
        handles: Mapping[str, str],
        furniture: SceneProps,
        tip: Sequence[float] = (0.0, 0.0, 0.0),
        drawn: Callable[[Mapping[str, float]], Mapping[str, float]] = dict,
    ) -> None:
        secret = secrets.token_urlsafe(32)
        self.grab: Grab | None = None
        self._model, self._tool, self._handles, self._furniture = model, tool, dict(handles), furniture
        self._tip, self._drawn = np.array([*tip, 1.0]), drawn
        self._positions: dict[str, float] = {}
        self._bodies: list[Any] = []
        with _requiring(KEY, secret), contextlib.redirect_stdout(io.StringIO()):  # its banner's address is closed
            self._server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False, label="il_ros")
        self.address = f"http://127.0.0.1:{self._server.get_port()}", {KEY: secret}
        """Where its own server is, and the headers that each request to it must have."""
        self._placed: dict[str, Array] = {}
        self._paths: dict[str, Any] = {}
        self._turns: dict[str, Any] = {}
        self._look()
        self._furnish()
        self._frames = {link: self._add_link(link) for link in model.meshes}
        self._grips = {name: self._add_grip(name) for name in ("tool", *self._handles)}

    def _look(self) -> None:
        server = self._server
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        server.gui.main_panel.minimize()
        server.scene.set_up_direction("+z")
        server.scene.configure_default_lights(cast_shadow=False)  # which take most of the time of a weak machine
        server.initial_camera.position = (0.08, -0.58, 0.74)  # beside the arm, which would hide its own tool
        server.initial_camera.look_at = (0.33, 0.04, 0.20)

    def _furnish(self) -> None:
        scene, f = self._server.scene, self._furniture
        scene.add_box("/table", (237, 237, 232), (0.9, 0.9, 0.04), position=(0.45, 0.0, -0.02))
        for number, line in enumerate(f.lines):
            points = np.column_stack([line, np.full(len(line), 0.002)])[:: max(1, len(line) // 200)]
            segments = np.stack([points[:-1], points[1:]], axis=1).astype(np.float32)
            scene.add_line_segments(f"/lines/{number}", segments, BLUE, thickness=0.005)

    def _add_link(self, link: str) -> Any:
        frame = self._server.scene.add_frame(f"/arm/{link}", show_axes=False)
        for number, mesh in enumerate(self._model.meshes[link]):
            name = f"/arm/{link}/{number}"
            self._server.scene.add_mesh_simple(name, mesh.vertices, mesh.faces, color=mesh.colour)
        return frame

    def _add_grip(self, name: str) -> Any:
        colour, radius = (GREEN, 0.02) if name == "tool" else (PINK, self._grip_radius(self._handles[name]))
        grip = self._server.scene.add_icosphere(f"/grip/{name}", radius, color=colour, opacity=0.45)

        async def dragged(event: Any) -> None:
            ended = event.phase == "end"
            self.grab = None if ended else Grab(name, np.array(event.start_position), np.array(event.end_position))

        grip.on_drag(dragged)
        return grip

    def _grip_radius(self, link: str) -> float:
        """Return m, so much that it stands out of an elbow, and so little that it does not hide the tool's handle."""
        frames = self._model.frames(self._positions)
        return min(0.08, 0.55 * float(np.linalg.norm(self._tip_in(frames) - frames[link][:3, 3])))

    def show(self, reading: RobotState) -> None:
        """Put the arm and the objects where they are."""
        with self._server.atomic():
            self.pose(dict(zip(reading.joint_names, reading.joint_positions)))
            self._show_bodies(reading.object_poses)

    def pose(self, positions: Mapping[str, float]) -> None:
        """Draw the arm at these joint positions; joints that are not named stay where they are."""
        self._positions |= self._drawn(positions)
        frames = self._model.frames(self._positions)
        for link, frame in self._frames.items():
            if link in self._placed and np.allclose(self._placed[link], frames[link], atol=1e-5):
                continue
            self._placed[link] = frames[link]
            frame.position = frames[link][:3, 3]
            frame.wxyz = viser.transforms.SO3.from_matrix(frames[link][:3, :3]).wxyz
        for name, grip in self._grips.items():
            grip.position = frames[self._handles[name]][:3, 3] if name in self._handles else self._tip_in(frames)

    def _show_bodies(self, poses: Array) -> None:
        for number, body in enumerate(self._furniture.shapes(len(poses))):
            if number == len(self._bodies):
                self._bodies.append(self._add_body(f"/bodies/{number}", body))
        for body, pose in zip(self._bodies, poses):
            if not np.array_equal(body.position, pose[:3]):
                body.position = pose[:3]
            wxyz = pose[[6, 3, 4, 5]]
            if not np.array_equal(body.wxyz, wxyz):
                body.wxyz = wxyz

    def _add_body(self, name: str, body: DrawnBody) -> Any:
        """Add the shapes of a body below one frame."""
        scene = self._server.scene
        red, green, blue = (round(255 * share) for share in body.colour[:3])
        colour = (red, green, blue)
        frame = scene.add_frame(name, show_axes=False)
        for part, (size, centre) in enumerate(body.boxes):
            scene.add_box(f"{name}/{part}", colour, size, position=centre)
        if not body.boxes:
            scene.add_cylinder(f"{name}/0", radius=body.size[0] / 2, height=body.size[2], color=colour)
        return frame

    def show_path(self, name: str, points: Array, turn: Array | None = None) -> None:
        """Draw the planned path of ``policy`` or ``expert``, (N, 3) m; fewer than two points are none.

        A ball marks where on it, ``turn`` (3,) m, the gripper is to close or to open.
        """
        self._show_turn(name, turn if len(points) > 1 else None)
        if len(points) < 2:
            if name in self._paths:
                self._paths[name].visible = False
            return
        points = points[np.linspace(0, len(points) - 1, min(ROWS, len(points))).round().astype(int)]
        segments = np.stack([points[:-1], points[1:]], axis=1).astype(np.float32)
        if name not in self._paths:
            colour = BLUE if name == "policy" else GREEN
            self._paths[name] = self._server.scene.add_line_segments(
                f"/paths/{name}", segments, colour, thickness=0.006
            )
        self._paths[name].points = segments
        self._paths[name].visible = True

    def _show_turn(self, name: str, place: Array | None) -> None:
        if name not in self._turns and place is not None:
            self._turns[name] = self._server.scene.add_icosphere(f"/turns/{name}", 0.012, color=ORANGE)
        if name in self._turns:
            self._turns[name].visible = place is not None
            if place is not None:
                self._turns[name].position = place

    def tool_at(self, positions: Mapping[str, float]) -> Array:
        """Return (3,) m, where the tool is at these joint positions."""
        return self._tip_in(self._model.frames(positions))

    def _tip_in(self, frames: Mapping[str, Array]) -> Array:
        tip: Array = frames[self._tool] @ self._tip
        return tip[:3]

    def close(self) -> None:
        """End the server."""
        self._server.stop()


@contextlib.contextmanager
def _requiring(header: str, secret: str) -> Iterator[None]:
    """Let a server of websockets that is made meanwhile refuse each request without the secret."""
    serve = websockets.asyncio.server.serve

    @functools.wraps(serve)
    def guarded(*arguments: Any, process_request: Callable[..., Any], **options: Any) -> Any:
        def check(connection: Any, request: Any) -> Any:
            if not secrets.compare_digest(request.headers.get(header, "").encode(), secret.encode()):
                return connection.respond(HTTPStatus.FORBIDDEN, "open the page itself\n")
            return process_request(connection, request)

        return serve(*arguments, process_request=check, **options)

    websockets.asyncio.server.serve = guarded  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        websockets.asyncio.server.serve = serve  # type: ignore[misc]
