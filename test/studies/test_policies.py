"""The study's grid, its rows and one cell of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from il_ros.errors import DataError
from studies import policies
from studies.demonstrations import demonstrate
from studies.policies import Cell, cells, row


def result(success: list[bool], ways: list[int]) -> dict[str, object]:
    told = {"success": success, "ways": ways, "kinds": 2, "parameters": 7, "train_s": 1.0}
    return {**told, "latency_ms": [1.0, 1.0, 1.0, 5.0]}


def test_every_class_meets_every_task_with_one_expert_and_with_many() -> None:
    grid = list(cells(5, 200))
    assert len(grid) == len(set(grid)) == 5 * 2 * (6 + 6 + 7)
    assert len({cell.key() for cell in grid}) == len(grid)


def test_a_row_puts_all_seeds_together_and_keeps_each() -> None:
    group = [Cell("fork", "many", "mixture", seed, 4) for seed in (0, 1)]
    told = row(group, [result([True] * 4, [0, 0, 1, 1]), result([True, True, False, False], [0, 1])])
    assert told["success"] == 0.75 and told["per_seed"] == [1.0, 0.5]
    assert told["entropy"] == 1.0 and told["seeds"] == 2 and told["episodes"] == 4
    assert told["latency_ms_p50"] == 1.0 and told["latency_ms_p99"] > 4.5


def test_a_cell_that_is_there_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for cell in cells(1, 4):
        (tmp_path / f"{cell.key()}.json").write_text(json.dumps(result([True] * 4, [0, 1])))
    words = ["--seeds", "1", "--episodes", "4", "--folder", str(tmp_path), "--output", str(tmp_path / "rows.json")]
    assert policies.main(words) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert len(rows) == 2 * (6 + 6 + 7) and {r["success"] for r in rows} == {1.0}


def test_demonstrations_are_those_of_the_seed_and_the_expert() -> None:
    (left,), (right,) = (demonstrate("fork", "panda_plane", name, [3]) for name in ("left", "right"))
    assert (left.facts["way"], right.facts["way"], left.facts["seed"]) == (0, 1, 3)


def test_an_expert_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from il_ros.sim.tasks.fork import Fork

    monkeypatch.setattr(Fork, "time_limit_s", 0.1)
    with pytest.raises(DataError, match=r"'fork' by 'left': seeds \[4\] failed"):
        demonstrate("fork", "panda_plane", "left", [4])
