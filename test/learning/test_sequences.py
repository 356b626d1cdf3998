# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observations read as a sequence: all of them count, in their order, for every class, in a file and in a graph."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode, Record
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import onnx_export
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.random_tape import RecordRandomness
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import Trained
from il_ros.learning.training.trainer import train
from il_ros.policies.encoding.encoded_policy import create_encoded, sequence_of
from il_ros.policies.encoding.sequences import SEQUENCES

CONTRACT = Contract.load("panda_reach")
DIM, STEPS = len(CONTRACT.observation), 6
SIZES = {"observation_dim": DIM, "action_dim": 3, "n_obs_steps": STEPS, "horizon": 4, "width": 24, "depth": 1}


def windows(count: int = 60) -> Dataset:
    """Episodes in which the target is where it is for the first two steps alone; the expert goes on towards it."""
    rng, episodes = np.random.default_rng(0), []
    for number in range(count):
        seen = np.tile([0.4, 0.0, 0.2, 0.5, 0.0, 0.2], (STEPS, 1)) + rng.normal(0.0, 0.01, (STEPS, DIM))
        side = 1.0 if number % 2 else -1.0
        seen[:2, 4] += 0.2 * side
        action = np.array([0.0, 0.2 * side, 0.0])
        records = [Record(CONTRACT.step_ns * n, Authority.EXPERT, "steady", 0, action) for n in range(STEPS)]
        episodes.append(Episode.from_steps(seen, records, CONTRACT.step_ns, {}))
    return Dataset.from_episodes(episodes, STEPS, 4, layout=CONTRACT.layout)


def trained(sequence: str, policy: str = "deterministic", steps: int = 3, **changes: Any) -> Trained:
    sizes = {key: SIZES[key] for key in ("n_obs_steps", "horizon", "width", "depth")}
    options = {"components": 2} if policy == "mixture" else {}
    config = TrainingConfig(policy, **sizes, steps=steps, options=options, sequence=sequence, relations=True)  # type: ignore[arg-type]
    return train(windows(), dataclasses.replace(config, **changes))


def histories(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0.0, 0.5, DIM).astype(np.float32) for _ in range(count)]


def test_a_configuration_names_what_there_is() -> None:
    assert set(get_args(get_type_hints(TrainingConfig)["sequence"])) == {"", *SEQUENCES}
    with pytest.raises(ConfigError, match="sequence is 'lstm'; it must be '', 'gru' or 'transformer'"):
        TrainingConfig.load("mixture", sequence="lstm")
    with pytest.raises(ConfigError, match="'lstm'"):
        create_encoded("mixture", SIZES, 0, sequence="lstm")


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_every_observation_counts_in_its_order_and_the_newest_stands_by_itself(sequence: str) -> None:
    policy = create_encoded("deterministic", SIZES, 0, CONTRACT.layout.geometry, sequence=sequence)
    assert sequence_of(policy) == sequence and policy.config.n_obs_steps == STEPS and policy.measured_dim == DIM
    history = torch.rand(2, STEPS, DIM)
    seen = policy.encode(history, [])
    assert seen.shape == (2, 1, policy.encoded_dim) and torch.equal(seen[:, 0, :DIM], history[:, -1])
    changed = [history.clone() for _ in range(STEPS)]
    for number, other in enumerate(changed):
        other[:, number] += 0.5
    swapped = history[:, [1, 0, *range(2, STEPS)]]
    for one, other in itertools.combinations(
        [seen, policy.encode(swapped, []), *map(policy.encode, changed, [[]] * STEPS)], 2
    ):
        assert not torch.allclose(one, other, atol=1e-6)
    with torch.no_grad():
        assert torch.allclose(policy.frozen().encode(history, []), seen, atol=1e-6)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_what_was_seen_long_ago_is_learned_from(sequence: str) -> None:
    result = trained(sequence, steps=300, batch=64, learning_rate=3e-3)
    data = windows()
    shown = torch.from_numpy(result.normaliser.observation.forward(data.observations))
    with torch.no_grad():
        answers = result.policy.sample(result.policy.encode(shown, []), torch.Generator())
    sideways = result.normaliser.action.inverse(answers.numpy())[:, 0, 1]
    assert np.abs(sideways - data.actions[:, 0, 1]).max() < 0.05  # m/s, of 0.2 to either side


@pytest.mark.parametrize(
    ("policy", "sequence"), [(p, s) for p in plugins.available("policy") for s in SEQUENCES if p != "categorical"]
)
def test_every_class_answers_after_reading_as_before(policy: str, sequence: str, tmp_path: Path) -> None:
    saved = checkpoints.save(tmp_path / "made", trained(sequence, policy), CONTRACT, [])
    assert saved.document["sequence"] == sequence and saved.document["sizes"]["n_obs_steps"] == STEPS
    runners = [PolicyRunner(saved), PolicyRunner(checkpoints.load(saved.path))]
    for number, seen in enumerate(histories(STEPS + 1)):
        for runner in runners:
            runner.observe(number * CONTRACT.step_ns, seen)
        first, second = (runner.chunk().actions for runner in runners)
        assert np.array_equal(first, second)


def test_a_training_goes_on_from_weights_of_the_same_sequence_alone() -> None:
    first = trained("gru")
    config = dataclasses.replace(first.config, steps=2)
    assert sequence_of(train(windows(), config, warm_start=(first.policy, first.normaliser)).policy) == "gru"
    for other in ("", "transformer"):
        with pytest.raises(ConfigError, match="cannot go on"):
            train(windows(), dataclasses.replace(config, sequence=other), warm_start=(first.policy, first.normaliser))  # type: ignore[arg-type]


def test_a_sequence_that_this_program_does_not_know_is_refused(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path / "made", trained("gru"), CONTRACT, []).path
    document = path / "checkpoint.json"
    text = document.read_text()
    document.write_text(text.replace('\n "sequence": "gru"', '\n "sequence": "lstm"', 1))
    assert document.read_text() != text
    with pytest.raises(CheckpointError, match="does not fit this program: sequence 'lstm'"):
        checkpoints.load(path)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_graph_includes_the_sequence(sequence: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    saved = checkpoints.save(tmp_path / "made", trained(sequence, "mixture"), CONTRACT, [])
    onnx_export.export(saved, tmp_path / "policy.onnx")
    session = runtime.InferenceSession(str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"])
    runner, seen = PolicyRunner(saved), histories(STEPS)
    for number, one in enumerate(seen):
        runner.observe(number * CONTRACT.step_ns, one)
    with RecordRandomness() as written:
        chunk = runner.chunk().actions
    given = {kind: row.numpy() for kind, row in written.flat().items()}
    (answer,) = session.run(None, {"observations": np.stack(seen)[None], **given})
    np.testing.assert_allclose(answer[0], chunk, rtol=0, atol=1e-5)  # m/s, of a range of 0.5
