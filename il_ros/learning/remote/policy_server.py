# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that a server of openpi's protocol runs: one request and one answer at a time over a WebSocket."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, GraphError, MessageError
from il_ros.core.types import Array
from il_ros.learning.action_check import sound_actions
from il_ros.learning.remote.packing import packed, unpacked

MOST_BYTES = 16 * 2**20
"""Of an answer."""
MOST_ROWS = 1000
"""Actions of an answer."""
RETRY_S = 1.0
"""After a connection could not be made, that is not tried again for so long."""
ALL, PROMPT = "*", "prompt"
OURS = "il_ros"
"""A key of the metadata of servers that want to know when an episode begins."""
BEGINS = "il_ros.begins"


@dataclass(frozen=True)
class RequestLayout:
    """What is sent under which key: ``KEY=SOURCE, KEY=SOURCE, ...``.

    A source is ``*``, all numbers of an observation; ``FIRST..LAST`` or one name, some of them by the contract's names;
    a camera's name; or ``prompt``. Raises ConfigError for another one.
    """

    columns: Mapping[str, list[int]]
    """By key: which numbers of an observation."""
    cameras: Mapping[str, str]
    """By key: the camera."""
    prompts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, contract: Contract) -> RequestLayout:
        """Read it.

        Raises:
            ConfigError: if it is of another form, or the contract has no such part.
        """
        names = [part.name for part in contract.observation]
        images = [part.name for part in contract.images]
        columns, cameras, prompts = {}, {}, []
        for part in text.split(","):
            key, equals, source = (word.strip() for word in part.partition("="))
            first, _, last = source.partition("..")
            if not (key and equals and source):
                raise ConfigError(f"inputs: {part.strip()!r} is not of the form KEY=SOURCE, as observation/state=*")
            if source == PROMPT:
                prompts.append(key)
            elif source in images:
                cameras[key] = source
            elif source == ALL:
                columns[key] = list(range(len(names)))
            elif first in names and (last or first) in names:
                columns[key] = list(range(names.index(first), names.index(last or first) + 1))
            else:
                known = ", ".join([ALL, PROMPT, *images, *names])
                raise ConfigError(f"inputs: {source!r} is nothing that {contract.name!r} observes; choose of {known}")
        return cls(columns, cameras, tuple(prompts))

    def request(self, observation: Array, images: Mapping[str, Array], prompt: str) -> dict[str, Any]:
        """Return what is sent: float32 numbers, uint8 images (H, W, 3), texts."""
        numbers = {key: observation[which].astype(np.float32) for key, which in self.columns.items()}
        pictures = {key: images[camera] for key, camera in self.cameras.items()}
        return {**numbers, **pictures, **dict.fromkeys(self.prompts, prompt)}


class PolicyServer:
    """A connection to a policy server; it is made when the server is first asked, and again after it was lost.

    Args:
        url: ``ws://HOST:PORT`` or ``wss://``.
        contract: of the arm; its limits hold for what the server answers.
        actions: the key under which an answer has its chunk, (Ta, Da).
        timeout_s: how long a connection or an answer may take; later ones are not waited for.

    Raises:
        ConfigError: if the address is none.
    """

    def __init__(self, url: str, contract: Contract, actions: str = "actions", timeout_s: float = 1.0) -> None:
        if not url.startswith(("ws://", "wss://")):
            raise ConfigError(f"server is {url!r}; give the address of a policy server, as ws://127.0.0.1:8000")
        self.url, self._contract, self._actions, self._timeout_s = url, contract, actions, timeout_s
        self._connection: ClientConnection | None = None
        self._failed_s, self._failure = -RETRY_S, ""
        self.metadata: Mapping[str, Any] = {}
        """What the server says of itself."""

    @property
    def is_connected(self) -> bool:
        """Whether the last request was answered, or none was made yet on a connection."""
        return self._connection is not None

    @property
    def author(self) -> str:
        """By what the record of authority names the policy: 12 digits of the sha256 of what the server says."""
        said = json.dumps([self.url, self.metadata], sort_keys=True, default=repr)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def ask(self, request: Mapping[str, Any], begins: bool = False) -> Array:
        """Return the server's chunk for a request, (Ta, Da) float64, within the contract's limits.

        Args:
            request: see ``RequestLayout.request``.
            begins: whether the policy must forget what came before; told to servers that say that they listen.

        Raises:
            GraphError: if the server cannot be reached, or does not answer in time. The connection is given up, so that
                a late answer is not taken for the next one.
            MessageError: if it answers with an error, or with something that is no chunk of the contract.
        """
        connection = self._connected()
        if OURS in self.metadata:
            request = {**request, BEGINS: begins}
        try:
            connection.send(packed(request))
            answer = connection.recv(self._timeout_s)
        except TimeoutError as error:
            self.close()
            raise GraphError(
                f"policy server {self.url} has not answered within {self._timeout_s:g} s; make it faster, or raise "
                "timeout_s"
            ) from error
        except (OSError, WebSocketException) as error:
            self.close()
            raise GraphError(f"policy server {self.url} was lost ({error!r:.100}); start it again") from error
        if isinstance(answer, str):  # by which openpi's server sends a traceback
            last = (answer.strip().splitlines() or ["nothing"])[-1]
            raise MessageError(f"policy server {self.url} has failed: {last[:300]}")
        return self._chunk(unpacked(answer))

    def _chunk(self, answer: Mapping[Any, Any]) -> Array:
        if self._actions not in answer:
            keys = ", ".join(sorted(map(str, answer)))
            raise MessageError(f"the answer has no {self._actions!r}; it has {keys[:200]}: name the key of the actions")
        actions = answer[self._actions]
        width = len(self._contract.action)
        if not isinstance(actions, np.ndarray) or actions.ndim != 2 or actions.shape[1] != width:
            shape = actions.shape if isinstance(actions, np.ndarray) else type(actions).__name__
            raise MessageError(f"the answer's {self._actions!r} is {shape}; the contract has (steps, {width})")
        if not 1 <= len(actions) <= MOST_ROWS:
            raise MessageError(f"the answer has {len(actions)} actions; at least 1 and at most {MOST_ROWS} are taken")
        real = sound_actions(actions.astype(np.float64), self._contract)
        return np.clip(real, self._contract.low, self._contract.high)

    def _connected(self) -> ClientConnection:
        if self._connection is not None:
            return self._connection
        if time.monotonic() - self._failed_s < RETRY_S:
            raise GraphError(self._failure)
        try:
            connection = connect(
                self.url, compression=None, max_size=MOST_BYTES, open_timeout=self._timeout_s, close_timeout=0.1,
                proxy=None,
            )  # fmt: skip
            try:
                said = connection.recv(self._timeout_s)
                self.metadata = {} if isinstance(said, str) else unpacked(said)
            except BaseException:
                connection.close()
                raise
        except (OSError, WebSocketException, MessageError) as error:
            self._failed_s = time.monotonic()
            self._failure = f"policy server {self.url} cannot be reached ({error!r:.100}); start it, or correct server"
            raise GraphError(self._failure) from error
        self._connection = connection
        return connection

    def close(self) -> None:
        """Give the connection up; the next request makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
