# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study's grid, its cells, its rows and its page."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core import plugins
from il_ros.core.errors import ConfigError, DataError
from il_ros.evaluation.rollouts import roll_out
from il_ros.gate import GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.training.config import TrainingConfig
from studies import manipulation, page, pictures, policies, publishing
from studies.demonstrations import demonstrate
from studies.policies import CLASSES, Cell, cells, row, work


def result(success: list[bool], ways: list[int]) -> dict[str, object]:
    return {"success": success, "ways": ways, "kinds": 2, "parameters": 7, "train_s": 1.0}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of two steps on few demonstrations."""

    def load(name: str, **changes: Any) -> TrainingConfig:
        return TrainingConfig(name, **{**changes, "width": 8, "depth": 1, "steps": 2, "log_every": 2})

    monkeypatch.setattr(TrainingConfig, "load", load)
    for name, setting in policies.SETTINGS.items():
        few = dataclasses.replace(setting, demonstrations=3)
        monkeypatch.setitem(policies.SETTINGS, name, few)


def work_some(folder: Path) -> None:
    """Work one cell of each class, and of each task and way of driving; the others get the results of their class."""
    grid = list(cells(1, 2))
    of_class = {cell.policy: cell for cell in grid if (cell.task, cell.experts) == ("fork", "many")}
    real = [*of_class.values(), *(cell for cell in grid if cell.policy == "mixture" and cell.task != "fork")]
    for cell in real:
        work(cell, folder)
    for cell in grid:
        if not (folder / f"{cell.key()}.json").exists():
            like = of_class[cell.policy].key()
            shutil.copy(folder / f"{like}.json", folder / f"{cell.key()}.json")
            shutil.copytree(folder / like, folder / cell.key())


def test_every_class_meets_every_task_with_one_expert_and_with_many() -> None:
    grid = list(cells(5, 200))
    assert len(grid) == len(set(grid)) == 5 * 2 * 3 * 7
    same = {Cell(task, "many", "categorical", 0, 200).key() for task in ("avoid", "discrete avoid")}
    assert len(same) == 1  # keys are keys: not trained twice
    assert len({cell.key() for cell in grid}) == 5 * 2 * (3 * 7 - 1)


def test_a_row_puts_all_seeds_together_and_keeps_each() -> None:
    group = [Cell("fork", "many", "mixture", seed, 4) for seed in (0, 1)]
    told = row(group, [result([True] * 4, [0, 0, 1, 1]), result([True, True, False, False], [0, 1])], [1.0, 1.0, 5.0])
    assert told["success"] == 0.75 and told["per_seed"] == [1.0, 0.5]
    assert told["entropy"] == 1.0 and told["seeds"] == 2 and told["episodes"] == 4
    assert told["latency_ms_p50"] == 1.0 and told["latency_ms_p99"] > 4.5


def test_a_study_leaves_a_page_and_is_not_run_twice(
    small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work_some(tmp_path)
    monkeypatch.setattr(policies, "train", None)  # whoever trains again fails
    monkeypatch.setattr(policies, "latencies", lambda checkpoint: [1.0])
    words = ["--seeds", "1", "--episodes", "2", "--folder", str(tmp_path), "--output", str(tmp_path / "docs")]
    words += ["--results", str(tmp_path / "results")]
    assert policies.main(words) == 0
    rows = json.loads((tmp_path / "results" / "policies.json").read_text())
    assert len(rows) == 2 * 3 * 7 and all(0 <= r["success"] <= 1 for r in rows)
    text = (tmp_path / "docs" / "policies.md").read_text()
    for name in ("policies-fork.png", "policies-chunks.png", "policies-avoid.png"):
        assert name in text and (tmp_path / "docs" / name).stat().st_size > 10_000
    outcomes = json.loads((tmp_path / "results" / "policies-outcomes.json").read_text())
    assert len(outcomes) == 2 * (3 * 7 - 1) and {len(each["success"]) for each in outcomes} == {2}
    keys = {(cell.task, cell.experts, cell.policy): cell.key() for cell in cells(2, 2) if cell.seed == 1}
    of_another_machine = [{**o, "seed": 1, "key": keys[o["task"], o["experts"], o["policy"]]} for o in outcomes]
    (tmp_path / "results" / "policies-outcomes.json").write_text(json.dumps(outcomes + of_another_machine))
    monkeypatch.setattr(policies, "publish", lambda *_: None)  # the pictures are drawn already
    assert policies.main(["--seeds", "2", *words[2:]]) == 0  # what is published is not run again
    assert {r["seeds"] for r in json.loads((tmp_path / "results" / "policies.json").read_text())} == {2}
    assert len(json.loads((tmp_path / "results" / "policies-outcomes.json").read_text())) == 2 * 2 * (3 * 7 - 1)
    (tmp_path / "results" / "policies-outcomes.json").write_text("{")
    with pytest.raises(DataError, match="outcomes.json cannot be read"):
        policies.main(words)
    with pytest.raises(ConfigError, match="'nothing' is in no 'task policy'; take one of fork"):
        policies.main([*words, "--only", "nothing"])
    with pytest.raises(ConfigError, match="leave out --only 'fork'"):
        policies.main([*words, "--only", "fork"])


def test_a_cell_shares_the_rollouts_of_its_checkpoint(small: None, tmp_path: Path) -> None:
    cell = Cell("fork", "many", "mixture", 0, 3)
    work(cell, tmp_path)
    told = json.loads((tmp_path / f"{cell.key()}.json").read_text())
    checkpoint = checkpoints.load(tmp_path / cell.key())
    seeds = range(policies.FIRST_EPISODE, policies.FIRST_EPISODE + 3)
    again = roll_out(tmp_path / cell.key(), "fork", seeds, GateConfig(rule="none"))
    assert told["success"] == [rollout.success for rollout in again]
    assert np.allclose(told["paths"][2], again[2].positions, atol=1e-4)
    assert all(ms > 0 for ms in policies.latencies(checkpoint, calls=3))


def test_chunks_at_the_fork_answer_a_state_where_the_experts_agree() -> None:
    left, right = (demonstrate("fork", "panda_plane", name, [3])[0] for name in ("left", "right"))
    histories = [pictures.fork_history(episode, 2) for episode in (left, right)]
    assert np.allclose(histories[0], histories[1], atol=1e-3) and abs(histories[0][-1, 1]) < 0.002


def test_a_sentence_of_the_lecture_is_judged_by_the_numbers() -> None:
    grid = {(cell.task, cell.experts, cell.policy): [cell] for cell in cells(1, 1)}
    perfect = [row(group, [result([True] * 2, [0, 1])], [1.0]) for group in grid.values()]
    claims = page.claims(page.Rows(perfect))
    assert [agrees for _, _, agrees in claims] == [False, False, True, True, True, False, False, True]
    assert all("100 %" in measured for _, measured, _ in claims)
    hopeless = [{**r, "success": 0.0, "interval": [0.0, 0.004], "entropy": 0.0} for r in perfect]
    agreeing = [says for says, _, agrees in page.claims(page.Rows(hopeless)) if agrees]
    assert agreeing == ["Simple Gaussian distributions are not very expressive for complex behaviors."]


def test_the_published_page_is_that_of_the_published_rows() -> None:
    rows = publishing.read_json(publishing.RESULTS / "policies.json")
    assert (publishing.PAGES / "policies.md").read_text() == page.page(rows)
    told = {(r["task"], r["experts"], r["policy"]) for r in rows}
    assert told == {(cell.task, cell.experts, cell.policy) for cell in cells(1, 1)} and len(told) == len(rows)
    assert all(r["episodes"] == 200 and r["seeds"] == len(r["per_seed"]) for r in rows)


def test_a_share_is_not_rounded_up_to_the_whole() -> None:
    assert [page.percent(share) for share in (1, 0.9999, 0.985, 0)] == ["100 %", "99.9 %", "98.5 %", "0 %"]


def test_demonstrations_are_those_of_the_seed_and_the_expert() -> None:
    (left,), (right,) = (demonstrate("fork", "panda_plane", name, [3]) for name in ("left", "right"))
    assert (left.facts["way"], right.facts["way"], left.facts["seed"]) == (0, 1, 3)


def test_an_expert_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from il_ros.sim.tasks.fork import Fork

    monkeypatch.setattr(Fork, "time_limit_s", 0.1)
    with pytest.raises(DataError, match=r"'fork' by 'left': seeds \[4\] failed"):
        demonstrate("fork", "panda_plane", "left", [4])


def test_classes_are_all_that_have_a_file_but_those_that_are_measured_elsewhere_or_not_yet() -> None:
    assert set(CLASSES) == set(plugins.available("policy")) - {"ensemble", "mip", "act"}
    assert "mip" in manipulation.CLASSES
