# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What matters in the trunk and in its training at small data: one thing at a time is taken away and measured.

Every arm learns from the same few demonstrations as the shipped configuration and drives through the same episodes, so
that the two are compared training by training. What a training gave is kept, so that a study which was ended goes on
from there.

Examples:
  python -m studies.trunk --output docs/studies
  python -m studies.trunk --seeds 1 --episodes 50
  python -m studies.trunk --kept
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from il_ros.core.errors import ConfigError
from il_ros.evaluation.metrics import Success
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training import state
from il_ros.learning.training.config import TrainingConfig
from il_ros.policies import diffusion
from il_ros.policies.layers import Residual, trunk
from studies import job_cache, policies, publishing, resampling, trunk_page
from studies.demonstrations import demonstrate
from studies.policies import FIRST_EPISODE, ROOT, Setting
from studies.trunk_layers import Concatenated, Modulated, Plain, Started, one_layer
from studies.trunk_page import SHIPPED

UNSEEN = 24
"""Demonstrations that nobody learns from, on which the loss is measured."""
_unseen = functools.lru_cache(maxsize=1)(demonstrate)


@dataclass(frozen=True)
class Ablation:
    """What one arm does otherwise than the shipped configuration."""

    what: str = ""
    """In words."""
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of the configuration's keys."""
    without: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext
    """While it lasts, networks and trainings lack the part."""
    policies: tuple[str, ...] = ("mixture", "diffusion")
    """The classes that it is measured with; only diffusion has a condition."""


def _blocks(kind: type[Residual]) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(trunk, "Residual", kind)


def _no_norm() -> AbstractContextManager[Any]:
    return patch.object(nn, "LayerNorm", lambda width: nn.Identity())


def _constant_rate() -> AbstractContextManager[Any]:
    return patch.object(state, "warmup_cosine", lambda step, steps, warmup_steps: 1.0)


def _of_diffusion(name: str, kind: Callable[..., nn.Module]) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(diffusion, name, kind)


ARMS = {
    SHIPPED: Ablation(),
    "no residual connections": Ablation(
        "as many layers, each with its SiLU, and no sum around two of them", {}, _blocks(Plain)
    ),
    "no zeros at the start": Ablation(
        "blocks begin as layers do; shipped, they begin as the identity", {}, _blocks(Started)
    ),
    "no layer norm": Ablation("none in the blocks and none before the last layer", {}, _no_norm),
    "no layer norm, lower rate": Ablation(
        "the shipped learning rate may be too much without it: 0.001 instead of 0.004",
        {"learning_rate": 0.001},
        _no_norm,
    ),
    "no averaged weights": Ablation("the weights of the last step are kept (`ema_decay: 0`)", {"ema_decay": 0.0}),
    "constant learning rate": Ablation(
        "the highest of the schedule from the first step to the last", {}, _constant_rate
    ),
    "constant rate, no averaging": Ablation(
        "the highest rate throughout, and the weights of the last step", {"ema_decay": 0.0}, _constant_rate
    ),
    "no warm-up": Ablation("the cosine alone (`warmup_steps: 0`)", {"warmup_steps": 0}, policies=("mixture",)),
    "ended early": Ablation(
        "after 5 of 50 reports without a lower held-out loss; the best weights are kept (`patience: 5`)",
        {"patience": 5},
        policies=("mixture",),
    ),
    "nothing held out": Ablation(
        "what is only looked at otherwise is learned from, too (`val_fraction: 0`)",
        {"val_fraction": 0.0},
        policies=("mixture",),
    ),
    "condition concatenated": Ablation(
        "it enters the first layer beside the noisy chunk; shipped, it is added to that layer's output",
        {},
        _of_diffusion("ConditionedTrunk", Concatenated),
        ("diffusion",),
    ),
    "condition in every block": Ablation(
        "it scales and shifts what each block has normalised, and is added nowhere",
        {},
        _of_diffusion("ConditionedTrunk", Modulated),
        ("diffusion",),
    ),
    "condition by one layer": Ablation(
        "one linear layer makes it of the history; shipped, that is a trunk of its own",
        {},
        _of_diffusion("Trunk", one_layer),
        ("diffusion",),
    ),
}
SETTINGS: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {
    ("discrete avoid", "mixture"): (16, {}),
    ("discrete avoid", "diffusion"): (16, {"steps": 3000}),
}
"""By task and policy class, how many demonstrations, so few that the shipped configuration often fails; and what is
changed in all arms."""


@dataclass(frozen=True)
class TrunkCell(policies.Cell):
    """One training of an arm and its rollouts."""

    arm: str

    @property
    def line(self) -> tuple[str, str, str]:
        """Which line of the table it belongs to."""
        return self.task, self.policy, self.arm

    @property
    def setting(self) -> Setting:
        """Its task with few demonstrations."""
        few, training = SETTINGS[self.task, self.policy]
        return dataclasses.replace(super().setting, demonstrations=few, training=training)

    def config(self) -> TrainingConfig:
        """Return the shipped one but for what the arm changes."""
        changes = {**self.setting.training, **ARMS[self.arm].changes}
        return TrainingConfig.load(self.policy, seed=self.seed, **changes)

    def shipped(self) -> TrunkCell:
        """Return what it is compared with."""
        return dataclasses.replace(self, arm=SHIPPED)

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        return job_cache.key([super().key(), self.arm, UNSEEN])


