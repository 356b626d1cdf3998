# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A seeded sample of ``benchmarks.lerobot_damage``: damaged sets are refused or told, and no other error is raised."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import lerobot_damage
from il_ros.recording.lerobot.reader import read_dataset

pytest.importorskip("pyarrow", reason="pip install -r requirements-export.txt brings pyarrow")
TRIALS = 60


def test_no_damage_of_an_export_gives_other_numbers_without_a_word(contract, tmp_path):
    lerobot_damage.ours(tmp_path / "set", contract)
    came = lerobot_damage.run("ours", tmp_path / "set", contract, TRIALS, seed=0)
    assert came["refused"] > TRIALS / 3 and "silent" not in came


def test_damage_of_a_set_without_checksums_is_refused_told_or_below_what_its_statistics_show(contract, tmp_path):
    folder = tmp_path / "set"
    lerobot_damage.theirs(folder, contract)
    sound = read_dataset(folder, contract)
    outcomes = [came for _, _, came, _ in lerobot_damage.trials(folder, contract, TRIALS, seed=0)]
    assert outcomes.count("refused") > TRIALS / 3 and outcomes.count("silent") <= 0.02 * TRIALS
    assert lerobot_damage.same(read_dataset(folder, contract), sound)  # each trial leaves the set as it was


def test_a_comparison_sees_one_number_that_differs(contract, tmp_path):
    lerobot_damage.ours(tmp_path / "set", contract)
    one, other = read_dataset(tmp_path / "set", contract), read_dataset(tmp_path / "set", contract)
    assert lerobot_damage.same(one, other)
    values = next(iter(other.values())).observations
    values[3, 1] = np.nextafter(values[3, 1], np.float32(9))
    assert not lerobot_damage.same(one, other)
