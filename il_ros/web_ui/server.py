# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The HTTP and WebSocket server of the web interface: for whoever has the token, and for no other site.

It serves the page and its files, receives the operator's input, sends the status to all viewers, and passes the 3-D
scene and the cameras' pictures on. It runs in a thread of its own, beside the one that spins the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from il_ros.core.errors import ConfigError, IlRosError, MessageError
from il_ros.web_ui.access import HEADERS, Access
from il_ros.web_ui.operator_session import RELEASED, OperatorInput, OperatorLease
from il_ros.web_ui.pictures import Pictures
from il_ros.web_ui.scene_proxy import STATIC, SceneProxy

FRAME_BYTES = 4096
"""A page's message is no longer than this."""
FRAMES_PER_S = 120
"""A page that sends more is faulty and is disconnected; ours sends 30 a second, and one more with each key."""
VIEWERS = 16
ALIVE_S = 10.0
"""A page that does not even answer a ping within half of this is gone."""
CHECK_S = 0.02
"""How often it is checked whether the operator's input still arrives."""


class OperatorBackend(Protocol):
    """The interface of the node behind the server; every method but ``act`` returns at once."""

    def hands(self, hands: OperatorInput) -> None:
        """Take the operator's input."""

    def act(self, what: str, message: Mapping[str, Any]) -> Awaitable[str]:
        """Do what a button asks for; return a message about it. May raise an ``IlRosError``."""


