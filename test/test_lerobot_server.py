# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The server of LeRobot's checkpoints, with a stand-in for LeRobot, which has no wheel for this Python.

The stand-in keeps actions and history as LeRobot 0.6.0 does (``ACTPolicy``, ``DiffusionPolicy``); what was measured
with LeRobot's own is in docs/policy-servers.md.
"""

from __future__ import annotations

import functools
import sys
import threading
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from websockets.sync.server import serve

from examples.lerobot import serve as script
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.learning.remote.policy_server import PolicyServer, RequestLayout
from il_ros.recording.export.lerobot import environment
from il_ros.sim.cameras import from_pictures

CONTRACT = Contract.load("panda_plane")
ROWS, STATE, IMAGE = 4, "observation.state", "observation.images.front"


class StandIn:
    """Answers with the mean of the states that it has seen since ``reset``, then one more a row."""

    def __init__(self, name: str) -> None:
        self.config = types.SimpleNamespace(type="stand_in", device="cpu", input_features={})
        self._seen: list[torch.Tensor] = []
        self.calls = 0
        self._actions: deque[torch.Tensor] = deque()
        if name == "one":
            self._action_queue = self._actions
        else:
            self._queues = {"action": self._actions, STATE: deque(maxlen=2)}

    def to(self, device: str) -> StandIn:
        return self

    def eval(self) -> StandIn:
        return self

    def reset(self) -> None:
        self._seen.clear()
        self._actions.clear()

    def select_action(self, batch: dict[str, Any]) -> torch.Tensor:
        self._seen.append(batch[STATE])
        if not self._actions:
            self.calls += 1
            mean = torch.stack(self._seen).mean(0)[:, :2] / 1000
            self._actions.extend(mean + 0.001 * i for i in range(ROWS))
        return self._actions.popleft()


@pytest.fixture(params=["one", "other"])
def lerobot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The stand-in, in each of the two ways in which LeRobot's classes keep their actions."""
    made = StandIn(request.param)
    shapes = {STATE: (4,), IMAGE: (3, 6, 8)}
    made.config.input_features = {key: types.SimpleNamespace(shape=shape) for key, shape in shapes.items()}

    def processors(config: Any, name: str, preprocessor_overrides: Any) -> Any:
        assert preprocessor_overrides == {"device_processor": {"device": "cpu"}}
        numbers = lambda batch: {key: value[None] for key, value in batch.items() if key != "task"}  # noqa: E731
        return numbers, lambda row: 10 * row

    loaded = types.SimpleNamespace(from_pretrained=lambda name, config=None: made.config if config is None else made)
    contents = {
        "lerobot": {},
        "lerobot.configs": {},
        "lerobot.configs.policies": {"PreTrainedConfig": loaded},
        "lerobot.policies": {},
        "lerobot.policies.factory": {
            "get_policy_class": lambda kind: loaded,
            "make_pre_post_processors": processors,
        },
    }
    for name, content in contents.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def ask(lerobot: StandIn) -> Iterator[Callable[..., Any]]:
    """Asks the script's server by our client."""
    policy = script.LeRobotPolicy("outputs/act")
    server = serve(functools.partial(script.answer, policy=policy), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = PolicyServer(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", CONTRACT, timeout_s=10.0)
    yield client.ask
    client.close()
    server.shutdown()
    thread.join()


def request(value: float, side: int = 6) -> dict[str, Any]:
    return {STATE: np.full(4, value, np.float32), IMAGE: np.full((side, 8, 3), 255, np.uint8), "task": "pick_place"}


def test_each_request_is_answered_with_a_whole_chunk_and_the_history_is_the_policys(
    ask: Callable[..., Any], lerobot: StandIn
) -> None:
    first = ask(request(1.0), begins=True)
    assert np.allclose(first, 10 * (np.full((ROWS, 2), 0.001) + 0.001 * np.arange(ROWS)[:, None]), atol=1e-6)
    second = ask(request(3.0))
    assert np.allclose(second[0], 10 * 0.002, atol=1e-6)  # the mean of 1 and 3: nothing that was drawn before is left
    assert np.allclose(ask(request(5.0), begins=True)[0], 10 * 0.005, atol=1e-6)  # it forgets
    assert lerobot.calls == 3


def test_images_are_what_lerobots_are() -> None:
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    seen = script.observation({IMAGE: pixels, STATE: np.zeros(4)}, {IMAGE: (3, 6, 8), STATE: (4,)})
    assert seen[IMAGE].dtype == seen[STATE].dtype == np.float32
    assert seen[IMAGE][2, 5, 7] == pytest.approx(pixels[5, 7, 2] / 255)


@pytest.mark.parametrize("heard, why", [
    ({STATE: np.zeros(4)}, f"sees {IMAGE}, which was not sent; sent was {STATE}: see inputs"),
    (request(0.0) | {STATE: np.zeros(5)}, r"observation.state has shape \(5,\); the checkpoint was trained on \(4,\)"),
    (request(0.0, 7), r"front has shape \(3, 7, 8\); the checkpoint was trained on \(3, 6, 8\)"),
])  # fmt: skip
def test_what_does_not_fit_the_checkpoint_is_told_and_the_next_request_is_answered(
    ask: Callable[..., Any], heard: dict[str, Any], why: str
) -> None:
    with pytest.raises(MessageError, match=why):
        ask(heard)
    assert ask(request(1.0), begins=True).shape == (ROWS, 2)


def test_the_inputs_that_the_server_prints_are_read() -> None:
    printed = script.inputs([STATE, "observation.environment_state", IMAGE])
    assert printed == f"{STATE}=*, observation.environment_state=FIRST..LAST, {IMAGE}=front, task=prompt"
    contract = from_pictures(Contract.load("panda_gripper"))
    layout = RequestLayout.parse(printed.replace("FIRST..LAST", "tool_x..tool_z"), contract)
    assert layout.cameras == {IMAGE: "front"} and layout.columns[STATE] == list(range(len(contract.observation)))


def test_the_inputs_that_the_page_names_are_those_of_our_own_export() -> None:
    contract = Contract.load("panda_gripper")
    layout = RequestLayout.parse(
        "observation.state=*, observation.environment_state=block_x..goal_s, task=prompt", contract
    )
    assert layout.columns["observation.environment_state"] == environment(contract)
    assert layout.prompts == (script.TASK,)
