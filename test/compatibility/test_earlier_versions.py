# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files that earlier versions wrote are read today, with equal numbers; see README.md."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.types import EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger import ledger
from il_ros.learning.inference import PolicyRunner
from il_ros.recording.episodes.reader import read_episode

FOLDER = Path(__file__).parent / "version_0_1_0"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize("name", sorted(EXPECTED["episodes"]))
def test_bag_of_an_earlier_version_gives_equal_steps(name: str) -> None:
    expected = EXPECTED["episodes"][name]
    episode = read_episode(FOLDER / "run/episodes" / name, Contract.load(FOLDER / "contract.yaml"))
    for field in ("observations", "executed", "authority", "stamps_ns"):
        assert hashlib.sha256(getattr(episode, field).tobytes()).hexdigest() == expected[field], field
    assert len(episode) == expected["steps"]
    assert episode.facts == expected["facts"]


@pytest.mark.parametrize("path", sorted(EXPECTED["checkpoints"]))
def test_checkpoint_of_an_earlier_version_acts_as_before(path: str) -> None:
    expected, checkpoint = EXPECTED["checkpoints"][path], checkpoints.load(FOLDER / path)
    assert checkpoint.hash == expected["hash"]
    runner = PolicyRunner(checkpoint, seed=3)
    runner.reset(EpisodeStart("episode", 5, 1_000_000_000))
    runner.observe(1_000_000_000, np.array([0.4, 0.01, 0.48, 0.0]))
    runner.observe(1_050_000_000, np.array([0.41, 0.015, 0.48, 0.0]))
    np.testing.assert_allclose(runner.chunk().actions, expected["actions"], rtol=1e-5, atol=1e-6)


def test_ledger_of_an_earlier_version_is_read() -> None:
    assert ledger.read(FOLDER / "run") == EXPECTED["ledger"]