class RateBudget:
    """A rate limit: so many messages a second, and as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s, self._left, self._then = per_s, per_s, time.monotonic()

    def spend(self) -> bool:
        """Spend one message; return whether it is within the limit."""
        now = time.monotonic()
        self._left = min(self._per_s, self._left + (now - self._then) * self._per_s)
        self._then = now
        self._left -= 1.0
        return self._left >= 0.0


class Server:
    """Serves until ``close``.

    Args:
        operator: the node behind it.
        host: the interface; the loopback one unless somebody wants more.
        port: 0 for one that is free.
        token: who knows it may open the page.
        scene: the address and the secret header of the picture's own server.

    Raises:
        ConfigError: if it cannot serve there.
    """

    def __init__(
        self, operator: OperatorBackend, host: str, port: int, token: str, scene: tuple[str, Mapping[str, str]]
    ) -> None:
        if not 0 <= port < 2**16:
            raise ConfigError(f"port is {port}; it must be from 0 (one that is free) to {2**16 - 1}")
        self.seat = OperatorLease()
        self._operator, self._host, self._token = operator, host, token
        self._access, self._scene = Access(token), SceneProxy(*scene, self.seat)
        self._access.port = port
        self._viewers: dict[str, web.WebSocketResponse] = {}
        self._sending: dict[str, asyncio.Future[None]] = {}
        self._last_input = RELEASED
        self._loop = asyncio.new_event_loop()
        self.pictures = Pictures(self._loop)
        self._ready: threading.Event = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise ConfigError(
                f"the page cannot be served at {host}:{port}: {self._failure.strerror}; give another port"
            )

    @property
    def url(self) -> str:
        """Where the page is, token included."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._access.port}/?token={self._token}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        application = web.Application(middlewares=[self._guard], client_max_size=FRAME_BYTES)
        application.router.add_get("/", self._page)
        application.router.add_get("/live", self._live)
        application.router.add_get("/camera", self.pictures.handle)
        application.router.add_get("/scene/{viewer:[0-9a-f]+}{rest:(/.*)?}", self._scene.handle)
        application.router.add_get("/{file:[a-z]+\\.(css|js)}", self._file)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._access.port).start()
            self._access.port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as self._scene.client:
                self._ready.set()
                while not self._stop.is_set():
                    self._watch()
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), CHECK_S)
                for socket in list(self._viewers.values()):
                    await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the graph was ended")
        finally:
            await runner.cleanup()

    def close(self) -> None:
        """End the server; the operator's input counts as released."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout=5.0)

    def tell(self, state: Mapping[str, Any]) -> None:
        """Send the status to all viewers; from any thread."""
        if self._viewers:
            seat = {"viewer": self.seat.viewer, "name": self.seat.name} if self.seat.viewer else None
            text = json.dumps({"state": {**state, "seat": seat}})
            self._loop.call_soon_threadsafe(self._send_all, text)

    def _send_all(self, text: str) -> None:
        for viewer in self._viewers.keys() - self._sending.keys():  # a page that is still being sent to misses this one
            sending = asyncio.ensure_future(_send(self._viewers[viewer], text))
            self._sending[viewer] = sending
            sending.add_done_callback(lambda _, viewer=viewer: self._sending.pop(viewer))  # type: ignore[misc]

    @property
    def is_watched(self) -> bool:
        """Whether any page is open."""
        return bool(self._viewers)

    def _watch(self) -> None:
        """Pass on the operator's input, if it has changed; silence changes it."""
        hands = self.seat.hands(time.monotonic_ns())
        if hands != self._last_input:
            self._pass_on(hands)

    def _pass_on(self, hands: OperatorInput) -> None:
        self._last_input = hands
        self._operator.hands(hands)

    # Requests ---------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
        """Refuse whoever has no token, and pages of other sites; every refusal looks the same."""
        if not self._access.may_enter(request, self._viewers):
            return web.Response(status=403, text="open the address that il-ros teleop printed, token included\n")
        return await handler(request)

    # What it serves ---------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        if "token" in request.query:  # out of the address bar, the history and every referrer
            answer = web.Response(status=303, headers={"Location": "/", **HEADERS})
            self._access.keep_token(answer)
            return answer
        return self._static("index.html", "text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if not (STATIC / name).is_file():
            raise web.HTTPNotFound
        return self._static(name, "text/css" if name.endswith("css") else "text/javascript")

    def _static(self, name: str, kind: str) -> web.Response:
        text = (STATIC / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=kind, headers=HEADERS)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """Serve the page's WebSocket: receive the operator's input and send the status."""
        if len(self._viewers) >= VIEWERS:
            return web.Response(status=503, text=f"{VIEWERS} pages are open; close one\n")
        socket = web.WebSocketResponse(max_msg_size=FRAME_BYTES, timeout=1.0, heartbeat=ALIVE_S)
        await socket.prepare(request)
        viewer, budget = secrets.token_hex(16), RateBudget(FRAMES_PER_S)
        self._viewers[viewer] = socket
        try:
            await _send(socket, json.dumps({"viewer": viewer}))
            async for message in socket:
                if message.type is not WSMsgType.TEXT or not budget.spend():
                    why = b"too many messages" if message.type is WSMsgType.TEXT else b"only text is understood"
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=why)
                    break
                await self._receive(viewer, socket, message.data)
        finally:
            del self._viewers[viewer]
            self._leave(viewer)
        return socket

    def _leave(self, viewer: str) -> None:
        """Free the lease if the viewer held it, and release the switch."""
        self.seat.leave(viewer)
        self._watch()

    async def _receive(self, viewer: str, socket: web.WebSocketResponse, text: str) -> None:
        try:
            message = json.loads(text)
            if not isinstance(message, dict) or not isinstance(message.get("do"), str):
                raise MessageError("a message must be a JSON object with 'do'")
            if message["do"] == "hands":
                self.seat.hear(viewer, OperatorInput.from_json(message), time.monotonic_ns())
                self._pass_on(self.seat.hands(time.monotonic_ns()))
                return
            asyncio.ensure_future(self._act(viewer, socket, message))
        except (ValueError, RecursionError):
            self._leave(viewer)
            await socket.close(code=WSCloseCode.INVALID_TEXT, message=b"not JSON")
        except MessageError as error:
            self._leave(viewer)
            await _send(socket, json.dumps({"refused": str(error)}))

    async def _act(self, viewer: str, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        """Do what a button asks for, and answer."""
        what = message["do"]
        try:
            if what == "sit":
                self.seat.sit(viewer, str(message.get("name", "")), time.monotonic_ns())
            elif viewer != self.seat.viewer:
                raise MessageError(f"{self.seat.name or 'nobody'} drives; take the seat first")
            if what == "leave":
                self._leave(viewer)
            words = await self._operator.act(what, message)
            await _send(socket, json.dumps({"done": what, "words": words}))
        except IlRosError as error:
            if what == "sit":  # an operator whose name cannot be recorded does not drive
                self._leave(viewer)
            await _send(socket, json.dumps({"refused": str(error)}))


async def _send(socket: web.WebSocketResponse, text: str) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):  # it has gone meanwhile
        await socket.send_str(text)
