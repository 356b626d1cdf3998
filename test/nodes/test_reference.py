# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

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
    for name in reference.container_node.NODES:
        _, _, section = made.partition(f"## {name}\n")
        assert "**When things fail:**" in section.partition("\n## ")[0], name
