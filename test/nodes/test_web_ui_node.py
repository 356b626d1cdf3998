# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page's node among the others; what a browser does there is tried in test/page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import rclpy
from geometry_msgs.msg import Pose

from il_ros.core import messages
from il_ros.core import topics as topic_table
from il_ros.core.contract import Contract
from il_ros.core.errors import GraphError
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.nodes.web_ui_node import WebUiNode
from il_ros.recording.bag import reader
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.ros import qos
from il_ros.ros.message_types import message_class
from il_ros.sim.env import ArmEnv
from il_ros.web_ui.operator_status import NEEDED

pytestmark = [pytest.mark.graph, pytest.mark.alone]
CONTRACT = Contract.load("panda_plane")


def test_who_sits_down_while_the_graph_still_starts_is_recorded_by_name(
    ros: Callable[..., None], simulation: None, graph: Any
) -> None:
    ros(device="browser")
    page = graph.add(WebUiNode())
    with ThreadPoolExecutor() as pool:
        page._server.seat.sit("a viewer", "Anna", page.now_ns())
        answer = pool.submit(lambda: asyncio.run(page.act("sit", {})))
        assert not graph.until(answer.done, 0.5)
        expert = graph.add(ExpertNode())
        assert graph.until(answer.done, 15.0)
        assert answer.result(timeout=0) == "expert_node: author is 'Anna'"
    assert expert.parameters.author == "Anna"


def test_an_arm_that_announces_no_episodes_is_watched_and_recorded_all_the_same(
    ros: Callable[..., None], simulation: None, graph: Any, tmp_path: Path
) -> None:
    ros(folder=tmp_path, follow=False)
    page, recorder, arm = (graph.add(node) for node in (WebUiNode(), RecorderNode(), rclpy.create_node("arm")))
    said = {t.name: message_class(t.type_name)() for t in topic_table.READING}
    topics = {name: arm.create_publisher(type(said[name]), name, qos.STREAM) for name in said}
    env = ArmEnv("fork", CONTRACT)
    env.reset(seed=0)
    messages.fill_reading(said, env.reading(), Pose)
    env.close()

    def speak() -> bool:
        for name, topic in topics.items():
            topic.publish(said[name])
        return page._status.observed_ns > 0

    assert not page._status.is_running()
    assert graph.until(speak, 15.0) and page._status.is_running()
    assert graph.until(lambda: page._status.fault(page.now_ns(), NEEDED) == "the arm is silent", 5.0)
    pressed = buttons(graph, page)
    assert graph.until(page._triggers["record"].service_is_ready, 15.0)
    assert pressed("new_episode") == "recording episode 1"
    assert recorder.facts()["recording"] == 1


def buttons(graph: Any, page: WebUiNode) -> Callable[..., str]:
    """Presses a button and waits for the words that come of it."""

    def press(what: str, **told: Any) -> str:
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(lambda: asyncio.run(page.act(what, told)))
            assert graph.until(answer.done, 15.0)
            return answer.result(timeout=0)

    return press


def test_the_buttons_of_an_episode_mean_no_other_one(
    ros: Callable[..., None], simulation: None, graph: Any, tmp_path: Path
) -> None:
    ros(folder=tmp_path, follow=False)
    page, _ = graph.add(WebUiNode()), graph.add(RecorderNode())
    pressed, episodes = buttons(graph, page), EpisodeStore(tmp_path)
    assert graph.until(lambda: page._saver.service_is_ready() and page._triggers["discard"].service_is_ready(), 15.0)
    assert graph.until(page._setters["recorder_node"].service_is_ready, 15.0)
    pressed("record")
    pressed("save", success=True, note="the first")
    pressed("record")
    assert "put aside" in pressed("discard")
    for again in ({"what": "discard"}, {"what": "save", "success": False}):
        with pytest.raises(GraphError, match="no episode is being recorded"):
            pressed(**again)
    pressed("record")
    pressed("save", success=False)
    assert graph.until(lambda: len(episodes.closed()) == 2, 15.0)
    facts = [reader.read(path).facts for path in episodes.closed()]
    assert [told["outcome"] for told in facts] == ["success", "failure"]
    assert [told.get("note") for told in facts] == ["the first", None]
