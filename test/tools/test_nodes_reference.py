# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The committed page of the nodes is what the nodes are."""

from __future__ import annotations

import pytest

from tools import nodes_reference

pytestmark = pytest.mark.graph


def test_the_page_of_the_nodes_is_what_the_code_says() -> None:
    made = nodes_reference.page()
    expected = nodes_reference.OUTPUT.read_text(encoding="utf-8")
    assert expected == made, "write it again: python -m tools.nodes_reference"
    for name in nodes_reference.container_node.NODES:
        _, _, section = made.partition(f"## {name}\n")
        assert "**When things fail:**" in section.partition("\n## ")[0], name