def cells(seeds: int, episodes: int) -> Iterator[TrunkCell]:
    """Return all jobs, seed by seed; those that share their demonstrations one after the other."""
    for seed in range(seeds):
        for task, policy in SETTINGS:
            for name, arm in ARMS.items():
                if policy in arm.policies:
                    yield TrunkCell(task, "many", policy, seed, episodes, name)


def work(cell: TrunkCell, folder: Path) -> None:
    """Train and roll out without the part; leaves the checkpoint and what it gave in ``folder``, by the cell's key."""
    with ARMS[cell.arm].without():
        result = policies.measured(cell, folder)
        result["loss"] = loss(checkpoints.load(folder / cell.key()), cell)
    job_cache.keep(folder / f"{cell.key()}.json", result)


def loss(checkpoint: Checkpoint, cell: TrunkCell) -> float:
    """Average over demonstrations that no policy learns from."""
    seeds, config, normaliser = range(FIRST_EPISODE, FIRST_EPISODE + UNSEEN), cell.config(), checkpoint.normaliser
    unseen = _unseen(cell.setting.task, cell.setting.contract, cell.expert, seeds)
    data = Dataset.from_episodes(unseen, config.n_obs_steps, config.horizon, min_labels=config.min_labels)
    actions = normaliser.action.forward(data.actions) * data.mask[..., None]
    arrays = (normaliser.observation.forward(data.observations), actions, data.mask)
    seen, done, shown = map(torch.from_numpy, arrays)
    with torch.no_grad():
        losses = checkpoint.policy.loss(seen, done, shown, torch.Generator().manual_seed(0))  # equal noise for all
    return float(losses.mean())


def row(
    group: Sequence[TrunkCell], results: Sequence[dict[str, Any]], shipped: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return one line of the table: all seeds of an arm, beside the same seeds of the shipped configuration."""
    won, base = (np.array([r["success"] for r in each], dtype=float) for each in (results, shipped))  # (S, E)
    losses, of_base = (np.array([r["loss"] for r in each]) for each in (results, shipped))  # (S,)
    success = Success.of(won.flatten() > 0)
    cell = group[0]
    return {
        "task": cell.task,
        "policy": cell.policy,
        "arm": cell.arm,
        "what": ARMS[cell.arm].what,
        "success": round(success.rate, 4),
        "interval": [round(bound, 4) for bound in success.interval],
        "gain": round(float((won - base).mean()), 4),
        "gain_interval": np.percentile(resampling.means(won - base), (2.5, 97.5)).round(4).tolist(),
        "per_seed": won.mean(1).round(4).tolist(),
        "loss": round(float(losses.mean()), 4),
        "loss_gain": round(float((losses - of_base).mean()), 4),
        "lower_loss": int((losses < of_base).sum()),
        "seeds": len(group),
        "episodes": cell.episodes,
        "demonstrations": cell.setting.demonstrations,
        "parameters": results[0]["parameters"],
        "train_s": round(float(np.median([result["train_s"] for result in results])), 2),
    }


def rows(everything: Sequence[TrunkCell], folder: Path) -> list[dict[str, Any]]:
    """Return all lines of the table, of what is kept in ``folder``."""
    results = {cell: json.loads((folder / f"{cell.key()}.json").read_text()) for cell in everything}
    groups: dict[tuple[str, str, str], list[TrunkCell]] = {}
    for cell in everything:
        groups.setdefault(cell.line, []).append(cell)
    return [
        row(group, [results[cell] for cell in group], [results[cell.shipped()] for cell in group])
        for group in groups.values()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print and write the rows."""
    args = _parser().parse_args(arguments)
    if args.from_results:
        stored = publishing.read_json(args.results / "trunk.json")
        publishing.write_page(args.output or publishing.PAGES, "trunk.md", trunk_page.page(stored))
        return 0
    args.folder.mkdir(parents=True, exist_ok=True)
    everything = list(cells(args.seeds, args.episodes))
    existing = {path.stem for path in args.folder.glob("*.json")}
    if args.kept:
        lacking = {cell.line for cell in everything if cell.key() not in existing}
        everything = [cell for cell in everything if not lacking & {cell.line, cell.shipped().line}]
        if not everything:
            raise ConfigError(f"--kept finds no arm with {args.seeds} trainings in {args.folder}; leave it out")
    missing = [cell for cell in everything if cell.key() not in existing]
    job_cache.run(work, missing, args.folder, args.workers, "trainings")
    measured = rows(everything, args.folder)
    _print(measured)
    if args.output is not None:
        publishing.write_json(args.results / "trunk.json", measured)
        publishing.write_page(args.output, "trunk.md", trunk_page.page(measured))
    return 0


def _print(measured: Sequence[Mapping[str, Any]]) -> None:
    table = Table(*("task", "class", "arm", "success", "interval", "beside as shipped", "loss", "train s"))
    for r in measured:
        interval, gain = ("{:.1%} to {:.1%}".format(*r[name]) for name in ("interval", "gain_interval"))
        values = [r["task"], r["policy"], r["arm"], f"{r['success']:.1%}", interval, f"{r['gain']:+.1%} ({gain})"]
        table.add_row(*values, f"{r['loss']:.3f}", f"{r['train_s']:.3g}")
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studies.trunk", description="Take away one thing at a time.")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm (default: 3)")
    parser.add_argument("--episodes", type=int, default=100, help="rollouts of each training (default: 100)")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time (default: 2)")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study-trunk", help="where results are kept")
    parser.add_argument("--kept", action="store_true", help="run nothing more: report the arms that are complete")
    publishing.add_options(parser)
    return parser


if __name__ == "__main__":
    job_cache.end(main, "studies.trunk")
