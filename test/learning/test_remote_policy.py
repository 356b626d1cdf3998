# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy server's chunk is taken if it is the contract's and in time; whatever else it does is one clear error."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, GraphError, IlRosError, MessageError
from il_ros.learning.remote.packing import packed, unpacked
from il_ros.learning.remote.policy_server import BEGINS, PolicyServer, RequestLayout

CONTRACT = Contract.load("panda_plane")
NUMBERS = arrays.arrays(
    st.sampled_from(["<f4", "<f8", "<i4", "|u1", "|b1", ">f4"]), arrays.array_shapes(min_dims=0, min_side=0, max_side=4)
)


class Room:
    """A policy server in a thread; ``answer`` makes what it sends of what it received."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any], metadata: dict[str, Any] | None = None) -> None:
        self.heard: list[dict[str, Any]] = []
        self._connections: list[ServerConnection] = []
        self._answer, self._metadata = answer, metadata or {}
        self._server: Server = serve(self._serve, "127.0.0.1", 0, max_size=None)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def _serve(self, connection: ServerConnection) -> None:
        self._connections.append(connection)
        connection.send(packed(self._metadata))
        for data in connection:
            assert isinstance(data, bytes)
            self.heard.append(unpacked(data))
            answer = self._answer(self.heard[-1])
            with contextlib.suppress(ConnectionClosed):  # who asked has given up
                connection.send(packed(answer) if isinstance(answer, dict) else answer)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def room() -> Iterator[Callable[..., Room]]:
    """Opens servers, and closes them all."""
    rooms: list[Room] = []

    def make(*arguments: Any) -> Room:
        rooms.append(Room(*arguments))
        return rooms[-1]

    yield make
    for each in rooms:
        each.close()


def asked(url: str, timeout_s: float = 5.0) -> np.ndarray:
    server = PolicyServer(url, CONTRACT, timeout_s=timeout_s)
    try:
        return server.ask({"observation/state": np.zeros(4, np.float32)})
    finally:
        server.close()


@given(st.dictionaries(st.text(max_size=5), NUMBERS | st.text(max_size=9) | st.floats(allow_nan=False), max_size=4))
def test_what_is_packed_is_what_is_unpacked(content: dict[str, Any]) -> None:
    again = unpacked(packed(content))
    assert again.keys() == content.keys()
    for key, value in content.items():
        if isinstance(value, np.ndarray):
            assert again[key].dtype == value.dtype and np.array_equal(
                again[key], value, equal_nan=value.dtype.kind == "f"
            )
            assert again[key].shape == value.shape
        else:
            assert again[key] == value


@given(st.binary(max_size=60) | st.dictionaries(st.binary(max_size=12) | st.sampled_from([
    b"__ndarray__", b"__npgeneric__", b"data", b"dtype", b"shape"]), st.one_of(
    st.binary(max_size=9), st.integers(-9, 9), st.sampled_from(["<f4", "|O", "U3", "V8", "nonsense"]),
    st.lists(st.integers(-3, 10**9), max_size=3), st.booleans()), max_size=6).map(packed))  # fmt: skip
def test_whatever_comes_is_read_or_is_one_clear_error(data: bytes) -> None:
    try:
        content = unpacked(data)
    except MessageError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(content, dict)


def test_a_chunk_is_taken_within_the_limits_of_the_contract(room: Callable[..., Room]) -> None:
    rows = np.array([[0.1, -0.1], [0.3, 0.0]], np.float32)
    place = room(lambda heard: {"actions": rows, "server_timing": {"infer_ms": 3.0}}, {"model": "mine"})
    server = PolicyServer(place.url, CONTRACT)
    layout = RequestLayout.parse("state=*, x=tool_x, task=prompt", CONTRACT)
    request = layout.request(np.arange(len(CONTRACT.observation)) / 10.0, {}, "pick it up")
    chunk = server.ask(request)
    assert np.allclose(chunk, np.clip(rows, CONTRACT.low, CONTRACT.high)) and chunk.dtype == np.float64
    assert chunk.flags.writeable
    assert place.heard[0]["task"] == "pick it up" and BEGINS not in place.heard[0]
    assert place.heard[0]["state"].dtype == np.float32 and len(place.heard[0]["state"]) == len(CONTRACT.observation)
    assert place.heard[0]["x"].shape == (1,)
    assert len(server.author) == 12 and server.metadata == {"model": "mine"}
    server.close()


def test_a_server_of_ours_is_told_when_an_episode_begins(room: Callable[..., Room]) -> None:
    place = room(lambda heard: {"actions": np.zeros((1, 2))}, {"il_ros": 1})
    server = PolicyServer(place.url, CONTRACT)
    for begins in (True, False):
        server.ask({}, begins)
    assert [heard[BEGINS] for heard in place.heard] == [True, False]
    server.close()


WIDE = np.full((3, 2), 1e6)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Traceback\n ...\nKeyError: 'observation/image'\n", "has failed: KeyError: 'observation/image'"),
        (b"\xc1", "is no msgpack"),
        (b"\x91\x01", "is list, not a map"),
        ({"action": np.zeros((3, 2))}, "has no 'actions'; it has action"),
        ({"actions": np.zeros((3, 7))}, r"is \(3, 7\); the contract has \(steps, 2\)"),
        ({"actions": np.zeros(2)}, r"is \(2,\); the contract has"),
        ({"actions": [[0.0, 0.0]]}, "is list; the contract has"),
        ({"actions": np.zeros((0, 2))}, "has 0 actions; at least 1"),
        ({"actions": np.zeros((1001, 2))}, "has 1001 actions; at least 1 and at most 1000"),
        ({"actions": np.full((3, 2), np.nan)}, "'tool_vx' of step 0 is nan; refused"),
        ({"actions": WIDE}, "'tool_vx' of step 0 is 1e.06; refused"),
    ],
)
def test_what_is_no_chunk_is_refused(room: Callable[..., Room], answer: Any, message: str) -> None:
    with pytest.raises(MessageError, match=message) as caught:
        asked(room(lambda heard: answer).url)
    assert "\n" not in str(caught.value)


def test_a_dead_and_a_slow_server_are_told_and_a_late_answer_is_not_taken_for_the_next(
    room: Callable[..., Room],
) -> None:
    server = PolicyServer("ws://127.0.0.1:9", CONTRACT, timeout_s=0.5)
    for _ in range(2):
        with pytest.raises(GraphError, match="ws://127.0.0.1:9 cannot be reached .*; start it"):
            server.ask({})
    delays = iter([0.6, 0.0])

    def answer(heard: dict[str, Any]) -> dict[str, Any]:
        time.sleep(next(delays))
        return {"actions": np.full((1, 2), heard["number"])}

    server = PolicyServer(room(answer).url, CONTRACT, timeout_s=0.3)
    with pytest.raises(GraphError, match=r"has not answered within 0\.3 s"):
        server.ask({"number": 0.01})
    assert not server.is_connected
    assert server.ask({"number": 0.02})[0, 0] == pytest.approx(0.02)
    server.close()


def test_a_server_that_ends_is_found_again_when_it_is_back() -> None:
    first = Room(lambda heard: {"actions": np.zeros((1, 2))})
    server = PolicyServer(first.url, CONTRACT)
    server.ask({})
    first.close()
    with pytest.raises(IlRosError):
        server.ask({})
    second = Room(lambda heard: {"actions": np.zeros((1, 2))})
    server.url = second.url
    deadline = time.monotonic() + 5.0
    while not server.is_connected and time.monotonic() < deadline:
        try:
            server.ask({})
        except GraphError:
            time.sleep(0.1)
    assert server.is_connected
    server.close()
    second.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("state", "'state' is not of the form KEY=SOURCE"),
        ("state=*, ", "is not of the form KEY=SOURCE"),
        ("state=tool_z", "'tool_z' is nothing that 'panda_plane' observes; choose of"),
        ("state=tool_x..nowhere", "is nothing that"),
    ],
)
def test_inputs_that_the_contract_lacks_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RequestLayout.parse(text, CONTRACT)


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="give the address of a policy server, as ws://"):
        PolicyServer("http://localhost", CONTRACT)


def test_the_server_of_the_docs_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy-servers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    shown: dict[str, Any] = {"__name__": "shown"}
    exec(code, shown)
    begun: list[bool] = []

    def policy(state: np.ndarray, begins: bool) -> np.ndarray:
        begun.append(begins)
        return np.full((16, 2), state[0])

    with serve(lambda connection: shown["answer"](connection, policy), "127.0.0.1", 0) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        server = PolicyServer(f"ws://127.0.0.1:{served.socket.getsockname()[1]}", CONTRACT)
        assert server.ask({"observation/state": np.full(4, 0.01, np.float32)}, True)[15, 1] == pytest.approx(0.01)
        server.close()
    assert begun == [True]
