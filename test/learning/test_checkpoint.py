# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.errors import CheckpointError, StorageError
from il_ros.core.types import EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.checkpoint_files import keep_execution
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.policies.base import PolicyConfig
from il_ros.policies.deterministic import Deterministic

POLICIES = sorted(plugins.available("policy"))
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
        actor = PolicyRunner(checkpoint)
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
    actor = PolicyRunner(loaded)
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
    actor = PolicyRunner(loaded)
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


def edit_part(path: Path, where: str, value: object) -> None:
    file = path / "checkpoint.json"
    document = json.loads(file.read_text())
    *above, key = where.split(".")
    functools.reduce(dict.__getitem__, above, document)[key] = value
    file.write_text(json.dumps(document))


def fill(path: Path, name: str, value: float) -> None:
    """Other weights of the same shapes, and the sha256 that goes with them."""
    tensors = safetensors.torch.load((path / name).read_bytes())
    raw = safetensors.torch.save({key: torch.full_like(tensor, value) for key, tensor in tensors.items()})
    (path / name).write_bytes(raw)
    key = "weights_sha256" if name == "model.safetensors" else "states_sha256"
    edit(path, **{key: hashlib.sha256(raw).hexdigest()})


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
        (lambda p: edit(p, normalizer={}), "is damaged"),
        (lambda p: edit_part(p, "normalizer.action.scale", [0.1]), "is damaged"),
        (lambda p: edit_part(p, "normalizer.action", {"offset": [0.0], "scale": [0.1]}), "of 1 action components"),
        (lambda p: edit_part(p, "normalizer.action.scale", None), "is damaged"),
        (lambda p: edit_part(p, "normalizer.observation.offset", [float("nan")] * 4), "is damaged"),
        (lambda p: edit(p, policy=3), "has 3 for its policy"),
        (lambda p: edit(p, manifest={}), "has {} for its manifest"),
        (lambda p: edit(p, taught={"fork": [3]}), "is damaged"),
        (lambda p: edit_part(p, "sizes.observation_dim", 3), "its observation_dim is 3; its contract has 4"),
        (lambda p: edit_part(p, "sizes.action_dim", 10**9), "its action_dim is 1000000000"),
        (lambda p: edit_part(p, "sizes.n_obs_steps", 10**9), "n_obs_steps or horizon is not from 1 to 10000"),
        (lambda p: edit_part(p, "sizes.horizon", 10**4), "is damaged"),
        (lambda p: edit_part(p, "sizes.width", 10**6), "far larger network"),
        (lambda p: edit_part(p, "sizes.width", 10**30), "far larger network"),
        (lambda p: edit_part(p, "sizes.depth", 10**12), "far larger network"),
        (lambda p: edit_part(p, "sizes.components", 10**9), "far larger network|min_weight"),
        (lambda p: edit(p, policy="no.such.module"), "no module that is imported here already or declares a policy"),
        (lambda p: edit(p, policy="a..b"), "no module that is imported here already or declares a policy"),
        (lambda p: edit(p, policy="json.tool"), "no module that is imported here already or declares a policy"),
        (lambda p: fill(p, "model.safetensors", float("nan")), "holds numbers that are not finite"),
        (lambda p: fill(p, "model.safetensors", float("inf")), "holds numbers that are not finite"),
        (lambda p: fill(p, "model.safetensors", 1e38), "is damaged"),
        (lambda p: fill(p, "states.safetensors", float("nan")), "states holds numbers that are not finite"),
        (damage_weights, "another sha256"),
        (lambda p: (p / "execution.json").write_text("{"), "execution.json cannot be read"),
        (lambda p: (p / "execution.json").write_text("[4]"), "execution.json cannot be read"),
        (lambda p: keep_execution(p, "0123", 4, {}), "was measured of another checkpoint \\('0123'"),
        (lambda p: keep_execution(p, checkpoints.load(p).hash, 0, {}), "has execute_steps 0, not 1 or more"),
        (lambda p: keep_execution(p, checkpoints.load(p).hash, True, {}), "has execute_steps True, not 1 or more"),
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

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="No space left on device"):
        made(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        made(tmp_path).path = Path("x")  # type: ignore[misc]


SOURCE = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
POLICY = """
from il_ros.policies.deterministic import Deterministic

class Mine(Deterministic):
    pass
"""


@pytest.mark.parametrize("in_package", [False, True])
def test_a_module_is_run_for_a_checkpoint_only_if_it_declares_a_policy(
    in_package: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / f"somebody_{in_package}"
    package.mkdir()
    (package / "__init__.py").write_text(SOURCE)
    (package / "effect.py").write_text(SOURCE)
    (package / "mine.py").write_text(SOURCE + POLICY)
    monkeypatch.syspath_prepend(str(tmp_path))
    saved = made(tmp_path, "deterministic").path
    for name in (f"{package.name}.effect", f"{package.name}.nothing", f"{package.name}.effect.mine"):
        edit(saved, policy=name)
        with pytest.raises(CheckpointError, match="declares a policy"):
            checkpoints.load(saved)
    assert not list(package.glob("*.ran")) and package.name not in sys.modules
    edit(saved, policy=f"{package.name}.mine")
    assert type(checkpoints.load(saved).policy).__name__ == "Mine"
    assert (package / "mine.ran").exists() and not (package / "effect.ran").exists()


class Wide(Deterministic):
    """Answers one number for each step, which would be spread over all components."""

    def sample(self, observations: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return super().sample(observations, generator)[..., :1]


def test_a_policy_that_answers_in_another_shape_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = made(tmp_path, "deterministic").path
    monkeypatch.setattr(checkpoints, "create_encoded", lambda name, sizes, *_: Wide(PolicyConfig(**sizes)))
    with pytest.raises(CheckpointError, match=r"is damaged: its policy answers with shape \(1, 4, 1\)"):
        checkpoints.load(saved)


def test_it_says_which_seeds_it_was_taught(tmp_path: Path) -> None:
    assert made(tmp_path).taught is None
    saved = made(tmp_path / "other")
    edit(saved.path, taught={"fork": [[0, 3], [9, 9]]})
    assert checkpoints.load(saved.path).taught == {"fork": [[0, 3], [9, 9]]}


# Contracts ------------------------------------------------------------------------------------------------------------


def test_a_checkpoint_for_another_contract_is_refused_key_by_key(tmp_path: Path) -> None:
    saved = made(tmp_path)
    plain = saved.contract.to_dict()
    plain["rate_hz"] = 10.0
    with pytest.raises(CheckpointError, match=r"rate_hz 10\.0 here, 20\.0 in the checkpoint; give the contract"):
        checkpoints.load_for(saved.path, Contract.from_dict("panda_plane", plain))
    plain = saved.contract.to_dict()
    plain["action"]["tool_vx"]["max_step"] = 0.01
    assert checkpoints.load_for(saved.path, Contract.from_dict("panda_plane", plain)).hash == saved.hash
