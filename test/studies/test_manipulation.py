# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of handling things, in small: its cells, its rows, and that it goes on where it was ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.episode import Authority, Episode, ImageTrack, Record
from il_ros.learning.pipeline import TrainingPipeline
from studies import corrections, manipulation, manipulation_page

SMALL = ["--seeds", "1", "--demonstrations", "2", "--steps", "3", "--episodes", "2"]


@pytest.mark.parametrize("sees", ["state", "pictures", pytest.param("shuffled", marks=pytest.mark.long)])
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
    cell = manipulation.HandlingCell("pick_place", "pictures", "mixture", 0, 1, 1, 1, 1)
    contract = cell.contract()
    assert [image.name for image in contract.images] == ["front", "wrist"]
    assert not any(part.topic == "objects" for part in contract.observation) and "objects" not in contract.topics
    assert "objects" in manipulation.HandlingCell("pick_place", "state", "mixture", 0, 1, 1, 1, 1).contract().topics


def drawn_episode(steps: int, shade: int) -> Episode:
    """Return one whose camera has taken a picture of its own shade every other step."""
    records = [Record(50_000_000 * i, Authority.EXPERT, "steady", 0, np.zeros(2)) for i in range(steps)]
    episode = Episode.from_steps(np.full((steps, 3), shade), records, 50_000_000, {})
    frames = np.full((steps // 2, 4, 4, 3), shade, dtype=np.uint8)
    frames[:, 0, 0, 0] = np.arange(len(frames))
    return replace(episode, images={"front": ImageTrack(frames, np.arange(steps) // 2)})


def test_shuffled_each_episode_has_the_pictures_of_the_next_one_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [drawn_episode(steps, shade) for shade, steps in enumerate((6, 4, 8), start=1)]

    def ingest(pipeline: TrainingPipeline) -> list[Episode]:
        pipeline._read = {Path(str(number)): episode for number, episode in enumerate(own)}
        return own

    monkeypatch.setattr(TrainingPipeline, "ingest", ingest)
    cell = manipulation.HandlingCell("push", "shuffled", "mixture", 0, 3, 1, 1, 1)
    pipeline = manipulation.ShuffledPictures(Path("episodes"), Path("checkpoints"), cell.contract())
    shuffled = pipeline.ingest()
    assert list(pipeline.episodes.values()) == shuffled
    for one, other, mixed in zip(own, [*own[1:], own[0]], shuffled):
        seen = mixed.images["front"].frames[mixed.images["front"].index]
        assert np.array_equal(mixed.observations, one.observations)
        assert (seen[:, 1:] == other.observations[0, 0]).all()
        assert seen[:, 0, 0, 0].tolist() == [min(step, len(other) - 1) // 2 for step in range(len(one))]


def test_rows_that_a_command_line_does_not_ask_for_stay_published() -> None:
    def row(task: str, sees: str, policy: str, success: float, steps: int = 10) -> dict[str, Any]:
        trained = {"demonstrations": 100, "steps": steps, "execute_steps": 2, "discount": 0.6, "weight_decay": 0.01}
        return {"task": task, "sees": sees, "policy": policy, "success": success, **trained}

    published = [row("push", "state", "flow", 0.1), row("push", "pictures", "mixture", 0.2, steps=20)]
    published.append(row("push", "state", "mip", 0.9, steps=20))  # of another training
    new = [row("reach", "state", "mixture", 0.3), row("push", "state", "flow", 0.4)]
    assert manipulation.together(published, new) == [*new, published[1]]
    assert manipulation.together([], new) == new


def test_rounds_in_which_labels_were_gained_are_told_one_by_one_and_together() -> None:
    def run(gained_by: str, seed: int, *successes: float) -> dict[str, Any]:
        alone = [{"success": success, "episodes": 10} for success in successes]
        rounds = [{"labels": 900 if not number else 400 + seed, "alone": one} for number, one in enumerate(alone)]
        return {"task": "push", "gained_by": gained_by, "seed": seed, "rounds": rounds}

    shown = [run("demonstrations", 0, 0.3, 0.2, 0.4, 0.3), run("demonstrations", 2, 0.3, 0.4, 0.4, 0.7)]
    table = corrections.rows([*shown, run("corrections", 0, 0.3, 0.7, 0.9, 0.8), run("corrections", 2, 0, 0.1, 0.4, 1)])
    assert [row["labels"] for row in table[:4]] == [0, 401, 802, 1203]
    page = manipulation_page.corrections(table)
    assert "| `push` | demonstrations | 802 | 40.0 % of 20 | 21.9 to 61.3 | 40, 40 |" in page
    assert "| `push` | demonstrations | rounds together | 40.0 % of 60 | 28.6 to 52.6 | 30, 50 |" in page
    assert "| `push` | corrections | rounds together | 65.0 % of 60 |" in page
    assert "run by run: `push` +50, +0." in page
