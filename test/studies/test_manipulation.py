# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of handling things, in small: its cells, its rows, and that it goes on where it was ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studies import manipulation

SMALL = ["--seeds", "1", "--demonstrations", "2", "--steps", "3", "--episodes", "2"]


@pytest.mark.parametrize("sees", manipulation.SEES)
def test_a_small_study_writes_its_page_and_is_not_run_again(sees: str, tmp_path: Path) -> None:
    words = ["--tasks", "reach", "--sees", sees, "--classes", "deterministic", "gaussian", *SMALL]
    words += ["--folder", str(tmp_path / "work"), "--output", str(tmp_path), "--results", str(tmp_path)]
    assert manipulation.main(words) == 0
    rows = json.loads((tmp_path / "manipulation.json").read_text())
    assert [(row["task"], row["sees"], row["policy"], row["episodes"]) for row in rows] == [
        ("reach", sees, policy, 2) for policy in ("deterministic", "gaussian")
    ]
    assert all(row["success"] == 1.0 or sum(row["failures"].values()) for row in rows)
    page = (tmp_path / "manipulation.md").read_text()
    assert page.count(f"| `reach` | {sees} |") == 2
    assert len(list((tmp_path / "work").glob("*/episodes/episode_*"))) == 2  # both classes learned from the same
    checkpoints = sorted((tmp_path / "work").glob("*/checkpoints/*"))
    assert manipulation.main(words) == 0
    assert (tmp_path / "manipulation.md").read_text() == page
    assert sorted((tmp_path / "work").glob("*/checkpoints/*")) == checkpoints


def test_from_pictures_a_policy_is_given_no_place_of_an_object() -> None:
    cell = manipulation.HandlingCell("pick_place", "pictures", "mixture", 0, 1, 1, 1)
    contract = cell.contract()
    assert [image.name for image in contract.images] == ["front", "wrist"]
    assert not any(part.topic == "objects" for part in contract.observation) and "objects" not in contract.topics
    assert "objects" in manipulation.HandlingCell("pick_place", "state", "mixture", 0, 1, 1, 1).contract().topics
