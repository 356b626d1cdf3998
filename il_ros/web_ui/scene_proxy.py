# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Passes the picture of viser's own server on, which only this server can reach."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp import WSMsgType, web

from il_ros.web_ui.access import HEADERS, LOOPBACK, POLICY, is_websocket
from il_ros.web_ui.operator_session import OperatorLease

STATIC = Path(__file__).parent / "static"
SCENE_BYTES = 64 * 1024 * 1024
DRAG = b"SceneNodeDrag"
"""What is in a message by which somebody drags something in the picture."""


class SceneProxy:
    """Passes requests of the pages on to the picture's server; only the operator's drags go through.

    Args:
        url: of the picture's server.
        headers: the secret that each request to it needs.
        lease: holds who is the operator.
    """

    def __init__(self, url: str, headers: Mapping[str, str], lease: OperatorLease) -> None:
        self._url, self._headers, self._lease = url, headers, lease
        self._watcher = (STATIC / "scene.js").read_bytes()
        self.client: aiohttp.ClientSession | None = None
        """The session with the picture's server, while ours serves."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for the picture."""
        assert self.client is not None
        if is_websocket(request):
            return await self._handle_websocket(request, self.client)
        path = request.match_info["rest"] or "/"
        async with self.client.get(self._url + path, headers=self._headers) as theirs:
            body, headers = await theirs.read(), {**HEADERS, "Content-Type": theirs.headers["Content-Type"]}
            headers["Content-Security-Policy"] = f"{POLICY} 'self' {LOOPBACK}"
            if path == "/":
                body = body.replace(b"<head>", b"<head><script>" + self._watcher + b"</script>", 1)
            return web.Response(status=theirs.status, body=body, headers=headers)

    async def _handle_websocket(self, request: web.Request, client: aiohttp.ClientSession) -> web.StreamResponse:
        viewer = request.match_info["viewer"]
        protocols = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        ours = web.WebSocketResponse(protocols=protocols, max_msg_size=1024 * 1024, compress=False, timeout=1.0)
        await ours.prepare(request)
        async with client.ws_connect(
            self._url, protocols=protocols, headers=self._headers, max_msg_size=SCENE_BYTES
        ) as theirs:

            async def outwards() -> None:
                async for message in theirs:
                    if message.type is WSMsgType.BINARY:
                        await ours.send_bytes(message.data)

            passing = asyncio.ensure_future(outwards())
            try:
                async for message in ours:
                    if message.type is WSMsgType.BINARY and (DRAG not in message.data or viewer == self._lease.viewer):
                        await theirs.send_bytes(message.data)
            finally:
                passing.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError, RuntimeError):
                    await passing
        return ours
