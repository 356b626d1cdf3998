# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that sees relations between points is saved, drives, is exported and goes on learning as it was trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode, Record
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.core.messages import chunk_from, fill_chunk
from il_ros.core.types import Chunk
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import onnx_export
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.random_tape import RecordRandomness
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import Trained
from il_ros.learning.training.trainer import train
from il_ros.policies.encoding.encoded_policy import EncodedPolicy

CONTRACT = Contract.load("panda_reach")
STEPS = 12


def windows(count: int = 8, height: float = 0.1, history: int = 1) -> Dataset:
    """Episodes in which the expert goes straight to a target; all heights are within ``height`` m."""
    rng, episodes = np.random.default_rng(0), []
    for _ in range(count):
        tool, target = (np.array([0.4, 0.0, 0.2]) + rng.uniform(-1, 1, 3) * (0.1, 0.1, height) for _ in range(2))
        seen, records = [], []
        for step in range(STEPS):
            action = np.clip(2.0 * (target - tool), -0.25, 0.25)
            seen.append(np.concatenate([tool, target]))
            records.append(Record(CONTRACT.step_ns * step, Authority.EXPERT, "steady", 0, action))
            tool = tool + action * 0.05
        episodes.append(Episode.from_steps(np.array(seen), records, CONTRACT.step_ns, {}))
    return Dataset.from_episodes(episodes, history, 4, layout=CONTRACT.layout)


def trained(
    policy: str = "mixture", steps: int = 5, data: Dataset | None = None, relations: bool = True, **changes: object
) -> Trained:
    data = windows() if data is None else data
    sizes = {"n_obs_steps": data.observations.shape[1], "horizon": 4, "width": 24, "depth": 1, "batch": 16}
    options = {"components": 2} if policy == "mixture" else {}
    return train(data, TrainingConfig(policy, **sizes, steps=steps, options=options, relations=relations), **changes)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Checkpoint]:
    return lambda *arguments: checkpoints.save(tmp_path / "made", trained(*arguments), CONTRACT, [])


def test_relations_that_there_are_none_of_are_noted() -> None:
    assert trained().notes == ()
    data = replace(windows(), layout=Contract.load("mountain_car").layout)
    assert not isinstance(trained(data=data).policy, EncodedPolicy)
    assert "relations: the contract names no two points" in trained(data=data).notes[0]


def test_a_policy_asks_for_as_many_steps_as_its_training_says(tmp_path: Path) -> None:
    data = windows()
    config = TrainingConfig("deterministic", n_obs_steps=1, horizon=4, width=8, depth=1, steps=2, execute_steps=3)
    saved = checkpoints.save(tmp_path / "made", train(data, config), CONTRACT, [])
    runner = PolicyRunner(checkpoints.load(saved.path))
    runner.observe(CONTRACT.step_ns, places(1)[0])
    chunk = runner.chunk()
    message = fill(chunk)
    assert chunk.execute == chunk_from(message, CONTRACT).execute == 3
    assert chunk_from(fill(replace(chunk, execute=0)), CONTRACT).execute == 0
    assert [np.shape(point.positions) for point in message.points] == [(5,)] * 4  # three velocities, engage, and that


def fill(chunk: Chunk) -> JointTrajectory:
    message = JointTrajectory()
    fill_chunk(message, chunk, CONTRACT, JointTrajectoryPoint)
    return message


def places(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0.0, 0.5, len(CONTRACT.observation)).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize("policy", sorted(set(plugins.available("policy")) - {"categorical"}))
def test_every_class_answers_after_reading_as_before(policy: str, make: Callable[..., Checkpoint]) -> None:
    saved = make(policy)
    assert saved.document["geometry"]["points"] == {"tool": [0, 1, 2], "target": [3, 4, 5]}
    assert isinstance(saved.policy, EncodedPolicy)
    runners = [PolicyRunner(saved), PolicyRunner(checkpoints.load(saved.path))]
    for number, seen in enumerate(places(3)):
        for runner in runners:
            runner.observe(number * CONTRACT.step_ns, seen)
        first, second = (runner.chunk().actions for runner in runners)
        assert np.array_equal(first, second)


def test_a_warm_start_reads_numbers_by_the_normaliser_that_is_in_force() -> None:
    first = trained(data=windows(height=0.0))  # heights never changed
    assert first.normaliser.observation.is_constant[[2, 5]].all()
    again = trained(data=windows(), warm_start=(first.policy, first.normaliser))
    assert not again.normaliser.observation.is_constant.any()
    relations = again.policy.relations  # type: ignore[attr-defined]
    np.testing.assert_allclose(relations.offset, again.normaliser.observation.offset, rtol=1e-6)
    np.testing.assert_allclose(relations.scale, again.normaliser.observation.scale, rtol=1e-6)
    with pytest.raises(ConfigError, match="cannot go on"):
        trained(relations=False, warm_start=(first.policy, first.normaliser))


def test_a_constant_height_counts_as_what_it_was_taught_with() -> None:
    result = trained(data=windows(height=0.0))
    seen = result.normaliser.observation.forward(np.array([0.4, 0.0, 0.2, 0.45, 0.0, 0.2]))
    moved = result.normaliser.observation.forward(np.array([0.4, 0.0, 0.9, 0.45, 0.0, 0.2]))
    np.testing.assert_array_equal(seen, moved)


def test_points_that_its_contract_lacks_are_refused(make: Callable[..., Checkpoint]) -> None:
    path = make().path
    document = path / "checkpoint.json"
    document.write_text(document.read_text().replace("5\n   ]\n  },", "6\n   ]\n  },", 1))
    with pytest.raises(CheckpointError, match=r"its points have components \[.*6\]; its contract has 6"):
        checkpoints.load(path)


def test_the_graph_includes_the_relations(make: Callable[..., Checkpoint], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    saved = make()
    onnx_export.export(saved, tmp_path / "policy.onnx")
    session = runtime.InferenceSession(str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"])
    runner = PolicyRunner(saved)
    for number, seen in enumerate(places(5)):
        runner.observe(number * CONTRACT.step_ns, seen)
        with RecordRandomness() as written:
            chunk = runner.chunk().actions
        given = {kind: row.numpy() for kind, row in written.flat().items()}
        (answer,) = session.run(None, {"observations": seen[None, None], **given})
        np.testing.assert_allclose(answer[0], chunk, rtol=0, atol=1e-5)  # m/s, of a range of 0.5
