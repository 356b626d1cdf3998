# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy for other people's programs: an ONNX graph from real units to real units, and a page of JSON about it."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import il_ros
from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import ConfigError
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.normalizer import Affine
from il_ros.learning.random_tape import DISTRIBUTIONS, RecordRandomness, ReplayRandomness

OPSET = 17
"""Of ONNX: the first with layer normalisation, which ONNX Runtime 1.12 and TensorRT 8.6 can read."""
TRIALS = 5
"""Histories for which the graph is compared with the policy before it is written."""
CLOSE = 1e-4
"""By how much they may differ, in shares of an action's range."""


class Served(torch.nn.Module):
    """What ``PolicyRunner`` does between an observation and a chunk, as a function of tensors alone.

    It takes the history (1, To, Do), oldest first and in real units, the newest image (1, H, W, 3) uint8 of each camera
    that the policy sees, and a row of random numbers for each kind that the policy draws from; it gives the chunk
    (1, Ta, Da) in real units and within the contract's limits. All numbers are float32: to round a normaliser's offset
    costs no more than to round an observation does.
    """

    observation_offset: Tensor
    observation_scale: Tensor
    action_offset: Tensor
    action_scale: Tensor
    observation_constant: Tensor
    action_constant: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.policy = checkpoint.policy
        sizes = self.policy.config
        self.shape = (1, sizes.n_obs_steps, self.policy.measured_dim)
        self.images = {f"image_{name}": (1, *size, 3) for name, size in self.policy.cameras.items()}
        """The shapes of its inputs that are images, by their names."""
        self.generator = torch.Generator()
        self._keep("observation", checkpoint.normaliser.observation)
        self._keep("action", checkpoint.normaliser.action)
        self.register_buffer("low", torch.from_numpy(checkpoint.contract.low).float())
        self.register_buffer("high", torch.from_numpy(checkpoint.contract.high).float())
        self.plan = self.draw(0)[0].plan

    def forward(self, observations: Tensor, *others: Tensor) -> Tensor:
        """Map (1, To, Do), the images, and the random numbers, kind by kind, to (1, Ta, Da)."""
        images, rows = others[: len(self.images)], others[len(self.images) :]
        with ReplayRandomness(self.plan, dict(zip(self.kinds, rows))):
            return self.answer(observations, *images)

    def answer(self, observations: Tensor, *images: Tensor) -> Tensor:
        """Return the same with numbers of its own generator."""
        history = (observations - self.observation_offset) / self.observation_scale
        history = self.policy.encode(torch.where(self.observation_constant, 0.0, history), images)
        chunk = self.policy.sample(history, self.generator) * self.action_scale + self.action_offset
        return torch.clamp(torch.where(self.action_constant, self.action_offset, chunk), self.low, self.high)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of random numbers that it takes, in the order of its inputs."""
        return tuple(dict.fromkeys(kind for kind, _ in self.plan))

    def draw(self, seed: int) -> tuple[RecordRandomness, tuple[Tensor, ...], Tensor]:
        """Return the numbers that ``seed`` draws, a random history with images, and the chunk that answers all."""
        self.generator.manual_seed(seed)
        unit = 2 * torch.rand(self.shape, generator=self.generator) - 1
        images = (torch.rand(shape, generator=self.generator).mul(255).byte() for shape in self.images.values())
        seen = (unit * self.observation_scale + self.observation_offset, *images)
        with torch.no_grad(), RecordRandomness() as written:
            return written, seen, self.answer(*seen)

    def _keep(self, name: str, part: Affine) -> None:
        self.register_buffer(f"{name}_offset", torch.from_numpy(part.offset).float())
        self.register_buffer(f"{name}_scale", torch.from_numpy(part.scale).float())
        self.register_buffer(f"{name}_constant", torch.from_numpy(part.is_constant))


def export(checkpoint: Checkpoint, path: Path) -> dict[str, Any]:
    """Write the graph to ``path`` and what there is to know of it beside it, as ``.json``; returns the latter.

    Every class of policies can be exported that takes its random numbers from ``torch.randn``, ``torch.rand``, or
    ``torch.multinomial`` one at a time, and whose steps do not depend on what the numbers are.

    Raises:
        ConfigError: if the policy is of another kind, the name ends otherwise, a file of that name is there already, or
            the package ``onnx`` is not.
        StorageError: if they cannot be written.
    """
    about = path.with_suffix(".json")
    if path.suffix != ".onnx":
        raise ConfigError(f"{path} does not end in .onnx; name a file such as {path.with_suffix('.onnx')}")
    for existing in (path, about):
        if existing.exists():
            raise ConfigError(f"{existing} is already there; choose another name, or remove it")
    if find_spec("onnx") is None:
        raise ConfigError("the package onnx is not installed, which torch writes graphs with; pip install il_ros[onnx]")
    served = Served(checkpoint)
    graph = _graph(served)
    document = _document(checkpoint, served, hashlib.sha256(graph).hexdigest())
    with storage_errors(path, "choose another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        about.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        path.write_bytes(graph)
    return document


def _graph(served: Served) -> bytes:
    """Return the graph's bytes.

    torch's newer exporter wants a package more and ten times as long, and its graphs are no faster.

    Raises:
        ConfigError: if the policy does what ONNX has no name for.
    """
    written, seen, _ = served.draw(0)
    given = (*seen, *written.flat().values())
    file: Any = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are made constants, as they shall be
        _compare(served, torch.jit.trace(served, given, check_trace=False))  # type: ignore[no-untyped-call]
        names = ["observations", *served.images, *served.kinds]
        options: dict[str, Any] = {"input_names": names, "output_names": ["chunk"], "opset_version": OPSET}
        try:
            torch.onnx.export(served, given, file, dynamo=False, **options)
        except torch.onnx.OnnxExporterError as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"policy {type(served.policy).__name__} cannot be exported ({reason}); write its sample with plainer "
                "functions of torch"
            ) from error
    graph: bytes = file.getvalue()
    return graph


def _compare(served: Served, traced: Any) -> None:
    """Make sure that what was traced with one history holds for others.

    Raises:
        ConfigError: if it does not.
    """
    for seed in range(1, TRIALS + 1):
        written, seen, chunk = served.draw(seed)
        same_plan = written.plan == served.plan
        away = float(((traced(*seen, *written.flat().values()) - chunk) / (served.high - served.low)).abs().max())
        if not (same_plan and away <= CLOSE):
            raise ConfigError(
                f"policy {type(served.policy).__name__} cannot be exported: its graph, made of one history, differs "
                f"for another by {away:.3g} of an action's range; write its sample without branches on values, and "
                "draw from the generator alone"
            )


def _document(checkpoint: Checkpoint, served: Served, sha256: str) -> dict[str, Any]:
    contract, sizes, normaliser = checkpoint.contract, checkpoint.policy.config, checkpoint.normaliser
    seen = [
        {"name": part.name, "unit": part.unit, **constant}
        for part, constant in zip(contract.observation, _constants(normaliser.observation))
    ]
    steps, constants = contract.max_step.tolist(), _constants(normaliser.action)
    done = [
        {"name": a.name, "unit": a.unit, "low": a.low, "high": a.high, "max_step": step, "rest": a.rest, **constant}
        for a, step, constant in zip(contract.action, steps, constants)
    ]
    rows = {kind: len(row) for kind, row in served.draw(0)[0].flat().items()}
    return {
        "il_ros": il_ros.__version__,
        "policy": checkpoint.document["policy"],
        "checkpoint": checkpoint.hash,
        "onnx_sha256": sha256,
        "contract": contract.name,
        "rate_hz": contract.rate_hz,
        "history": sizes.n_obs_steps,
        "horizon": sizes.horizon,
        "inputs": [
            {"name": "observations", "shape": list(served.shape), "type": "float32", "components": seen},
            *({"name": name, "shape": list(shape), "type": "uint8"} for name, shape in served.images.items()),
            *({"name": k, "shape": [n], "type": "float32", "distribution": DISTRIBUTIONS[k]} for k, n in rows.items()),
        ],
        "outputs": [
            {"name": "chunk", "shape": [1, sizes.horizon, sizes.action_dim], "type": "float32", "components": done}
        ],
    }


def _constants(part: Affine) -> list[dict[str, float]]:
    """Return the ``constant`` of each component that never changed in the data: the graph returns or ignores it."""
    values = zip(part.is_constant.tolist(), part.offset.tolist())
    return [{"constant": offset} if is_constant else {} for is_constant, offset in values]
