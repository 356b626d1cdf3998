# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of the trunk: what each arm lacks, its rows and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from il_ros.core.errors import ConfigError
from il_ros.learning.training import state
from il_ros.learning.training.config import TrainingConfig
from il_ros.policies.base import Policy, create
from il_ros.policies.layers import trunk as layers
from studies import publishing, resampling, trunk, trunk_layers, trunk_page
from studies.trunk import ARMS, SHIPPED, TrunkCell, cells, row, work

SIZES = {"observation_dim": 4, "action_dim": 2, "width": 8}


def made(policy: str, arm: str) -> Policy:
    """A policy as the arm has it."""
    with ARMS[arm].without():
        return create(policy, SIZES, 0)


def names(policy: Policy) -> set[str]:
    return {type(module).__name__ for module in policy.modules()}


def size(policy: Policy) -> int:
    return sum(parameter.numel() for parameter in policy.parameters())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of two steps on few demonstrations."""
    load = TrainingConfig.load

    def brief(name: str, **changes: Any) -> TrainingConfig:
        return load(name, **{**changes, "width": 8, "depth": 1, "steps": 2, "log_every": 2})

    monkeypatch.setattr(TrainingConfig, "load", brief)
    monkeypatch.setattr(trunk, "SETTINGS", {name: (2, {}) for name in trunk.SETTINGS})
    monkeypatch.setattr(trunk, "UNSEEN", 2)
    some = (SHIPPED, "no layer norm", "nothing held out", "condition in every block")
    monkeypatch.setattr(trunk, "ARMS", {name: ARMS[name] for name in some})


def test_every_arm_and_seed_is_another_work() -> None:
    grid = list(cells(3, 100))
    assert len({cell.key() for cell in grid}) == len(grid) and {cell.arm for cell in grid} == set(ARMS)
    assert {cell.policy for cell in grid if cell.arm == "condition by one layer"} == {"diffusion"}


def test_an_arm_lacks_its_part_only_while_it_lasts() -> None:
    assert {"Residual", "LayerNorm"} <= names(made("mixture", SHIPPED))
    plain = made("mixture", "no residual connections")
    assert "Plain" in names(plain) and size(plain) == size(made("mixture", SHIPPED))
    assert "Started" in names(made("diffusion", "no zeros at the start"))
    assert "LayerNorm" not in names(made("mixture", "no layer norm"))
    assert "Concatenated" in names(made("diffusion", "condition concatenated"))
    assert "Modulated" in names(made("diffusion", "condition in every block"))
    assert size(made("diffusion", "condition by one layer")) < size(made("diffusion", SHIPPED))
    with ARMS["constant learning rate"].without():
        assert {state.warmup_cosine(step, 10, 5) for step in range(11)} == {1.0}
    assert state.warmup_cosine(10, 10, 5) == 0.0 and nn.LayerNorm(3).weight is not None
    assert (
        names(made("diffusion", SHIPPED)) >= {"ConditionedTrunk", "Trunk"} and layers.Residual is not trunk_layers.Plain
    )


def test_blocks_without_a_sum_let_everything_through_their_layers() -> None:
    x = torch.randn(3, 8)
    assert torch.equal(layers.Residual(8)(x), x)  # the identity at the start
    block = trunk_layers.Plain(8)
    for parameter in block.outer.parameters():
        nn.init.zeros_(parameter)
    assert (block(x) == 0).all()


@pytest.mark.parametrize("kind", [trunk_layers.Concatenated, trunk_layers.Modulated])
def test_a_condition_is_heard_wherever_it_is_told(kind: type[layers.ConditionedTrunk]) -> None:
    told = kind(4, 8, 2, 4)
    for block in told.blocks:
        nn.init.normal_(block.outer.weight)  # type: ignore[union-attr, arg-type]
    x, condition = torch.randn(3, 4), torch.randn(3, 8)
    assert not torch.allclose(told(x, condition), told(x, condition + 1), atol=1e-4)


def test_a_row_compares_an_arm_with_the_same_episodes_as_shipped() -> None:
    def told(success: list[bool], loss: float) -> dict[str, Any]:
        return {"success": success, "loss": loss, "parameters": 7, "train_s": 1.0}

    group = [TrunkCell("discrete avoid", "many", "mixture", seed, 4, "no layer norm") for seed in (0, 1)]
    shipped = [told([True] * 4, 0.5), told([True, True, True, False], 0.25)]
    lacking = [told([True, False, True, False], 0.75), told([False, True, False, False], 0.125)]
    line = row(group, lacking, shipped)
    assert (line["success"], line["gain"], line["per_seed"]) == (0.375, -0.5, [0.5, 0.25])
    assert (line["loss"], line["loss_gain"], line["lower_loss"]) == (0.4375, 0.0625, 1)
    low, high = line["gain_interval"]
    assert low < -0.5 < high <= 0 and row(group, shipped, shipped)["gain_interval"] == [0, 0]


def test_seeds_that_differ_widen_an_interval_more_than_episodes() -> None:
    rng = np.random.default_rng(1)
    alike = np.stack([rng.permutation(np.repeat([0.0, 1.0], 50)) for _ in range(4)])
    apart = np.repeat([0.0, 0.0, 1.0, 1.0], 100).reshape(4, 100)
    assert resampling.means(apart).std() > 3 * resampling.means(alike).std()


def test_a_study_leaves_a_page_and_is_not_run_twice(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cell in cells(1, 2):
        work(cell, tmp_path)
    monkeypatch.setattr(trunk, "work", None)  # who runs again fails
    words = ["--seeds", "1", "--episodes", "2", "--folder", str(tmp_path), "--output", str(tmp_path / "docs")]
    words += ["--results", str(tmp_path / "results")]
    assert trunk.main(words) == 0
    rows = json.loads((tmp_path / "results" / "trunk.json").read_text())
    assert len(rows) == len(list(cells(1, 2))) and all(np.isfinite(r["loss"]) for r in rows)
    assert (tmp_path / "docs" / "trunk.md").read_text() == trunk_page.page(rows)
    (tmp_path / f"{next(c for c in cells(1, 2) if c.arm == 'nothing held out').key()}.json").unlink()
    assert trunk.main([*words, "--kept"]) == 0
    there = json.loads((tmp_path / "results" / "trunk.json").read_text())
    assert there == [r for r in rows if r["arm"] != "nothing held out"]
    with pytest.raises(ConfigError, match="no arm with 2 trainings"):
        trunk.main(["--seeds", "2", *words[2:], "--kept"])


def test_a_part_is_needed_if_success_falls_without_it() -> None:
    lines = [{"gain": sum(bounds) / 2, "gain_interval": bounds} for bounds in ([-0.3, -0.1], [-0.1, 0.1], [0.1, 0.3])]
    assert [trunk_page.verdict(r) for r in lines] == ["needed", "open", "harmful"]
    assert [trunk_page.gain(r) for r in lines][:2] == ["**-20.0 (-30.0 to -10.0)**", "+0.0 (-10.0 to +10.0)"]


def test_what_is_said_is_judged_by_the_numbers() -> None:
    def line(arm: str, low: float, high: float, lower: int = 0) -> dict[str, Any]:
        told = {"policy": "mixture", "gain": (low + high) / 2, "gain_interval": [low, high]}
        return {"arm": arm, "seeds": 3, "lower_loss": lower, **told}

    rows = [line(arm, -0.3, -0.1) for _, arm, _ in trunk_page.CLAIMS]
    assert [agrees for *_, agrees in trunk_page.claims(rows)] == [True] * 7 + [False] * 2 + [True]
    rows[2] = line("no layer norm", -0.3, 0.1, lower=3)
    rows[3] = line("no averaged weights", -0.3, -0.1, lower=3)
    says = trunk_page.claims(rows)
    assert [agrees for *_, agrees in says] == [True, True, False, *[True] * 4, *[False] * 3]
    assert says[-1][1] == "lower loss in every training, less success: no averaged weights (`mixture`)"


def test_the_published_page_is_that_of_the_published_rows() -> None:
    rows = publishing.read_json(publishing.RESULTS / "trunk.json")
    assert (publishing.PAGES / "trunk.md").read_text() == trunk_page.page(rows)
    told = [(r["task"], r["policy"], r["arm"]) for r in rows]
    assert told == [cell.line for cell in cells(1, 1) if cell.line in told]
    assert all(r["seeds"] == len(r["per_seed"]) == 3 and r["episodes"] == 100 for r in rows)
