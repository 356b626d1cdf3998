# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The page's node among the others; what a browser does there is tried in test/page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from il_ros.nodes import executor
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.page_node import PageNode

pytestmark = pytest.mark.graph


def test_who_sits_down_while_the_graph_still_starts_is_recorded_by_name(
    ros: Callable[..., None], simulation: None
) -> None:
    ros(device="page")
    page, spinning = PageNode(), executor.make()
    nodes = [page]
    spinning.add_node(page)

    def until(done: Callable[[], bool], seconds: float) -> None:
        limit = time.monotonic() + seconds
        while not done() and time.monotonic() < limit:
            spinning.spin_once(timeout_sec=0.02)

    try:
        with ThreadPoolExecutor() as pool:
            page._server.seat.sit("a viewer", "Anna", page.now_ns())
            answer = pool.submit(lambda: asyncio.run(page.act("sit", {})))
            until(answer.done, 0.5)
            assert not answer.done()
            nodes.append(ExpertNode())
            spinning.add_node(nodes[1])
            until(answer.done, 15.0)
            assert answer.result(timeout=0) == "expert_node: author is 'Anna'"
        assert nodes[1].parameters.author == "Anna"
    finally:
        spinning.shutdown()
        for node in nodes:
            node.close()
