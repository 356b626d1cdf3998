# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who may open the web interface: whoever knows the token, on a page of this server and of no other site."""

from __future__ import annotations

import secrets
from collections.abc import Container
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK = "http://localhost:* http://127.0.0.1:*"
SOURCES = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
POLICY = f"default-src {SOURCES}; frame-src 'self' {LOOPBACK}; frame-ancestors "
"""Nothing is loaded from elsewhere. The page shows the picture under the other of these two names of this machine,
since the browser gives that a process of its own."""
HEADERS = {
    "Content-Security-Policy": POLICY + "'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Access:
    """Checks requests for a token, which is kept in a cookie after the first."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.port = 0
        """Of the server, once it is known."""

    def may_enter(self, request: web.Request, viewers: Container[str | None]) -> bool:
        """Return whether a request is answered; ``viewers`` are the pages that are open.

        The picture is shown under the other name of this machine, for which no cookies are sent. The name of a viewer,
        which only its own page knows, takes the token's place there.
        """
        if request.path.startswith("/scene/"):
            return _is_own_page(request) and request.match_info.get("viewer") in viewers
        return self._knows_token(request)

    def _knows_token(self, request: web.Request) -> bool:
        given = request.query.get("token", "") if request.path == "/" else ""
        given = given or request.cookies.get(self._cookie, "")
        known = secrets.compare_digest(given.encode(), self._token.encode())
        return known and _is_own_page(request) and not (is_websocket(request) and "Origin" not in request.headers)

    @property
    def _cookie(self) -> str:
        """The name of the cookie: cookies belong to a host and not to a port, so each server has a name of its own."""
        return f"il_ros_{self.port}"

    def keep_token(self, response: web.StreamResponse) -> None:
        """Have the browser keep the token."""
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")


def _is_own_page(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def is_websocket(request: web.Request) -> bool:
    """Return whether a request asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"
