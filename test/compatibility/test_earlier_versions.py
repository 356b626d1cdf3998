# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files that earlier versions wrote are read today, with equal numbers; see README.md."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.cli import _with_current_options
from il_ros.core import aliases
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger import ledger
from il_ros.learning.dagger.run import DaggerConfig
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.resume import OF_IMAGES, _differing
from il_ros.policies.base import create
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


@pytest.mark.parametrize(("name", "file"), [("training", "training.yaml"), ("mixture", "mixture.yaml")])
def test_training_keys_of_an_earlier_version_give_equal_values(name: str, file: str) -> None:
    config = TrainingConfig.load(FOLDER / file)
    expected = dict(EXPECTED[name])
    assert config.report_steps == max(1, expected["steps"] // expected.pop("reports"))
    for old, value in expected.items():
        new = old if old in ("options", "device") or hasattr(config, old) else aliases.ALIASES[old]
        assert new == "options" or getattr(config, new) == value, old
    sizes = {"observation_dim": 4, "action_dim": 2, "n_obs_steps": config.n_obs_steps, "horizon": config.horizon}
    made = create(config.policy, {**sizes, **config.options}, seed=0).config
    today = aliases.renamed(expected["options"], vars(made))
    assert {key: getattr(made, key) for key in today} == today and len(today) == len(expected["options"])


def test_contract_of_an_earlier_version_means_the_same() -> None:
    contract, expected = Contract.load(FOLDER / "contract.yaml"), dict(EXPECTED["contract"])
    external = expected.pop("foreign")
    assert contract.to_dict() == {**expected, "external": external} and contract.external.stale_s == 0.3
    assert contract.stale_ns == EXPECTED["stale_ns"]


def test_old_key_is_warned_of_once_and_refused_beside_the_new_one(caplog: pytest.LogCaptureFixture) -> None:
    aliases._warned.clear()
    for _ in range(2):
        assert TrainingConfig.from_dict("x", {"policy": "mixture", "held_out": 0.2}).val_fraction == 0.2
    assert [record.getMessage() for record in caplog.records] == [
        "'held_out' is now called 'val_fraction'; the old name is still accepted"
    ]
    with pytest.raises(ConfigError, match="'held_out' and 'val_fraction' are one and the same; remove 'held_out'"):
        TrainingConfig.from_dict("x", {"policy": "mixture", "held_out": 0.2, "val_fraction": 0.1})


def test_checkpoint_of_an_earlier_version_is_read_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    aliases._warned.clear()
    checkpoints.load(FOLDER / "mixture/checkpoint_001_mixture")
    assert not caplog.records


def test_run_of_an_earlier_version_goes_on_under_the_same_plan(tmp_path: Path) -> None:
    data, expected = ledger.read(FOLDER / "run"), EXPECTED["ledger"]
    assert {**data, "plan": 0} == {**expected, "plan": 0}
    plan = DaggerConfig(**data["plan"] | {name: str(FOLDER / data["plan"][name]) for name in ("policy", "contract")})
    assert (plan.labels_per_round, plan.eval_episodes, plan.success_threshold) == (60, 2, 0.9)
    shutil.copy(FOLDER / "run" / ledger.NAME, tmp_path)
    assert ledger.Ledger(tmp_path, data["plan"]).rounds == expected["rounds"]


def test_unfinished_training_of_an_earlier_version_goes_on() -> None:
    today = json.loads(json.dumps(dataclasses.asdict(TrainingConfig.load(FOLDER / "training.yaml")), default=dict))
    today = {key: value for key, value in today.items() if key not in OF_IMAGES}  # as of a training without images
    today["options"] = {"num_train_timesteps": 20, "num_inference_steps": 4, "prediction_type": "epsilon"}
    assert _differing(json.dumps({**EXPECTED["training"], "data": "0"}), {**today, "data": "0"}) == []


def test_old_options_of_commands_are_accepted(caplog: pytest.LogCaptureFixture) -> None:
    aliases._warned.clear()
    words = ["dagger", "run", "--loop", "--rule=beta", "--fresh", "0.5", "--device", "joy", "--paced", "--added", "60"]
    assert _with_current_options(["dagger"], words) == [
        *("dagger", "run", "--no-ros", "--gating-rule=beta", "--new-data-weight", "0.5"),
        *("--input-device", "joy", "--real-time", "--labels-per-round", "60"),
    ]
    assert caplog.records[0].getMessage() == "'--loop' is now called '--no-ros'; the old name is still accepted"
    assert _with_current_options(["train"], ["train", "x", "--fresh"]) == ["train", "x", "--fresh"]
