# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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

from il_ros import messages
from il_ros.errors import GraphError
from il_ros.nodes import interface
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.page_node import PageNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.recording import bag
from il_ros.recording.episodes import Episodes
from il_ros.sim.env import ArmEnv
from il_ros.specs import Contract

pytestmark = pytest.mark.graph
CONTRACT = Contract.load("panda_plane")


def test_who_sits_down_while_the_graph_still_starts_is_recorded_by_name(
    ros: Callable[..., None], simulation: None, graph: Any
) -> None:
    ros(device="page")
    page = graph.add(PageNode())
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
    page, recorder, arm = (graph.add(node) for node in (PageNode(), RecorderNode(), rclpy.create_node("arm")))
    said = {t.name: interface.message_class(t.type_name)() for t in interface.READING}
    topics = {name: arm.create_publisher(type(said[name]), name, interface.STREAM) for name in said}
    env = ArmEnv("fork", CONTRACT)
    env.reset(seed=0)
    messages.fill_reading(said, env.reading(), Pose)
    env.close()

    def speak() -> bool:
        for name, topic in topics.items():
            topic.publish(said[name])
        return page._heard_ns > 0

    assert not page._is_running()
    assert graph.until(speak, 15.0) and page._is_running()
    assert graph.until(lambda: page._fault() == "the arm is silent", 5.0)
    pressed = buttons(graph, page)
    assert graph.until(page._triggers["record"].service_is_ready, 15.0)
    assert pressed("new_episode") == "recording episode 1"
    assert recorder.facts()["recording"] == 1


def buttons(graph: Any, page: PageNode) -> Callable[..., str]:
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
    page, _ = graph.add(PageNode()), graph.add(RecorderNode())
    pressed, episodes = buttons(graph, page), Episodes(tmp_path)
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
    facts = [bag.read(path).facts for path in episodes.closed()]
    assert [told["outcome"] for told in facts] == ["success", "failure"]
    assert [told.get("note") for told in facts] == ["the first", None]
