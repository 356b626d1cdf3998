# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every example runs, with few episodes and steps: its numbers mean nothing then."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from examples import evaluate_policy, train_from_bags

pytestmark = pytest.mark.usefixtures("simulation")
ROOT = Path(__file__).resolve().parents[1]
FAST = ["--episodes", "2", "--steps", "20"]
TESTED = {"train_from_bags", "evaluate_policy", "own_task", "own_policy", "own_arm"}


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs it from where the documentation says."""
    monkeypatch.chdir(ROOT)


def test_every_example_is_tested() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} - {"__init__"} == TESTED


def test_train_from_bags_and_evaluate(tmp_path: Path) -> None:
    checkpoint = train_from_bags.main([str(tmp_path), *FAST])
    assert checkpoint.is_dir() and len(list((tmp_path / "episodes").glob("episode_*"))) == 2
    assert 0 <= evaluate_policy.main([str(checkpoint), "--episodes", "2"]) <= 1
    again = train_from_bags.main([str(tmp_path), "--policy", "deterministic", *FAST])  # the bags are there
    assert again.name == "checkpoint_002_deterministic"


@pytest.mark.parametrize("name", sorted(TESTED - {"train_from_bags", "evaluate_policy"}))
def test_an_extension_of_ones_own_is_demonstrated_trained_and_evaluated(name: str, tmp_path: Path) -> None:
    module = importlib.import_module(f"examples.{name}")
    assert 0 <= module.main(["--run", str(tmp_path), *FAST]) <= 1
