# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy behind a server drives the arm as one in the policy node does; when the server fails, the arm holds."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.types import EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.remote.policy_server import BEGINS
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.policy_node import PolicyNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.nodes.remote_policy_node import RemotePolicyNode
from il_ros.nodes.sim_node import SimNode
from il_ros.recording.episodes.reader import read_episode
from il_ros.ros.client.graph_client import GraphClient

pytestmark = [pytest.mark.graph, pytest.mark.usefixtures("simulation")]
CONTRACT = Contract.load("panda_plane")


@pytest.fixture
def room() -> Iterator[Callable[..., Any]]:
    """Opens policy servers, as in the tests of the connection, and closes them all."""
    path = Path(__file__).resolve().parents[1] / "learning" / "test_remote_policy.py"
    spec = importlib.util.spec_from_file_location("rooms", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rooms: list[Any] = []

    def make(*arguments: Any) -> Any:
        rooms.append(module.Room(*arguments))
        return rooms[-1]

    yield make
    for each in rooms:
        each.close()


class Served:
    """A checkpoint of ours behind a server."""

    def __init__(self, checkpoint: Path) -> None:
        self._actor, self._step = PolicyRunner(checkpoints.load(checkpoint)), 0

    def __call__(self, heard: dict[str, Any]) -> dict[str, Any]:
        if heard[BEGINS]:
            self._actor.reset(EpisodeStart("avoid", 0, 0))
        self._step += 1
        self._actor.observe(self._step * CONTRACT.step_ns, heard["observation/state"])
        return {"actions": self._actor.chunk().actions}


@pytest.fixture
def graph_with(ros: Callable[..., None], tmp_path: Path) -> Iterator[Callable[..., GraphClient]]:
    """The nodes of a rollout of ``avoid`` in lockstep, with the policy's node of this class."""
    opened: list[Any] = []

    def make(kind: type[Any], rule: str = "none", **parameters: Any) -> GraphClient:
        given = {"contract": "panda_plane", "task": "avoid", "rule": rule, "lockstep": True, "auto_reset": False}
        ros(**given, device="supervisor", expert="nearest", folder=tmp_path / kind.__name__, **parameters)
        nodes = [made() for made in (SimNode, GateNode, ExpertNode, kind, RecorderNode)]
        client = GraphClient().__enter__()
        opened.extend([*nodes, client])
        for node in nodes:
            client._executor.add_node(node)
        client.wait_ready([node.get_name() for node in nodes])
        return client

    def close() -> None:
        for each in reversed(opened):
            each.__exit__(None, None, None) if isinstance(each, GraphClient) else each.close()
        opened.clear()

    make.close = close  # type: ignore[attr-defined]
    yield make
    close()


def episodes_of(client: GraphClient, seeds: range) -> list[Episode]:
    return [read_episode(Path(facts["path"]), CONTRACT) for facts in client.episodes(seeds)]


def test_a_checkpoint_behind_a_server_drives_as_in_the_policy_node_and_can_be_corrected(
    graph_with: Callable[..., GraphClient], room: Callable[..., Any], trained: Callable[[str], Path]
) -> None:
    path = trained("deterministic")
    served = episodes_of(
        graph_with(RemotePolicyNode, "human", server=room(Served(path), {"il_ros": 1}).url), range(40, 43)
    )
    graph_with.close()  # type: ignore[attr-defined]
    import rclpy

    rclpy.try_shutdown()
    local = episodes_of(graph_with(PolicyNode, "human", checkpoint=path), range(40, 43))
    assert any(episode.interventions for episode in local)  # hardly trained, it errs
    for one, other in zip(served, local, strict=True):
        assert one.facts["outcome"] == other.facts["outcome"]
        assert np.array_equal(one.authority, other.authority)
        assert np.allclose(one.executed, other.executed, atol=1e-5)
        assert np.allclose(one.policy, other.policy, atol=1e-5, equal_nan=True)


def test_when_the_server_fails_the_arm_holds_and_it_goes_on_once_the_server_is_back(
    graph_with: Callable[..., GraphClient], room: Callable[..., Any]
) -> None:
    answers: list[int] = []

    def answer(heard: dict[str, Any]) -> Any:
        answers.append(len(answers))
        if 20 <= len(answers) < 40:
            return "Traceback\nMemoryError: the device is full"
        return {"actions": np.full((12, 2), 0.01)}

    (episode,) = episodes_of(graph_with(RemotePolicyNode, server=room(answer).url), range(7, 8))
    held = np.flatnonzero(episode.authority == Authority.HOLD)
    drives = episode.authority == Authority.POLICY
    assert drives[:18].all() and 10 <= len(held) <= 25 and held[0] >= 19  # what it had said before is played first
    assert not np.abs(episode.executed[held[5:]]).max() > 0.0
    assert drives[held[-1] + 1 :].all() and drives[held[-1] + 1 :].any()


def test_a_slow_server_holds_nobody_up_and_its_chunks_have_the_stamps_that_they_answer(
    ros: Callable[..., None], graph: Any, room: Callable[..., Any]
) -> None:
    from geometry_msgs.msg import Pose
    from rclpy.node import Node

    from il_ros.core import messages, topics
    from il_ros.core.types import RobotState
    from il_ros.ros import qos
    from il_ros.ros.message_types import message_class

    def answer(heard: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.12)
        return {"actions": np.full((16, 2), heard["at"][0] / 1e3)}

    ros(contract="panda_plane", server=room(answer).url, inputs="at=tool_x", timeout_s=1.0)
    node, arm = graph.add(RemotePolicyNode()), graph.add(Node("arm"))
    said: list[Any] = []
    kind = message_class(topics.POLICY_ACTION.type_name)
    arm.create_subscription(kind, topics.POLICY_ACTION.name, said.append, qos.STREAM)
    publishers = {t.name: arm.create_publisher(message_class(t.type_name), t.name, qos.STREAM) for t in topics.READING}
    number = iter(range(1, 10_000))

    def tell() -> None:
        step = next(number)
        tool = np.array([step / 1e3, 0.0, 0.035])
        reading = RobotState(
            step * CONTRACT.step_ns, np.zeros(7), np.zeros(7), tool, np.array([1.0, 0.0, 0.0, 0.0]),
            np.array([[0.5, 0.1, 0.0]]), tuple(f"panda_joint{n}" for n in range(1, 8)),
        )  # fmt: skip
        filled = {t.name: message_class(t.type_name)() for t in topics.READING}
        messages.fill_reading(filled, reading, Pose)
        for name, publisher in publishers.items():
            publisher.publish(filled[name])

    arm.create_timer(CONTRACT.step_ns / 1e9, tell)
    assert graph.until(lambda: len(said) >= 8, 10.0)
    chunks = [messages.chunk_from(message, CONTRACT) for message in said]
    steps = [chunk.stamp_ns // CONTRACT.step_ns for chunk in chunks]
    for step, chunk in zip(steps, chunks):
        assert chunk.actions[0, 0] == pytest.approx(step / 1e6, rel=1e-5)  # it answers the observation of its stamp
    assert all(later - earlier >= 2 for earlier, later in zip(steps, steps[1:]))  # three are made meanwhile
    assert node.facts()["skipped"] >= 8 and float(node.facts()["latency_p50_ms"]) >= 120.0
