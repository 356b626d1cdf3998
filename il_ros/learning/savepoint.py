# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a training is, on the disk: a kill costs what came after, and the result is the same to the last bit."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from il_ros.learning.dataset import Dataset
from il_ros.recording.disk import storage_errors


def identity(data: Dataset, config: Any) -> str:
    """The sha256 of everything that a training depends on: data and configuration."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True, default=dict).encode())
    for field in dataclasses.fields(data):
        digest.update(getattr(data, field.name).tobytes())
    return digest.hexdigest()


class Savepoint:
    """One file, replaced in one piece; what belongs to another training or is damaged counts as not there."""

    def __init__(self, path: Path, training: str) -> None:
        self._path, self._training = path, training

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep a state.

        Raises:
            StorageError: if it cannot be written.
        """
        text = {"training": self._training, "facts": json.dumps(facts)}
        data = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, text)
        part = self._path.with_name(self._path.name + ".part")
        with storage_errors(self._path.parent, "free some space and train again; it goes on from what was kept"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(data)
                os.replace(part, self._path)
            except OSError:
                part.unlink(missing_ok=True)
                raise

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state that was kept last for this training, and its facts."""
        try:
            with safetensors.safe_open(str(self._path), "pt") as file:
                text = file.metadata() or {}
                if text.get("training") != self._training:
                    return None
                return {name: file.get_tensor(name) for name in file.keys()}, json.loads(text["facts"])  # noqa: SIM118
        except (OSError, safetensors.SafetensorError, ValueError, KeyError):
            return None

    def forget(self) -> None:
        """The training has ended."""
        with contextlib.suppress(OSError):
            self._path.unlink()
