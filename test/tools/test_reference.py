# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The committed reference pages are those that the generators make."""

from __future__ import annotations

import pytest

from tools import reference

REMEDY = "write it again: python -m tools.reference"


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (reference.FOLDER / name).read_text(encoding="utf-8") == reference.PAGES[name](), REMEDY


def test_every_command_and_every_key_is_described() -> None:
    from tools import contract_reference, training_reference

    undescribed = [line for page in (contract_reference, training_reference) for line in page.page().splitlines()]
    assert not [line for line in undescribed if line.startswith("| `") and line.endswith("|  |")]


@pytest.mark.graph
def test_the_page_of_the_nodes_is_what_the_code_says() -> None:
    nodes_reference = pytest.importorskip("tools.nodes_reference", reason="rclpy is not installed")
    made = nodes_reference.page()
    assert (reference.FOLDER / "nodes.md").read_text(encoding="utf-8") == made, REMEDY
    for name in nodes_reference.container_node.NODES:
        _, _, section = made.partition(f"## {name}\n")
        assert "**When things fail:**" in section.partition("\n## ")[0], name
