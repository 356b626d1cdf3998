# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from il_ros import registry
from il_ros.errors import CheckpointError, StorageError
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.actor import Actor
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.dataset import Dataset
from il_ros.learning.trainer import TrainingConfig, train
from il_ros.policies.base import Policy
from il_ros.signals import EpisodeStart
from il_ros.specs import Contract

POLICIES = sorted(registry.available("il_ros.policies", Policy))
STEP_NS = 50_000_000


def made(folder: Path, name: str = "mixture", seed: int = 0) -> Checkpoint:
    rng = np.random.default_rng(1)
    data = Dataset(
        observations=rng.uniform(0.2, 0.6, (60, 2, 4)).astype(np.float32),
        actions=(rng.integers(-2, 3, (60, 4, 2)) / 5).astype(np.float32),
        mask=np.ones((60, 4), dtype=np.float32),
        weight=np.ones(60, dtype=np.float32),
        episode=np.repeat(np.arange(6), 10),
    )
    config = TrainingConfig(policy=name, width=16, depth=1, steps=5, batch=8, horizon=4, seed=seed)
    manifest = [{"name": "episode_000001", "sha256": "0" * 64}]
    return checkpoints.save(folder / "first", train(data, config), Contract.load("panda_plane"), manifest)


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_loaded_acts_like_what_was_saved(name: str, tmp_path: Path) -> None:
    saved = made(tmp_path, name)
    loaded = checkpoints.load(saved.path)
    assert loaded.hash == saved.hash
    assert loaded.contract == saved.contract
    for one, two in zip(saved.policy.state_dict().values(), loaded.policy.state_dict().values()):
        assert torch.equal(one, two)
    chunks = []
    for checkpoint in (saved, loaded):
        actor = Actor(checkpoint)
        actor.reset(EpisodeStart("fork", 3, 0))
        actor.observe(0, np.full(4, 0.4, dtype=np.float32))
        chunks.append(actor.chunk().actions)
    assert (chunks[0] == chunks[1]).all()


def test_the_folder_holds_weights_and_json_and_no_rest_of_the_writing(tmp_path: Path) -> None:
    saved = made(tmp_path)
    names = {p.name for p in saved.path.iterdir()}
    assert names == {"checkpoint.json", "model.safetensors", "states.safetensors"}
    assert [p.name for p in tmp_path.iterdir()] == ["first"]
    document = json.loads((saved.path / "checkpoint.json").read_text())
    assert document["manifest"] == [{"name": "episode_000001", "sha256": "0" * 64}]
    assert document["training"]["steps"] == 5


def test_it_knows_how_far_a_state_is_from_what_it_was_trained_on(tmp_path: Path) -> None:
    loaded = checkpoints.load(made(tmp_path).path)
    assert loaded.states is not None and loaded.states.shape[1] == 4 and loaded.states.abs().max() <= 1.0
    actor = Actor(loaded)
    assert np.isnan(actor.distance())
    known, scale = loaded.normaliser.observation.inverse(loaded.states.numpy()), loaded.normaliser.observation.scale
    found = []
    for step, away in enumerate((0.0, 0.5, 20.0)):  # along one component, outwards from its greatest value
        actor.observe(step * STEP_NS, known[known[:, 0].argmax()] + away * scale * np.array([1.0, 0, 0, 0]))
        found.append(actor.distance())
    assert found[0] < 1e-4 and 0.0 < found[1] <= 0.5 and found[2] > 19.0


def test_a_checkpoint_of_before_states_were_kept_is_read_and_knows_no_distance(tmp_path: Path) -> None:
    saved = made(tmp_path)
    (saved.path / "states.safetensors").unlink()
    document = json.loads((saved.path / "checkpoint.json").read_text())
    del document["states_sha256"]
    (saved.path / "checkpoint.json").write_text(json.dumps(document))
    loaded = checkpoints.load(saved.path)
    actor = Actor(loaded)
    actor.observe(0, np.full(4, 0.4, dtype=np.float32))
    assert loaded.states is None and np.isnan(actor.distance())


def test_the_hash_changes_with_the_weights(tmp_path: Path) -> None:
    assert made(tmp_path / "a", seed=0).short_hash != made(tmp_path / "b", seed=1).short_hash


def test_a_checkpoint_is_never_overwritten(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(CheckpointError, match="already there"):
        made(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        made(tmp_path / "file")


def edit(path: Path, **changes: object) -> None:
    file = path / "checkpoint.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def damage_weights(path: Path) -> None:
    raw = bytearray((path / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (path / "model.safetensors").write_bytes(raw)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda p: (p / "checkpoint.json").unlink(), "cannot be read: No such file"),
        (lambda p: (p / "model.safetensors").unlink(), "cannot be read: No such file"),
        (lambda p: (p / "states.safetensors").unlink(), "cannot be read: No such file"),
        (lambda p: (p / "checkpoint.json").write_text("{"), "is not JSON"),
        (lambda p: (p / "checkpoint.json").write_text("[]"), "is not a checkpoint of il_ros"),
        (lambda p: edit(p, format=99), "format 99; this program reads up to 1"),
        (lambda p: edit(p, policy="transformer"), "'transformer' is not known"),
        (lambda p: edit(p, sizes={}), "lacks the key"),
        (lambda p: edit(p, normaliser={}), "is damaged"),
        (damage_weights, "another sha256"),
    ],
)
def test_a_bad_checkpoint_is_one_clear_error(harm: object, message: str, tmp_path: Path) -> None:
    path = made(tmp_path).path
    harm(path)  # type: ignore[operator]
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoints.load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_weights_file_is_found_at_every_length_even_without_verification(tmp_path: Path) -> None:
    path = made(tmp_path).path
    raw = (path / "model.safetensors").read_bytes()
    for length in range(0, len(raw), max(1, len(raw) // 40)):
        (path / "model.safetensors").write_bytes(raw[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoints.load(path, verify=False)


def test_saving_fails_whole_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    with pytest.raises(StorageError, match="No space left on device"):
        made(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        made(tmp_path).path = Path("x")  # type: ignore[misc]
