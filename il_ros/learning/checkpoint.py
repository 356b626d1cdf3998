# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read and write checkpoints: a folder of weights (safetensors) and JSON about their origin; no pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from il_ros.core import aliases, plugins
from il_ros.core.atomic_io import storage_errors, written_whole
from il_ros.core.contract import Contract, Geometry
from il_ros.core.errors import CheckpointError, ConfigError, DataError, IlRosError
from il_ros.learning.checkpoint_files import (
    CRITIC,
    DOCUMENT,
    KEYS,
    STATES,
    WEIGHTS,
    canonical,
    make_document,
    measured_execution,
    read_document,
    read_verified,
    sum_key,
)
from il_ros.learning.contract_comparison import conflicts
from il_ros.learning.critic import Critic
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.memory_limit import AllocationLimit
from il_ros.learning.training.config import LONGEST
from il_ros.learning.training.result import Trained
from il_ros.policies.base import Policy, PolicyConfig, is_declared
from il_ros.policies.encoding.encoded_policy import added_dim, create_encoded
from il_ros.policies.vision.config import Vision

SIZES = tuple(field.name for field in fields(PolicyConfig))
"""Keys of every policy's sizes."""


@dataclass(frozen=True)
class Checkpoint:
    """A policy with everything that is needed to use it, and to know where it comes from."""

    path: Path
    document: Mapping[str, Any]
    """The content of ``checkpoint.json``."""
    policy: Policy
    normaliser: Normalizer
    contract: Contract
    critic: Critic | None = None
    """What judges the policy's answers, if one was trained with it."""
    states: torch.Tensor | None = None
    """(N, Do) float32, normalised: observations that it was trained on. Older checkpoints have none."""
    execute_steps: int = 0
    """Steps of a chunk that are executed: as measured, else as its training configuration says; 0 if neither says."""

    @property
    def hash(self) -> str:
        """sha256 of the document's canonical bytes, which name the weights by theirs: equal means equal in all."""
        return hashlib.sha256(canonical(self.document)).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first 12 digits, by which the record of authority names a checkpoint."""
        return self.hash[:12]

    @property
    def taught(self) -> Mapping[str, Sequence[Sequence[int]]] | None:
        """The seeds of the episodes that it was taught, see ``seeds.ranges``; None of older checkpoints."""
        return self.document.get("taught")


def save(
    path: Path,
    trained: Trained,
    contract: Contract,
    manifest: Sequence[Mapping[str, str]],
    created: str | None = None,
    critic: Critic | None = None,
    taught: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> Checkpoint:
    """Write a checkpoint under ``path``; it is there whole or not at all.

    Args:
        path: the folder to make; its parents are made too.
        trained: what the trainer left.
        contract: what observations and actions were when the episodes were recorded.
        manifest: for each episode that was trained on, its name and a digest of its bytes.
        created: when, ISO 8601; by default now.
        critic: of the policy, if there is one.
        taught: the seeds of those episodes, by task, see ``seeds.ranges``.

    Raises:
        CheckpointError: if ``path`` is already there.
        StorageError: if it cannot be written.
    """
    if path.exists():
        raise CheckpointError(f"{path} is already there; checkpoints are never overwritten, choose another name")
    files = {WEIGHTS: trained.policy.state_dict(), STATES: {"states": trained.states}}
    files |= {} if critic is None else {CRITIC: critic.state_dict()}
    raw = {name: safetensors.torch.save(dict(tensors)) for name, tensors in files.items()}
    document = make_document(trained, contract, manifest, created)
    document |= {} if taught is None else {"taught": dict(taught)}
    package = plugins.requirement("policy", trained.config.policy)
    document |= {} if package is None else {"policy_package": package}
    document |= {sum_key(name): hashlib.sha256(data).hexdigest() for name, data in raw.items()}
    own = path.with_name(f".{path.name}.{os.getpid()}.partial")  # of this process: another may save at the same time
    with storage_errors(path, "free some space or choose another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, own) as folder:
            folder.mkdir()
            for name, data in raw.items():
                (folder / name).write_bytes(data)
            (folder / DOCUMENT).write_text(json.dumps(document, indent=1), encoding="utf-8")
    parts = (trained.policy, trained.normaliser, contract, critic, trained.states, trained.config.execute_steps)
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
    sums = {name: document[sum_key(name)] for name in (WEIGHTS, CRITIC, STATES) if sum_key(name) in document}
    raw = {name: read_verified(path / name, sha256 if verify else None) for name, sha256 in sums.items()}
    try:
        with aliases.silent():
            current = aliases.renamed(document, KEYS)
            contract = Contract.from_dict(document["contract"]["name"], _without_name(document["contract"]))
            policy = _policy(document, safetensors.torch.load(raw[WEIGHTS]), contract)
        normaliser = Normalizer.from_dict(current["normalizer"])
        critic = _critic(policy, raw[CRITIC]) if CRITIC in raw else None
        states = safetensors.torch.load(raw[STATES])["states"] if STATES in raw else None
        _check(policy, normaliser, critic, states)
        for stretches in document.get("taught", {}).values():
            [(int(first), int(last)) for first, last in stretches]
        execute_steps = int(document["training"].get("execute_steps", 0))
    except (CheckpointError, DataError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error
    except IlRosError as error:
        raise CheckpointError(f"checkpoint {path} does not fit this program: {error}") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"checkpoint {path} is damaged ({reason}); copy it again or train anew") from error
    loaded = Checkpoint(path, document, policy, normaliser, contract, critic, states, execute_steps)
    return replace(loaded, execute_steps=measured_execution(path, loaded.hash) or execute_steps)


def load_for(path: Path, contract: Contract) -> Checkpoint:
    """Read a checkpoint that is to work for ``contract``.

    Raises:
        CheckpointError: if it cannot be read, or its numbers mean something else, with what differs.
    """
    loaded = load(path)
    differing = conflicts(contract, loaded.contract)
    if differing:
        raise CheckpointError(
            f"{path} was trained for another contract than {contract.name!r}: {'; '.join(differing)}; give the "
            "contract that it was trained for, or train anew"
        )
    return loaded


_DAMAGE = (
    *(RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError),
    safetensors.SafetensorError,
)
"""What comes of documents and weights that make no sense."""


def _policy(document: Mapping[str, Any], weights: Mapping[str, torch.Tensor], contract: Contract) -> Policy:
    """Return the policy with its weights; of a class that is ours or declared, and no larger than its weights are.

    Raises:
        CheckpointError: if it is another one.
    """
    name, sizes = document["policy"], aliases.renamed(document["sizes"], SIZES)
    if not is_declared(name):
        raise CheckpointError(
            f"its policy {name!r} is no module that is imported here already or declares a policy (by importing from "
            "il_ros.policies); a checkpoint cannot have it run"
        )
    package = document.get("policy_package")
    if package and plugins.requirement("policy", name) is None:
        raise ConfigError(f"its policy {name!r} is of a package that is not installed: pip install {package}")
    vision, geometry, measured = _vision(document, contract), _geometry(document, contract), len(contract.observation)
    added = added_dim(geometry, vision)
    expected = {"observation_dim": measured + added, "action_dim": len(contract.action)}
    differing = [key for key, size in expected.items() if sizes.get(key, size) != size]
    if differing:
        key, features = differing[0], " with what follows from them" if added else ""
        raise CheckpointError(f"its {key} is {sizes.get(key)!r}; its contract has {expected[key]} components{features}")
    if not all(1 <= sizes.get(key, 1) <= LONGEST for key in ("n_obs_steps", "horizon")):
        raise CheckpointError(f"its n_obs_steps or horizon is not from 1 to {LONGEST}")
    with AllocationLimit(sum(tensor.numel() for tensor in weights.values()), len(weights)):
        policy = create_encoded(
            name, {**sizes, "observation_dim": measured}, 0, geometry, vision, str(document.get("sequence", ""))
        )
    policy.load_state_dict(dict(weights))
    return policy.eval().requires_grad_(False)


def _geometry(document: Mapping[str, Any], contract: Contract) -> Geometry | None:
    """Return the points between which the policy sees relations; None if it sees none.

    Raises:
        CheckpointError: if its contract lacks one of their components.
    """
    if "geometry" not in document:
        return None
    geometry = Geometry.from_dict(document["geometry"])
    columns = [i for part in (geometry.points, geometry.headings) for each in part.values() for i in each]
    if columns and not 0 <= min(columns) <= max(columns) < len(contract.observation):
        raise CheckpointError(
            f"its points have components {sorted(columns)}; its contract has {len(contract.observation)}"
        )
    return geometry


def _vision(document: Mapping[str, Any], contract: Contract) -> Vision | None:
    """Return the cameras and encoders of the policy; None if it sees numbers alone.

    Raises:
        CheckpointError: if they are not those of the contract, or its encoder is no class of ours or declared.
    """
    if "vision" not in document:
        return None
    vision = Vision.from_dict(document["vision"])
    expected = {part.name: (part.height, part.width) for part in contract.images}
    if list(vision.cameras.items()) != list(expected.items()):
        raise CheckpointError(f"its cameras (height, width) are {dict(vision.cameras)}; its contract has {expected}")
    if not is_declared(vision.encoder):
        raise CheckpointError(
            f"its encoder {vision.encoder!r} is no module that is imported here already or declares an encoder (by "
            "importing from il_ros.policies); a checkpoint cannot have it run"
        )
    return vision


def _check(policy: Policy, normaliser: Normalizer, critic: Critic | None, states: torch.Tensor | None) -> None:
    """Check that the parts fit each other, and that the policy answers.

    Raises:
        CheckpointError: if a shape is another one, or a number not finite.
    """
    sizes = policy.config
    widths = {"observation": policy.measured_dim, "action": sizes.action_dim}
    for name, width in widths.items():
        size = len(getattr(normaliser, name).offset)
        if size != width:
            raise CheckpointError(f"its normaliser is of {size} {name} components; its policy has {width}")
    if states is not None and (states.dim() != 2 or states.shape[1] != policy.measured_dim):
        raise CheckpointError(f"its states have shape {tuple(states.shape)}, not (N, {policy.measured_dim})")
    tensors = dict(policy.state_dict()) | ({} if states is None else {"states": states})
    tensors |= {} if critic is None else {f"critic.{key}": value for key, value in critic.trunk.state_dict().items()}
    wild = [key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if wild:
        raise CheckpointError(f"its {wild[0]} holds numbers that are not finite; train it again")
    with torch.inference_mode():
        blank = [torch.zeros(1, *size, 3, dtype=torch.uint8) for size in policy.cameras.values()]
        history = policy.encode(torch.zeros(1, sizes.n_obs_steps, policy.measured_dim), blank)
        answer = policy.sample(history, torch.Generator())
    if answer.shape != (1, sizes.horizon, sizes.action_dim) or not answer.isfinite().all():
        raise CheckpointError(
            f"its policy answers with shape {tuple(answer.shape)}, not {(1, sizes.horizon, sizes.action_dim)}, or with "
            "numbers that are not finite"
        )


def _critic(policy: Policy, raw: bytes) -> Critic:
    """Return the critic of ``policy`` with its weights."""
    critic = Critic(policy.encoded_dim + policy.config.action_dim)
    critic.load_state_dict(safetensors.torch.load(raw))
    return critic.eval().requires_grad_(False)


def _without_name(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Return all keys of a contract but its name."""
    return {key: value for key, value in contract.items() if key != "name"}
