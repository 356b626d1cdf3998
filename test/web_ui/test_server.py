# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who may come in, and what is refused: the arm hears nothing of it, and the server goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from il_ros.core.errors import ConfigError, GraphError
from il_ros.web_ui.camera_image import CameraImage
from il_ros.web_ui.operator_session import RELEASED, OperatorInput
from il_ros.web_ui.pictures import LOOK_S
from il_ros.web_ui.server import FRAME_BYTES, FRAMES_PER_S, Server

TOKEN = "correct-horse"
HELD = {"do": "hands", "held": True, "deflection": [1, 0, 0]}


class Operator:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[OperatorInput] = []
        self.refuses = ["train"]
        self.acts: list[str] = []

    def hands(self, hands: OperatorInput) -> None:
        self.heard.append(hands)

    async def act(self, what: str, told: Any) -> str:
        self.acts.append(what)
        if what in self.refuses:
            raise GraphError(f"the node of {what} is not there; is its node running?")
        return f"{what} it is"


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def server(operator: Operator) -> Iterator[Server]:
    made = Server(operator, "127.0.0.1", 0, TOKEN, ("http://127.0.0.1:9", {}))
    yield made
    made.close()


class Visitor:
    """A page, as far as the server can tell."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.base, self.session = server.url.partition("/?")[0], session

    async def opens(self, token: str = TOKEN) -> int:
        async with self.session.get(f"{self.base}/", params={"token": token}, allow_redirects=False) as answer:
            return answer.status

    def line(self, origin: str | None = "") -> Any:
        headers = {} if origin is None else {"Origin": origin or self.base}
        return self.session.ws_connect(f"{self.base}/live", headers=headers)


def visit(server: Server, story: Callable[[Visitor], Awaitable[None]]) -> None:
    async def run() -> None:
        jar = aiohttp.CookieJar(unsafe=True)  # which keeps cookies of addresses without a name
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            await asyncio.wait_for(story(Visitor(server, session)), 20)

    asyncio.run(run())


async def until(line: Any, *keys: str) -> dict[str, Any]:
    """The next message that has one of these keys."""
    while True:
        told = json.loads(await line.receive_str())
        if any(key in told for key in keys):
            return told


async def seated(line: Any, name: str = "Anna") -> None:
    await line.send_json({"do": "sit", "name": name})
    assert (await until(line, "done", "refused"))["done"] == "sit"
    await line.send_json({"do": "hands"})


@contextlib.asynccontextmanager
async def driving(visitor: Visitor) -> AsyncIterator[Any]:
    """The line of who has opened the page and taken the seat."""
    await visitor.opens()
    async with visitor.line() as line:
        await seated(line)
        yield line


async def closed(line: Any) -> int:
    """Reads to the end; the code with which the server closed."""
    async for _ in line:
        pass
    return line.close_code


async def eventually(fact: Callable[[], bool]) -> None:
    while not fact():
        await asyncio.sleep(0.005)


def test_the_page_opens_with_the_token_which_then_leaves_the_address(server):
    async def story(visitor: Visitor) -> None:
        assert await visitor.opens() == 303
        async with visitor.session.get(f"{visitor.base}/") as answer:
            text = await answer.text()
            assert answer.status == 200 and "TAKE OVER" in text and TOKEN not in text
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        for name in ("page.js", "page.css"):
            async with visitor.session.get(f"{visitor.base}/{name}") as answer:
                assert answer.status == 200
        async with visitor.session.get(f"{visitor.base}/none.js") as answer:
            assert answer.status == 404

    visit(server, story)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "\u00e9"])
def test_without_the_token_nothing_opens(server, operator, token):
    async def story(visitor: Visitor) -> None:
        assert await visitor.opens(token) == 403
        for path in ("/page.js", "/live", "/scene/00ff/", "/nothing"):
            async with visitor.session.get(visitor.base + path) as answer:
                assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await visitor.line()

    visit(server, story)
    assert operator.heard == []


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", None])
def test_another_sites_page_gets_no_line_though_the_browser_sends_it_the_cookie(server, operator, origin):
    async def story(visitor: Visitor) -> None:
        await visitor.opens()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await visitor.line(origin)
        async with visitor.line() as line:  # ours does
            assert "viewer" in await until(line, "viewer")

    visit(server, story)
    assert operator.heard == []


def test_what_the_driver_does_is_passed_on_and_silence_lets_go(server, operator):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            await line.send_json(HELD)
            await eventually(lambda: operator.heard[-1:] == [OperatorInput(True, (1.0, 0.0, 0.0))])
            await eventually(lambda: operator.heard[-1] == RELEASED)

    visit(server, story)


def test_a_line_that_is_cut_lets_go_at_once_and_frees_the_seat(server, operator):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            await line.send_json(HELD)
            await eventually(lambda: bool(operator.heard))
        await eventually(lambda: operator.heard[-1] == RELEASED)
        async with visitor.line() as line:
            await seated(line, "Ben")

    visit(server, story)


def test_a_second_driver_is_told_who_drives_and_does_nothing(server, operator):
    async def story(visitor: Visitor) -> None:
        await visitor.opens()
        async with visitor.line() as first, visitor.line() as second:
            await seated(first)
            for told in ({"do": "sit", "name": "Ben"}, HELD, {"do": "take_over"}):
                await second.send_json(told)
                assert "Anna drives" in (await until(second, "done", "refused"))["refused"]
            await first.send_json({"do": "take_over"})
            assert (await until(first, "done"))["words"] == "take_over it is"

    visit(server, story)
    assert OperatorInput(True, (1.0, 0.0, 0.0)) not in operator.heard
    assert operator.acts == ["sit", "take_over"]


def test_a_button_that_fails_tells_why(server):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            await line.send_json({"do": "train"})
            assert "the node of train is not there" in (await until(line, "refused"))["refused"]

    visit(server, story)


def test_whose_name_cannot_be_recorded_does_not_drive(server, operator):
    async def story(visitor: Visitor) -> None:
        await visitor.opens()
        async with visitor.line() as first, visitor.line() as second:
            operator.refuses = ["sit"]
            await first.send_json({"do": "sit", "name": "Anna"})
            assert "the node of sit is not there" in (await until(first, "done", "refused"))["refused"]
            operator.refuses = []
            await seated(second, "Ben")
            await first.send_json(HELD)
            assert "Ben drives" in (await until(first, "refused"))["refused"]

    visit(server, story)
    assert OperatorInput(True, (1.0, 0.0, 0.0)) not in operator.heard


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("{", 1007),
        ("[" * 2000, 1007),
        (json.dumps({"do": "hands", "held": True, "note": "x" * FRAME_BYTES}), 1009),
        (b"\x00\x01", 1008),
    ],
)
def test_who_sends_what_cannot_be_is_sent_away_and_has_let_go(server, operator, word, code):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            await line.send_json(HELD)
            await eventually(lambda: bool(operator.heard))
            await (line.send_bytes(word) if isinstance(word, bytes) else line.send_str(word))
            assert await closed(line) == code
        await eventually(lambda: operator.heard[-1] == RELEASED)
        async with visitor.line() as line:
            await seated(line)

    visit(server, story)


@pytest.mark.parametrize("told", [{}, [], 1, {"do": 1}, {**HELD, "held": "yes"}, {**HELD, "deflection": [9, 0, 0]}])
def test_json_of_another_form_is_refused_and_lets_go(server, operator, told):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            await line.send_json(HELD)
            await line.send_json(told)
            assert await until(line, "refused")

    visit(server, story)
    assert operator.heard[-1] == RELEASED


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("127.0.0.1", -1), ("192.0.2.1", 0)])
def test_a_place_that_cannot_be_is_told(operator, host, port):
    with pytest.raises(ConfigError, match="port is|cannot be served at 192.0.2.1"):
        Server(operator, host, port, TOKEN, ("http://127.0.0.1:9", {}))


def test_a_port_that_is_taken_is_told(server, operator):
    port = int(server.url.partition("/?")[0].rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"cannot be served at 127.0.0.1:{port}"):
        Server(operator, "127.0.0.1", port, TOKEN, ("http://127.0.0.1:9", {}))


def test_a_flood_is_sent_away(server, operator):
    async def story(visitor: Visitor) -> None:
        async with driving(visitor) as line:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                for _ in range(20 * FRAMES_PER_S):
                    await line.send_json(HELD)
            assert await closed(line) == 1008
        await eventually(lambda: operator.heard[-1] == RELEASED)
        assert len(operator.heard) < 3 * FRAMES_PER_S
        assert await visitor.opens() == 303  # it goes on

    visit(server, story)


def test_a_page_gets_the_newest_picture_of_the_camera_and_each_but_once(server):
    async def story(visitor: Visitor) -> None:
        async def look(after: str) -> tuple[int, bytes, str | None, str | None]:
            async with visitor.session.get(f"{visitor.base}/camera", params={"after": after}) as answer:
                assert answer.headers.get("Cross-Origin-Resource-Policy", "same-origin") == "same-origin"
                return answer.status, await answer.read(), answer.content_type, answer.headers.get("X-Picture")

        assert (await look("0"))[0] == 403
        await visitor.opens()
        began = time.monotonic()
        assert (await look("0"))[0] == 204 and time.monotonic() - began > 0.9 * LOOK_S  # there is none
        for number in (1, 2):
            server.pictures.show(CameraImage(b"old" * number, "image/png"))
        assert await look("0") == (200, b"oldold", "image/png", "2")
        assert await look("7") == (200, b"oldold", "image/png", "2")  # the page has known another server
        looking = asyncio.ensure_future(look("2"))
        await asyncio.sleep(0.1)
        assert not looking.done()
        server.pictures.show(CameraImage(b"new", "image/jpeg"))
        assert await looking == (200, b"new", "image/jpeg", "3")
        await asyncio.sleep(1.1 * LOOK_S)
        assert (await look("0"))[0] == 204  # who comes now is not shown what was seen then

    visit(server, story)


def test_all_viewers_are_told_how_things_stand_and_who_drives(server):
    async def story(visitor: Visitor) -> None:
        await visitor.opens()
        async with visitor.line() as first, visitor.line() as second:
            await seated(first)
            server.tell({"authority": "HOLD"})
            for line in (first, second):
                state = (await until(line, "state"))["state"]
                assert state["authority"] == "HOLD" and state["seat"]["name"] == "Anna"
            assert WSMsgType.CLOSE not in (first.closed, second.closed)

    visit(server, story)
