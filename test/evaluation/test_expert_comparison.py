# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Experts beside each other, and how much each counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError, DataError
from il_ros.core.types import Array
from il_ros.evaluation.expert_comparison import compare, smoothness
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.pipeline import TrainingPipeline, weight_of
from il_ros.learning.training.config import TrainingConfig

PLANE = Contract.load("panda_plane")
STEPS = 40


def episode(expert: str, actions: Array, outcome: str = "success", drives: int = Authority.EXPERT) -> Episode:
    steps = len(actions)
    path = np.linspace(0.3, 0.6, steps)
    return Episode(
        stamps_ns=10**9 + PLANE.step_ns * np.arange(steps),
        observations=np.column_stack([path, 0 * path, 0.48 + 0 * path, 0 * path]).astype(np.float32),
        executed=actions.astype(np.float32),
        policy=np.full((steps, 2), np.nan, dtype=np.float32),
        expert=actions.astype(np.float32),
        authority=np.full(steps, drives, dtype=np.uint8),
        intervention=np.zeros(steps, dtype=np.int32),
        doubts=np.full((steps, 5), np.nan, dtype=np.float32),
        step_ns=PLANE.step_ns,
        facts={"expert": expert, "outcome": outcome},
    )


def going(left: float, shake: float = 0.0) -> Array:
    time = np.linspace(0, 1, STEPS)
    bell = 30 * time**2 * (1 - time) ** 2 / 1.875
    return np.column_stack([0.1 * bell + shake * (-1.0) ** np.arange(STEPS), np.full(STEPS, left)])


def test_two_who_do_the_same_in_the_same_state_agree_and_two_who_part_do_not():
    alike = compare([episode("anna", going(0.1)), episode("ben", going(0.1))], PLANE)
    apart = compare([episode("anna", going(0.1)), episode("ben", going(-0.1))], PLANE)
    assert [row["met"] for row in (*alike, *apart)] == [1.0] * 4
    assert [row["disagreement"] for row in alike] == pytest.approx([0.0, 0.0])
    assert [row["disagreement"] for row in apart] == pytest.approx([0.2 / 0.5 / 2] * 2)  # of two components, one


def test_who_shakes_is_less_smooth():
    still, shaking = (smoothness(episode("anna", going(0.0, shake)), PLANE) for shake in (0.0, 0.01))
    assert shaking < still - 1.0


def test_a_bell_of_speed_is_as_smooth_as_theory_says():
    """Of a minimum-jerk motion the dimensionless jerk is 204.8 (Hogan and Sternad 2009, table 1)."""
    time = np.linspace(0, 1, 400)
    speed = 30 * time**2 * (1 - time) ** 2
    bell = np.column_stack([0.1 * speed, 0 * speed])
    assert smoothness(episode("anna", bell), PLANE) == pytest.approx(-math.log(204.8), abs=0.05)


def test_one_row_an_expert_with_his_successes_and_his_time():
    shown = [episode("anna", going(0.0)), episode("anna", going(0.0), "collision"), episode("ben", going(0.0))]
    shown += [episode("anna, ben", going(0.0)), episode("cleo", going(0.0), drives=Authority.POLICY)]
    rows = compare(shown, PLANE)
    assert [(row["expert"], row["episodes"], row["success"]) for row in rows] == [("anna", 2, 0.5), ("ben", 1, 1.0)]
    assert rows[0]["duration_s"] == pytest.approx(STEPS / PLANE.rate_hz)


def test_one_alone_disagrees_with_nobody():
    (row,) = compare([episode("anna", going(0.0))], PLANE)
    assert row["met"] == 0.0 and math.isnan(row["disagreement"])


@pytest.mark.parametrize(
    ("who", "experts", "weight"),
    [
        ("anna", {}, 1.0),
        ("anna", {"anna": 0.5}, 0.5),
        ("ben", {"anna": 0.5}, 1.0),
        ("ben", {"anna": 1.0, "others": 0.0}, 0.0),
        ("anna, ben", {"anna": 2.0, "ben": 0.5}, 0.5),
        ("", {"others": 0.25}, 0.25),
    ],
)
def test_an_episode_counts_as_its_expert_does(who, experts, weight):
    assert weight_of(episode(who, going(0.0)), experts) == weight


def test_windows_weigh_as_their_episode_does():
    shown = [episode("anna", going(0.1)), episode("ben", going(-0.1))]
    data = Dataset.from_episodes(shown, 2, 8).weighed([1.0, 0.25])
    assert set(data.weight[data.episode == 0]) == {1.0} and set(data.weight[data.episode == 1]) == {0.25}


@pytest.mark.parametrize("experts", [{"anna": -1}, {"anna": "much"}, {"anna": math.nan}, {"anna": True}, ["anna"]])
def test_weights_that_cannot_be_are_refused(experts):
    expected = r"experts(\.anna)? is .*; it must be (a mapping|a number|a finite number|at least 0)"
    with pytest.raises(ConfigError, match=expected):
        TrainingConfig.load("mixture", experts=experts)


def test_a_workshop_leaves_out_whom_nobody_wants_and_says_so_if_nobody_is_left(monkeypatch, tmp_path):
    shown = {tmp_path / "a": episode("anna", going(0.1)), tmp_path / "b": episode("ben", going(-0.1))}
    workshop = TrainingPipeline(tmp_path, tmp_path / "checkpoints", PLANE)
    monkeypatch.setattr(workshop, "ingest", lambda: workshop._read.update(shown))
    small = {"steps": 20, "width": 8}
    made = workshop.train(TrainingConfig.load("deterministic", experts={"ben": 0.0}, **small))
    assert made["episodes"] == 1
    with pytest.raises(DataError, match="those of anna, ben; see 'experts'"):
        workshop.train(TrainingConfig.load("deterministic", experts={"others": 0.0}, **small))
