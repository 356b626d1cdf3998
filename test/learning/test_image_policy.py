# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that sees images is saved, drives and is exported as it was trained."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.errors import CheckpointError, DataError
from il_ros.core.types import Array, EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import critic as critics
from il_ros.learning import onnx_export
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.random_tape import RecordRandomness
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train

sys.path.insert(0, str(Path(__file__).parent / "training"))
from pictured import CONTRACT, SIZE, episodes

Images = dict[str, Array]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Checkpoint]:
    """Trains a little on two cameras and saves it, with a critic."""
    monkeypatch.setattr(critics, "STEPS", 5)

    def made(encoder: str) -> Checkpoint:
        recorded = episodes(6, seed=2)
        sizes = {"n_obs_steps": 3, "horizon": 4, "width": 24, "depth": 1, "steps": 3, "batch": 8}
        config = TrainingConfig("diffusion", **sizes, encoder=encoder, encoder_width=8, encoder_features=6)
        cameras = config.cameras(CONTRACT)
        trained = train(Dataset.from_episodes(recorded, 3, 4, cameras=cameras), config)
        critic = critics.learn(trained.policy, trained.normaliser, recorded, CONTRACT, seed=0)
        return checkpoints.save(tmp_path / encoder, trained, CONTRACT, [], critic=critic)

    return made


def steps(seed: int, count: int = 5) -> list[tuple[int, Array, Images]]:
    rng = np.random.default_rng(seed)
    names = [part.name for part in CONTRACT.images]
    return [
        (
            step * CONTRACT.step_ns,
            rng.uniform(-1, 1, len(CONTRACT.observation)).astype(np.float32),
            {name: rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for name in names},
        )
        for step in range(count)
    ]


@pytest.mark.parametrize("encoder", ["patch", "residual", "spatial_softmax", "none"])
def test_a_checkpoint_answers_after_reading_as_before_and_sees_each_camera(
    encoder: str, make: Callable[[str], Checkpoint]
) -> None:
    saved = make(encoder)
    runners = [PolicyRunner(saved), PolicyRunner(checkpoints.load(saved.path))]
    for stamp, numbers, images in steps(1):
        for runner in runners:
            runner.observe(stamp, numbers, images)
        first, second = (runner.chunk() for runner in runners)
        assert np.array_equal(first.actions, second.actions)
        assert repr(first.doubts) == repr(second.doubts)  # a critic that judges what is seen; it may hold NaN
    for name in images:
        runners[1].reset(EpisodeStart("", 0, 0))
        runners[1].observe(stamp, numbers, {**images, name: 255 - images[name]})
        runners[0].reset(EpisodeStart("", 0, 0))
        runners[0].observe(stamp, numbers, images)
        same = np.array_equal(runners[0].chunk().actions, runners[1].chunk().actions)
        assert same == (encoder == "none")


def test_an_image_that_is_missing_or_of_another_size_is_refused_by_its_name(make: Callable[[str], Checkpoint]) -> None:
    runner, (stamp, numbers, images) = PolicyRunner(make("patch")), steps(1)[0]
    wrong = {**images, "wrist": images["wrist"][:12]}
    for given, message in ((None, "no image of camera 'front'"), (wrong, r"'wrist' is uint8 \(12, 24, 3\)")):
        with pytest.raises(DataError, match=message):
            runner.observe(stamp, numbers, given)
    with pytest.raises(DataError, match="no observation"):
        runner.chunk()


def test_a_checkpoint_whose_cameras_are_not_those_of_its_contract_is_refused(make: Callable[[str], Checkpoint]) -> None:
    path = make("patch").path
    document = path / "checkpoint.json"
    document.write_text(document.read_text().replace('"front": [', '"rear": ['))
    with pytest.raises(CheckpointError, match="its cameras"):
        checkpoints.load(path)
    with pytest.raises(CheckpointError, match="images"):
        smaller = tuple(replace(part, width=12) for part in CONTRACT.images)
        checkpoints.load_for(make("residual").path, replace(CONTRACT, images=smaller))


@pytest.mark.parametrize("encoder", ["patch", "residual", "spatial_softmax"])
def test_the_graph_includes_the_encoders(encoder: str, make: Callable[[str], Checkpoint], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    saved = make(encoder)
    document = onnx_export.export(saved, tmp_path / "policy.onnx")
    session = runtime.InferenceSession(str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == [part["name"] for part in document["inputs"]]
    runner, rows = PolicyRunner(saved), []
    for stamp, numbers, images in steps(2):
        rows.append(numbers)
        runner.observe(stamp, numbers, images)
        with RecordRandomness() as written:
            chunk = runner.chunk().actions
        if len(rows) >= 3:
            given = {kind: row.numpy() for kind, row in written.flat().items()}
            seen = {f"image_{name}": one[None] for name, one in images.items()}
            (answer,) = session.run(None, {"observations": np.stack(rows[-3:])[None], **seen, **given})
            np.testing.assert_allclose(answer[0], chunk, rtol=0, atol=1e-5)  # m/s, of a range of 0.5
