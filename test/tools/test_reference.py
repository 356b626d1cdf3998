# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The page of the nodes says what the nodes are."""

from __future__ import annotations

from pathlib import Path

import pytest

from il_ros.nodes import reference

pytestmark = pytest.mark.graph
PAGE = Path(__file__).resolve().parents[2] / "docs" / "nodes.md"


def test_the_page_of_the_nodes_is_what_the_code_says() -> None:
    made = reference.page()
    assert PAGE.read_text(encoding="utf-8") == made, "make it anew: python -m il_ros.nodes.reference > docs/nodes.md"
    for name in reference.graph_node.NODES:
        _, _, section = made.partition(f"## {name}\n")
        assert "**When things fail:**" in section.partition("\n## ")[0], name
