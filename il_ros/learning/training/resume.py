# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state of a training on the disk, from which a killed one resumes and ends with the same bits."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from il_ros.core import aliases
from il_ros.core.atomic_io import replace_file, storage_errors
from il_ros.core.errors import ConfigError
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig

OF_IMAGES = ("encoder", "encoder_width", "encoder_features", "shift_pixels")
"""Keys of the configuration that a training without images does not depend on."""
FREE = ("steps", "log_every", "execute_steps")
"""Keys of the configuration that may be others when a training goes on."""
DEFAULTS = json.loads(json.dumps(dataclasses.asdict(TrainingConfig("deterministic")), default=dict))
"""What keys are at that an earlier version did not know."""


def identity(data: Dataset, config: Any) -> dict[str, Any]:
    """Return everything that a training depends on: the configuration, and the sha256 of the data."""
    plain = json.loads(json.dumps(dataclasses.asdict(config), default=dict))
    if not data.images:
        plain = {key: value for key, value in plain.items() if key not in OF_IMAGES}
    return {**plain, "data": data.digest(), "windows": len(data)}


class OtherTrainingError(ConfigError):
    """The file of a training is taken by another one that has not ended."""


class ResumePoint:
    """One file, replaced atomically; a damaged one counts as missing."""

    def __init__(self, path: Path, training: Mapping[str, Any]) -> None:
        self._path, self._training = path, training

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write a state.

        Raises:
            StorageError: if it cannot be written.
        """
        text = {"training": json.dumps(self._training), "facts": json.dumps(facts)}
        data = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, text)
        with storage_errors(self._path.parent, "free some space and train again; it goes on from what was kept"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, data)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the state that was written last for this training, and its facts; None if there is none.

        Raises:
            OtherTrainingError: if the file is of another training, which going on would overwrite.
        """
        try:
            with safetensors.safe_open(str(self._path), "pt") as file:
                text = file.metadata() or {}
                facts = json.loads(text["facts"])
                self._check(text["training"], int(facts["step"]))
                return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
        except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError):
            return None

    def _check(self, text: str, step: int) -> None:
        differing = _differing(text, self._training)
        if not differing and step > self._training["steps"]:
            differing = [f"it has made more steps than {self._training['steps']}"]
        if differing:
            raise OtherTrainingError(
                f"{self._path} keeps an unfinished training, ended at step {step}, that is another one: "
                f"{', '.join(differing)}; train as before to go on with it, give another folder for the checkpoints, "
                "remove that file, or begin anew with il-ros train --fresh, which puts it aside"
            )

    def put_aside(self) -> Path | None:
        """Rename the file, so that another training can begin; return its new path, None if there was no file."""
        if not self._path.exists():
            return None
        numbered = (self._path.with_name(f"{self._path.stem}_{n:03d}{self._path.suffix}") for n in itertools.count(1))
        free = next(path for path in numbered if not path.exists())
        with storage_errors(self._path.parent, "choose another folder"):
            self._path.rename(free)
        return free

    def forget(self) -> None:
        """Remove the file: the training has ended."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def _differing(text: str, training: Mapping[str, Any]) -> list[str]:
    """Return what differs between the stored training and this one, key by key."""
    if not text.startswith("{"):
        return ["an older version of this program kept it"]
    with aliases.silent():
        stored = DEFAULTS | aliases.renamed(json.loads(text), training)
        for each in (stored, training := dict(training)):
            each["options"] = aliases.renamed(each["options"], tuple(aliases.ALIASES.values()))
    differing = [
        f"{key} was {stored.get(key)!r}, now {value!r}"
        for key, value in training.items()
        if key not in (*FREE, "data") and stored.get(key) != value
    ]
    return differing or (
        [] if stored.get("data") == training["data"] else ["the episodes or their labels have changed"]
    )
