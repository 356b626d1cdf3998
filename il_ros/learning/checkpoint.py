# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A checkpoint: a folder of weights and JSON that says what made them; no pickle."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

import il_ros
from il_ros.core.contract import Contract
from il_ros.core.errors import CheckpointError, DataError, IlRosError, StorageError
from il_ros.learning.critic import Critic
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.memory_limit import AllocationLimit
from il_ros.learning.training.result import Trained
from il_ros.learning.training.trainer import LONGEST
from il_ros.policies.base import Policy, create, is_declared

FORMAT = 1
DOCUMENT, WEIGHTS = "checkpoint.json", "model.safetensors"
CRITIC, STATES = "critic.safetensors", "states.safetensors"
KEYS: Mapping[str, type] = {
    **{"format": int, "policy": str, "sizes": dict, "normaliser": dict, "contract": dict, "training": dict},
    **{"manifest": list, "weights_sha256": str},
}
"""What a document must have, and of what kind it is."""


@dataclass(frozen=True)
class Checkpoint:
    """A policy with everything that is needed to use it, and to know where it comes from."""

    path: Path
    document: Mapping[str, Any]
    """What ``checkpoint.json`` says."""
    policy: Policy
    normaliser: Normalizer
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
        created: when, ISO 8601; now unless told.
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
    document = _document(trained, contract, manifest, created)
    document |= {} if taught is None else {"taught": dict(taught)}
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
        contract = Contract.from_dict(document["contract"]["name"], _without_name(document["contract"]))
        policy = _policy(document, safetensors.torch.load(raw[WEIGHTS]), contract)
        normaliser = Normalizer.from_dict(document["normaliser"])
        critic = _critic(policy, raw[CRITIC]) if CRITIC in raw else None
        states = safetensors.torch.load(raw[STATES])["states"] if STATES in raw else None
        _check(policy, normaliser, critic, states)
        for stretches in document.get("taught", {}).values():
            [(int(first), int(last)) for first, last in stretches]
    except (CheckpointError, DataError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error
    except IlRosError as error:
        raise CheckpointError(f"checkpoint {path} does not fit this program: {error}") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"checkpoint {path} is damaged ({reason}); copy it again or train anew") from error
    return Checkpoint(path, document, policy, normaliser, contract, critic, states)


def load_for(path: Path, contract: Contract) -> Checkpoint:
    """Read a checkpoint that is to work for ``contract``.

    Raises:
        CheckpointError: if it cannot be read, or its numbers mean something else, with what differs.
    """
    loaded = load(path)
    found = conflicts(contract, loaded.contract)
    if found:
        raise CheckpointError(
            f"{path} was trained for another contract than {contract.name!r}: {'; '.join(found)}; give the contract "
            "that it was trained for, or train anew"
        )
    return loaded


_DAMAGE = (
    *(RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError),
    safetensors.SafetensorError,
)
"""What comes of documents and weights that make no sense."""


def _policy(document: Mapping[str, Any], weights: Mapping[str, torch.Tensor], contract: Contract) -> Policy:
    """The policy with its weights; of a class that is ours or declared, and no larger than its weights are.

    Raises:
        CheckpointError: if it is another one.
    """
    name, sizes = document["policy"], document["sizes"]
    if not is_declared(name):
        raise CheckpointError(
            f"its policy {name!r} is no module that is imported here already or declares a policy (by importing from "
            "il_ros.policies); a checkpoint cannot have it run"
        )
    expected = {"observation_dim": len(contract.observation), "action_dim": len(contract.action)}
    differing = [key for key, size in expected.items() if sizes.get(key, size) != size]
    if differing:
        key = differing[0]
        raise CheckpointError(f"its {key} is {sizes.get(key)!r}; its contract has {expected[key]} components")
    if not all(1 <= sizes.get(key, 1) <= LONGEST for key in ("history", "horizon")):
        raise CheckpointError(f"its history or horizon is not from 1 to {LONGEST}")
    with AllocationLimit(sum(tensor.numel() for tensor in weights.values()), len(weights)):
        policy = create(name, sizes, seed=0)
    policy.load_state_dict(dict(weights))
    return policy.eval().requires_grad_(False)


