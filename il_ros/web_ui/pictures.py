# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The newest picture of each camera, handed out to the pages that ask for one."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from il_ros.web_ui.access import HEADERS
from il_ros.web_ui.camera_image import CameraImage

LOOK_S = 1.0
"""How long a picture of a camera is fresh, and a request for the next one waits."""


class _Shown(NamedTuple):
    picture: CameraImage
    number: int
    at_s: float


class Pictures:
    """Pictures in the order in which they came, of each camera the newest alone.

    A page requests them one at a time: a slow one misses some, none lags behind, and no camera pushes out another.

    Args:
        loop: in which requests are answered.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._newest: dict[tuple[str, bool], _Shown] = {}
        self._count = 0
        self._next: asyncio.Future[None] = loop.create_future()
        self._attended_s = -LOOK_S

    def show(self, picture: CameraImage, camera: str = "", attention: bool = False) -> None:
        """Hand out the newest picture of a camera, or what the policy attends to in it; from any thread."""
        self._loop.call_soon_threadsafe(self._show, (camera, attention), picture)

    def _show(self, key: tuple[str, bool], picture: CameraImage) -> None:
        self._count += 1
        self._newest[key] = _Shown(picture, self._count, time.monotonic())
        self._next.set_result(None)
        self._next = self._loop.create_future()

    @property
    def show_attention(self) -> bool:
        """Whether a page asks for what the policy attends to."""
        return time.monotonic() - self._attended_s < 2.0 * LOOK_S

    async def handle(self, request: web.Request) -> web.Response:
        """Respond with the next picture after the one that the page has; with nothing if none comes."""
        attention = "attention" in request.query
        if attention:
            self._attended_s = time.monotonic()
        after = request.query.get("after", "")
        number = int(after) if after.isdecimal() and len(after) < 16 else 0
        if self._after(number, attention) is None:
            await asyncio.wait([self._next], timeout=LOOK_S)
        selected = self._after(number, attention)
        if selected is None:
            return web.Response(status=204, headers=HEADERS)
        (camera, is_attention), shown = selected
        headers = {**HEADERS, "Content-Type": shown.picture.kind, "X-Picture": str(shown.number)}
        headers |= {"X-Camera": quote(camera), "X-Layer": "attention" if is_attention else "image"}
        return web.Response(body=shown.picture.data, headers=headers)

    def _after(self, number: int, attention: bool) -> tuple[tuple[str, bool], _Shown] | None:
        """Return the picture that has waited longest of those that the page lacks and that are not too old."""
        number = 0 if number > self._count else number  # the page has known another server
        oldest_s = time.monotonic() - LOOK_S
        lacking = [
            (key, shown)
            for key, shown in self._newest.items()
            if shown.number > number and shown.at_s >= oldest_s and (attention or not key[1])
        ]
        return min(lacking, key=lambda each: each[1].number, default=None)
