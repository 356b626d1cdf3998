# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The files of a checkpoint: its JSON document, and the sha256 of the tensors beside it."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import il_ros
from il_ros.core import aliases
from il_ros.core.atomic_io import replace_file, storage_errors
from il_ros.core.contract import Contract
from il_ros.core.errors import CheckpointError
from il_ros.learning.training.result import Trained
from il_ros.policies.base import Policy
from il_ros.policies.encoding.encoded_policy import EncodedPolicy, geometry_of, sequence_of

FORMAT = 1
DOCUMENT, WEIGHTS = "checkpoint.json", "model.safetensors"
CRITIC, STATES = "critic.safetensors", "states.safetensors"
EXECUTION = "execution.json"
"""How many steps of a chunk are best executed, measured after the training; it may be missing, and written anew."""
KEYS: Mapping[str, type] = {
    **{"format": int, "policy": str, "sizes": dict, "normalizer": dict, "contract": dict, "training": dict},
    **{"manifest": list, "weights_sha256": str},
}
"""What a document must have, and of which type."""


def read_document(path: Path) -> dict[str, Any]:
    """Read the document alone and check its format and keys; this needs neither weights nor network.

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
    with aliases.silent():
        current = aliases.renamed(document, KEYS)
    missing = [key for key in KEYS if key not in current]
    if missing:
        raise CheckpointError(f"{file} lacks {', '.join(missing)}; it is damaged, copy it again")
    wrong = [key for key, kind in KEYS.items() if not isinstance(current[key], kind)]
    if wrong:
        raise CheckpointError(f"{file} has {current[wrong[0]]!r:.50} for its {wrong[0]}; it is damaged, copy it again")
    return document


def make_document(
    trained: Trained, contract: Contract, manifest: Sequence[Mapping[str, str]], created: str | None
) -> dict[str, Any]:
    """Return the document of a training, without the sums of its files."""
    curve = [{k: v if math.isfinite(v) else None for k, v in asdict(point).items()} for point in trained.curve]
    return {
        "format": FORMAT,
        "policy": trained.config.policy,
        "sizes": asdict(trained.policy.config),
        **_encoding(trained.policy),
        "parameters": sum(p.numel() for p in trained.policy.parameters()),
        "normalizer": trained.normaliser.to_dict(),
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


def _encoding(policy: Policy) -> dict[str, Any]:
    """Return what stands beside the numbers of an observation, by the key of each part."""
    vision, geometry = policy.vision if isinstance(policy, EncodedPolicy) else None, geometry_of(policy)
    parts = {"vision": vision, "geometry": geometry}
    sequence = sequence_of(policy)
    return {key: part.to_dict() for key, part in parts.items() if part is not None} | (
        {"sequence": sequence} if sequence else {}
    )


def keep_execution(path: Path, sha256: str, execute_steps: int, measured: Mapping[str, Any]) -> None:
    """Write beside a checkpoint with this hash how many steps of a chunk it does best with, and what tells that.

    Raises:
        StorageError: if it cannot be written.
    """
    content = {"execute_steps": execute_steps, "checkpoint": sha256, **measured}
    with storage_errors(path, "make the folder writable, or copy the checkpoint to where you may write"):
        replace_file(path / EXECUTION, json.dumps(content, indent=1))


def measured_execution(path: Path, sha256: str) -> int | None:
    """Return how many steps of a chunk were measured to be best for the checkpoint with this hash, if that was done.

    Raises:
        CheckpointError: if that file is damaged, or of another checkpoint.
    """
    file = path / EXECUTION
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_bytes())
        execute_steps, whose = content["execute_steps"], content["checkpoint"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{file} cannot be read ({error!r:.100}); remove it, or measure again") from error
    if whose != sha256:
        raise CheckpointError(f"{file} was measured of another checkpoint ({whose!r:.20}); remove it, or measure again")
    if type(execute_steps) is not int or execute_steps < 1:
        raise CheckpointError(f"{file} has execute_steps {execute_steps!r:.50}, not 1 or more; remove it")
    return execute_steps


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of which a checkpoint's hash is made."""
    return json.dumps(document, separators=(",", ":")).encode()  # unsorted: the order of components has a meaning


def sum_key(name: str) -> str:
    """Return the key of the document under which a file's sha256 stands."""
    return "weights_sha256" if name == WEIGHTS else f"{name.partition('.')[0]}_sha256"


def read_verified(file: Path, sha256: str | None) -> bytes:
    """Read a file of a checkpoint and compare it with its sha256, if that is given.

    Raises:
        CheckpointError: if it cannot be read, or has another one.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}; copy the whole folder again") from error
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise CheckpointError(f"{file} has another sha256 than {DOCUMENT} says; it is damaged, copy it again")
    return raw