def _check(policy: Policy, normaliser: Normalizer, critic: Critic | None, states: torch.Tensor | None) -> None:
    """Make sure that the parts fit each other, and that the policy answers.

    Raises:
        CheckpointError: if a shape is another one, or a number not finite.
    """
    sizes = policy.config
    widths = {"observation": sizes.observation_dim, "action": sizes.action_dim}
    for name, width in widths.items():
        found = len(getattr(normaliser, name).offset)
        if found != width:
            raise CheckpointError(f"its normaliser is of {found} {name} components; its policy has {width}")
    if states is not None and (states.dim() != 2 or states.shape[1] != sizes.observation_dim):
        raise CheckpointError(f"its states have shape {tuple(states.shape)}, not (N, {sizes.observation_dim})")
    tensors = dict(policy.state_dict()) | ({} if states is None else {"states": states})
    tensors |= {} if critic is None else {f"critic.{key}": value for key, value in critic.trunk.state_dict().items()}
    wild = [key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if wild:
        raise CheckpointError(f"its {wild[0]} holds numbers that are not finite; train it again")
    with torch.inference_mode():
        answer = policy.sample(torch.zeros(1, sizes.history, sizes.observation_dim), torch.Generator())
    if answer.shape != (1, sizes.horizon, sizes.action_dim) or not answer.isfinite().all():
        raise CheckpointError(
            f"its policy answers with shape {tuple(answer.shape)}, not {(1, sizes.horizon, sizes.action_dim)}, or with "
            "numbers that are not finite"
        )


# Which contracts are one ----------------------------------------------------------------------------------------------

MEANING = {"observation": ("topic", "field", "unit"), "action": ("field", "unit")}
"""What a number of a component means, beside its name and place. All other keys are limits, which may differ."""
UNITS = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("radian", "radians"), "rad"),
    **dict.fromkeys(("degree", "degrees", "°"), "deg"),
    **dict.fromkeys(("second", "seconds", "sec"), "s"),
}


def differences(here: Contract, there: Contract) -> list[str]:
    """In what two contracts differ, key by key: what stands ``here``, and ``there`` in the checkpoint."""
    return [text for text, _ in _differences(here.to_dict(), there.to_dict())]


def conflicts(here: Contract, there: Contract) -> list[str]:
    """Those of the differences by which the same numbers mean something else.

    Names and their order, topics, fields, units, the rate and the kind of command must agree. Limits may differ, since
    the tighter ones are kept, and so may whatever says how bags are read, which arm is simulated, how a unit is spelt,
    or how many points a command has.
    """
    return [text for text, matters in _differences(here.to_dict(), there.to_dict()) if matters]


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """What differs, and whether it changes what numbers mean."""
    for part in ("observation", "action"):
        names = list(here[part]), list(there[part])
        if names[0] != names[1]:
            yield f"{part}: {', '.join(names[0])} here, {', '.join(names[1])} in the checkpoint", True
        for name in (name for name in names[0] if name in there[part]):
            ours, theirs = here[part][name], there[part][name]
            for key in _unequal(ours, theirs):
                matters = key in MEANING[part] or (key == "rest" and _measured(ours) != _measured(theirs))
                same = key == "unit" and _unit(ours.get(key)) in ("", _unit(theirs.get(key)))
                yield f"{part} {name}: {_told(key, ours, theirs)}", matters and not (same or not theirs.get(key))
    used = {component["topic"] for component in here["observation"].values()}
    for part, meaning in (("topics", used), ("command", {"type", "frame"})):
        ours, theirs = here[part], there[part]
        yield from ((f"{part}: {_told(key, ours, theirs)}", key in meaning) for key in _unequal(ours, theirs))
    told = ("observation", "action", "topics", "command")
    ours, theirs = ({key: value for key, value in each.items() if key not in told} for each in (here, there))
    yield from ((_told(key, ours, theirs), key == "rate_hz") for key in _unequal(ours, theirs))


def _unequal(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]


def _told(key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    values = (repr(each[key]) if key in each else "nothing" for each in (ours, theirs))
    return "{} {} here, {} in the checkpoint".format(key, *values)


def _measured(component: Mapping[str, Any]) -> bool:
    """Whether it rests where it is, as positions do, or at a number, as velocities do."""
    return isinstance(component.get("rest"), str)


def _unit(text: str | None) -> str:
    """A unit without regard to how it is spelt: ``metres per second`` is ``m/s``."""
    words = (text or "").lower().replace(" per ", "/").replace(" ", "").split("/")
    return "/".join(UNITS.get(word, word) for word in words)


# Files ----------------------------------------------------------------------------------------------------------------


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
    except (ValueError, RecursionError) as error:
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
    wrong = [key for key, kind in KEYS.items() if not isinstance(document[key], kind)]
    if wrong:
        raise CheckpointError(f"{file} has {document[wrong[0]]!r:.50} for its {wrong[0]}; it is damaged, copy it again")
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
        **({"notes": list(trained.notes)} if trained.notes else {}),
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
