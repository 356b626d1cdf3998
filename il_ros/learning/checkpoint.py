# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A checkpoint: a folder of weights and JSON that says what made them; no pickle."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

import il_ros
from il_ros.errors import CheckpointError, IlRosError, StorageError
from il_ros.learning.critic import Critic
from il_ros.learning.normaliser import Normaliser
from il_ros.learning.trainer import Trained
from il_ros.policies.base import Policy, create
from il_ros.specs import Contract

FORMAT = 1
DOCUMENT, WEIGHTS = "checkpoint.json", "model.safetensors"
CRITIC, STATES = "critic.safetensors", "states.safetensors"
KEYS = ("format", "policy", "sizes", "normaliser", "contract", "training", "manifest", "weights_sha256")


@dataclass(frozen=True)
class Checkpoint:
    """A policy with everything that is needed to use it, and to know where it comes from."""

    path: Path
    document: Mapping[str, Any]
    """What ``checkpoint.json`` says."""
    policy: Policy
    normaliser: Normaliser
    contract: Contract
    critic: Critic | None = None
    """What judges the policy's answers, if one was trained with it."""
    states: torch.Tensor | None = None
    """(N, Do) float32, normalised: observations that it was trained on. Older checkpoints have none."""

    @property
    def hash(self) -> str:
        """sha256 of the document's canonical bytes, which name the weights by theirs: equal means equal in all."""
        return hashlib.sha256(_canonical(self.document)).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first 12 digits, by which the record of authority names a checkpoint."""
        return self.hash[:12]


def save(
    path: Path,
    trained: Trained,
    contract: Contract,
    manifest: Sequence[Mapping[str, str]],
    created: str | None = None,
    critic: Critic | None = None,
) -> Checkpoint:
    """Write a checkpoint under ``path``; it is there whole or not at all.

    Args:
        path: the folder to make; its parents are made too.
        trained: what the trainer left.
        contract: what observations and actions were when the episodes were recorded.
        manifest: for each episode that was trained on, its name and a digest of its bytes.
        created: when, ISO 8601; now unless told.
        critic: of the policy, if there is one.

    Raises:
        CheckpointError: if ``path`` is already there.
        StorageError: if it cannot be written.
    """
    if path.exists():
        raise CheckpointError(f"{path} is already there; checkpoints are never overwritten, choose another name")
    files = {WEIGHTS: trained.policy.state_dict(), STATES: {"states": trained.states}}
    files |= {} if critic is None else {CRITIC: critic.state_dict()}
    raw = {name: safetensors.torch.save(dict(tensors)) for name, tensors in files.items()}
    document = _document(trained, contract, manifest, created)
    document |= {_sum(name): hashlib.sha256(data).hexdigest() for name, data in raw.items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        for name, data in raw.items():
            _write(partial / name, data)
        _write(partial / DOCUMENT, json.dumps(document, indent=1).encode())
        partial.rename(path)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"{path} cannot be written: {error.strerror}; free some space or choose another folder"
        ) from error
    parts = (trained.policy, trained.normaliser, contract, critic, trained.states)
    return Checkpoint(path, json.loads(json.dumps(document)), *parts)


def load(path: Path, verify: bool = True) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: its folder.
        verify: whether to compare the weights with the sha256 in the document.

    Raises:
        CheckpointError: if it is missing, damaged, not one of ours, or newer than this program.
    """
    document = read_document(path)
    sums = {name: document[_sum(name)] for name in (WEIGHTS, CRITIC, STATES) if _sum(name) in document}
    raw = {name: _read(path / name, told if verify else None) for name, told in sums.items()}
    try:
        policy = create(document["policy"], document["sizes"], seed=0)
        policy.load_state_dict(safetensors.torch.load(raw[WEIGHTS]))
        contract = Contract.from_dict(document["contract"]["name"], _without_name(document["contract"]))
        normaliser = Normaliser.from_dict(document["normaliser"])
        critic = _critic(policy, raw[CRITIC]) if CRITIC in raw else None
        states = safetensors.torch.load(raw[STATES])["states"] if STATES in raw else None
    except IlRosError as error:
        raise CheckpointError(f"checkpoint {path} does not fit this program: {error}") from error
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"checkpoint {path} is damaged ({reason}); copy it again or train anew") from error
    return Checkpoint(path, document, policy.eval().requires_grad_(False), normaliser, contract, critic, states)


def _sum(name: str) -> str:
    """The key of the document under which a file's sha256 stands."""
    return "weights_sha256" if name == WEIGHTS else f"{name.partition('.')[0]}_sha256"


def _read(file: Path, sha256: str | None) -> bytes:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}; copy the whole folder again") from error
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise CheckpointError(f"{file} has another sha256 than {DOCUMENT} says; it is damaged, copy it again")
    return raw


def _critic(policy: Policy, raw: bytes) -> Critic:
    sizes = policy.config
    critic = Critic(sizes.history * sizes.observation_dim + sizes.action_dim)
    critic.load_state_dict(safetensors.torch.load(raw))
    return critic.eval().requires_grad_(False)


def read_document(path: Path) -> dict[str, Any]:
    """The document alone, its format and keys checked; needs neither weights nor network.

    Raises:
        CheckpointError: if it is missing, damaged, not one of ours, or newer than this program.
    """
    file = path / DOCUMENT
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"{file} cannot be read: {error.strerror}; give a folder that il-ros train wrote"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{file} is not JSON ({error}); it is damaged, copy it again") from error
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise CheckpointError(f"{file} is not a checkpoint of il_ros; give a folder that il-ros train wrote")
    if document["format"] > FORMAT:
        raise CheckpointError(
            f"{file} has format {document['format']}; this program reads up to {FORMAT}, update il_ros"
        )
    missing = [key for key in KEYS if key not in document]
    if missing:
        raise CheckpointError(f"{file} lacks {', '.join(missing)}; it is damaged, copy it again")
    return document


def _document(
    trained: Trained, contract: Contract, manifest: Sequence[Mapping[str, str]], created: str | None
) -> dict[str, Any]:
    curve = [{k: v if math.isfinite(v) else None for k, v in asdict(point).items()} for point in trained.curve]
    return {
        "format": FORMAT,
        "policy": trained.config.policy,
        "sizes": asdict(trained.policy.config),
        "parameters": sum(p.numel() for p in trained.policy.parameters()),
        "normaliser": trained.normaliser.to_dict(),
        "contract": {"name": contract.name, **contract.to_dict()},
        "training": asdict(trained.config),
        "windows": trained.windows,
        "wall_s": round(trained.wall_s, 3),
        "stopped": trained.stopped,
        "curve": curve,
        "manifest": [dict(entry) for entry in manifest],
        "created": created or datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "il_ros": getattr(il_ros, "__version__", "unknown"),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def _without_name(contract: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in contract.items() if key != "name"}


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()  # unsorted: the order of components has a meaning


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
