# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that left as an ONNX graph does elsewhere what the actor does here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import EpisodeStart
from il_ros.learning import onnx_export
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.random_tape import RecordRandomness
from il_ros.policies.base import Policy, PolicyConfig, create

sys.path.insert(0, str(Path(__file__).parents[1] / "policies"))
from toy_categorical import Toy, ToyConfig

CONTRACT = Contract.load("panda_plane")
CLASSES = [*plugins.available("policy"), "somebody else's"]
SIZES = {"observation_dim": 4, "action_dim": 2, "n_obs_steps": 3, "horizon": 4, "width": 24, "depth": 2}


def needs_onnx() -> Any:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    return pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")


def checkpoint(name: str) -> Checkpoint:
    """On random weights that are large enough for every layer to matter, and a range beyond the contract's limits."""
    rng, generator = np.random.default_rng(3), torch.Generator().manual_seed(3)
    policy = Toy(ToyConfig(**SIZES)) if name == CLASSES[-1] else create(name, SIZES, seed=1)
    moves = torch.rand((30, 4, 2), generator=generator).mul(4).round().div(2) - 1
    policy.prepare(torch.rand((30, 3, 4), generator=generator), moves, torch.ones(30, 4), generator)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    normaliser = Normalizer.fit(rng.uniform(-0.2, 0.8, (9, 4)), rng.uniform(-0.3, 0.3, (9, 2)))
    return Checkpoint(Path("x"), {"policy": name}, policy.eval().requires_grad_(False), normaliser, CONTRACT)


@pytest.mark.parametrize("name", CLASSES)
def test_the_graph_answers_as_the_actor_does_to_the_same_history_and_the_same_numbers(
    name: str, tmp_path: Path
) -> None:
    runtime, made = needs_onnx(), checkpoint(name)
    document = onnx_export.export(made, tmp_path / "policy.onnx")
    session = runtime.InferenceSession(str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"])
    inputs = {part["name"]: part for part in document["inputs"]}
    assert {one.name: one.shape for one in session.get_inputs()} == {k: v["shape"] for k, v in inputs.items()}
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("chunk", document["outputs"][0]["shape"])]
    actor, rng, rows, answers = PolicyRunner(made), np.random.default_rng(0), [], []
    actor.reset(EpisodeStart("fork", 5, 0))
    for step in range(12):
        rows.append(rng.uniform(-0.2, 0.8, 4).astype(np.float32))
        actor.observe(step * CONTRACT.step_ns, rows[-1])
        with RecordRandomness() as written:
            chunk = actor.chunk().actions
        if step >= 2:
            given = {kind: row.numpy() for kind, row in written.flat().items()}
            (answer,) = session.run(None, {"observations": np.stack(rows[-3:])[None], **given})
            np.testing.assert_allclose(answer[0], chunk, rtol=0, atol=1e-6)  # m/s, of a range of 0.5
            answers.append(answer)
    assert len({answer.tobytes() for answer in answers}) > 1


def test_the_page_beside_it_names_every_number_with_its_unit_and_its_limits(tmp_path: Path) -> None:
    needs_onnx()
    made = checkpoint("mixture")
    said = onnx_export.export(made, tmp_path / "policy.onnx")
    assert json.loads((tmp_path / "policy.json").read_text(encoding="utf-8")) == said
    observations, chunk = said["inputs"][0], said["outputs"][0]
    assert (observations["shape"], chunk["shape"]) == ([1, 3, 4], [1, 4, 2])
    assert [(c["name"], c["unit"]) for c in observations["components"]] == [
        (part.name, part.unit) for part in CONTRACT.observation
    ]
    assert [(c["name"], c["unit"], c["low"], c["high"], c["max_step"], c["rest"]) for c in chunk["components"]] == [
        (a.name, a.unit, a.low, a.high, a.max_step, a.rest) for a in CONTRACT.action
    ]
    assert (said["checkpoint"], said["rate_hz"], said["policy"]) == (made.hash, CONTRACT.rate_hz, "mixture")
    assert [(part["name"], part["shape"]) for part in said["inputs"][1:]] == [("exponential", [16])]


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    for name in ("policy.onnx", "policy.json"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
        with pytest.raises(ConfigError, match=f"{name} is already there"):
            onnx_export.export(checkpoint("deterministic"), tmp_path / "policy.onnx")
        (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match="does not end in .onnx"):
        onnx_export.export(checkpoint("deterministic"), tmp_path / "policy.pt")


def test_without_the_package_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install il_ros\[onnx\]"):
        onnx_export.export(checkpoint("deterministic"), tmp_path / "policy.onnx")
    assert not list(tmp_path.iterdir())


class Odd(Policy):
    """Draws in ways that cannot be written down, or goes ways that a graph cannot know."""

    way = ""

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        chunk = observations[:, :1, :2].expand(-1, 4, -1)
        if self.way == "normal_":
            return chunk + torch.empty(1).normal_(generator=generator)
        if self.way == "two at a time":
            return chunk + torch.multinomial(torch.ones(1, 3), 2, generator=generator)
        if self.way == "no name":
            return chunk + torch.special.bessel_j0(chunk)
        if self.way == "global":
            return chunk + torch.randn(1)
        return chunk if observations.sum() > 0 else -chunk


@pytest.mark.parametrize(
    ("way", "complaint"),
    [
        ("normal_", "torch's normal_, whose numbers.*draw by randn"),
        ("two at a time", "torch's multinomial, .*one at a time"),
        ("no name", "Odd cannot be exported .*bessel_j0.*plainer functions"),
        ("global", "Odd cannot be exported.*from the generator alone"),
        ("branches", "Odd cannot be exported.*without branches on values"),
    ],
)
def test_a_class_that_no_graph_can_stand_for_is_told_what_to_change(way: str, complaint: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    policy, made = Odd(PolicyConfig(**SIZES)), checkpoint("deterministic")
    policy.way = way
    with pytest.raises(ConfigError, match=complaint):
        onnx_export.export(
            Checkpoint(made.path, made.document, policy, made.normaliser, CONTRACT), tmp_path / "policy.onnx"
        )
    assert not list(tmp_path.iterdir())
