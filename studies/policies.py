# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every policy class on every task, with one consistent expert and with many.

Each cell is trained once for every seed, on demonstrations of its own, and drives alone on the same episodes as every
other. What a cell gave is kept, so that a study which was ended goes on from there; what was published is not run
again either, but for the first seed, which the pictures show.

Examples:
  python -m studies.policies --output docs/studies
  python -m studies.policies --seeds 1 --episodes 50 --output runs/look
  python -m studies.policies --only "fork flow"
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import ConfigError
from il_ros.evaluation.metrics import Success, behaviour_entropy
from il_ros.evaluation.report import trajectories
from il_ros.evaluation.rollouts import roll_out
from il_ros.gate import GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner, use_one_thread
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim import tasks
from studies import job_cache, page, pictures, publishing
from studies.demonstrations import demonstrate
from studies.pictures import Drive, Panel

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("deterministic", "gaussian", "mixture", "autoregressive", "diffusion", "flow", "categorical")
_demonstrate = functools.lru_cache(maxsize=2)(demonstrate)
OUTCOMES = "policies-outcomes.json"
FIRST_EPISODE = 1_000_000
SHOWN = 50
"""So many rollouts of each training can be drawn."""


@dataclass(frozen=True)
class Setting:
    """A task of the study and what is demonstrated there."""

    task: str
    contract: str
    one: str
    """The one consistent expert; the many are all that the task has, drawn for each demonstration."""
    demonstrations: int
    training: Mapping[str, Any]
    """What the task changes in every class's own training."""


PICTURES = {
    "fork": [("fork", "one"), ("fork", "many")],
    "avoid": [("avoid", "one"), ("avoid", "many"), ("discrete avoid", "many")],
}
"""By file, the task and the experts of each row of pictures."""
LARGE = {"width": 256, "batch": 256, "steps": 5000, "ema_decay": 0.999}
DRAWN_IN_TURN = ("autoregressive", "categorical")
"""Each place of a chunk is a sample of its own to them, so that smaller batches do."""
SETTINGS = {
    "fork": Setting("fork", "panda_plane", "left", 60, {}),
    "avoid": Setting("avoid", "panda_plane", "way_05", 240, LARGE),
    "discrete avoid": Setting("avoid", "panda_keys", "way_05", 240, LARGE),
}


@dataclass(frozen=True)
class Cell:
    """One training and its rollouts."""

    task: str
    experts: str
    """``one`` or ``many``."""
    policy: str
    seed: int
    episodes: int

    @property
    def setting(self) -> Setting:
        """Its task; who has a table of moves is driven by keys on every one."""
        setting = SETTINGS[self.task]
        return dataclasses.replace(setting, contract="panda_keys") if self.policy == "categorical" else setting

    @property
    def expert(self) -> str:
        """Who demonstrates."""
        return self.setting.one if self.experts == "one" else "random"

    def demonstrations(self) -> list[Episode]:
        """Return what it learns from; every seed has its own."""
        setting, first = self.setting, self.seed * self.setting.demonstrations
        seeds = range(first, first + setting.demonstrations)
        return _demonstrate(setting.task, setting.contract, self.expert, seeds)

    def config(self) -> TrainingConfig:
        """Return how its policy is trained."""
        changes = dict(self.setting.training)
        if changes and self.policy == "deterministic":
            changes["observation_noise"] = 0.0  # which blurs what is finer than a fork
        if changes and self.policy in DRAWN_IN_TURN:
            changes["batch"] = 64
        return TrainingConfig.load(self.policy, seed=self.seed, **changes)

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        setting = self.setting
        inputs = [setting.task, setting.contract, self.expert, setting.demonstrations, self.episodes]
        config = dataclasses.asdict(self.config())
        unused = ("labels", "warm_start", "new_data_weight", "critic", "experts")
        used = {name: value for name, value in config.items() if name not in unused}
        return job_cache.key([*inputs, used])


def cells(seeds: int, episodes: int) -> Iterator[Cell]:
    """Return all jobs, seed by seed; those that share their demonstrations one after the other."""
    for seed in range(seeds):
        for task in SETTINGS:
            for experts in ("one", "many"):
                yield from (Cell(task, experts, policy, seed, episodes) for policy in CLASSES)


def work(cell: Cell, folder: Path) -> None:
    """Train and roll out on one thread; leaves the checkpoint and what it gave in ``folder``, by the cell's key."""
    job_cache.keep(folder / f"{cell.key()}.json", measured(cell, folder))


def measured(cell: Cell, folder: Path) -> dict[str, Any]:
    """Compute what a cell gives; its checkpoint is left in ``folder``, by the cell's key."""
    config, contract = cell.config(), Contract.load(cell.setting.contract)
    data = Dataset.from_episodes(
        cell.demonstrations(), config.n_obs_steps, config.horizon, min_labels=config.min_labels
    )
    began = time.process_time()
    trained = train(data, config)
    train_s = time.process_time() - began  # of the processor, which neighbours hardly lengthen
    path = folder / cell.key()
    shutil.rmtree(path, ignore_errors=True)  # of a study that was ended before the rollouts were there
    checkpoints.save(path, trained, contract, [])
    seeds = range(FIRST_EPISODE, FIRST_EPISODE + cell.episodes)  # the same for all
    rollouts = roll_out(path, cell.setting.task, seeds, GateConfig(rule="none"))
    return {
        "success": [rollout.success for rollout in rollouts],
        "ways": [rollout.way for rollout in rollouts if rollout.success],
        "paths": [rollout.positions.round(4).tolist() for rollout in rollouts[:SHOWN]],
        "kinds": tasks.load(cell.setting.task).ways,
        "parameters": sum(p.numel() for p in trained.policy.parameters()),
        "train_s": train_s,
    }


def latencies(checkpoint: Checkpoint, calls: int = 1000) -> list[float]:
    """Return how long each chunk took, ms, at batch 1; for a process that has the machine to itself."""
    actor, contract, rng, took = PolicyRunner(checkpoint), checkpoint.contract, np.random.default_rng(0), []
    for call in range(calls):
        actor.observe((call + 1) * contract.step_ns + 10**15, rng.uniform(-1, 1, len(contract.observation)))
        began = time.perf_counter()
        actor.chunk()
        took.append(1000 * (time.perf_counter() - began))
    return took


def row(group: Sequence[Cell], results: Sequence[dict[str, Any]], took: Sequence[float]) -> dict[str, Any]:
    """Return one line of the table: all seeds of a cell, and how long chunks took, ms."""
    outcomes = [outcome for result in results for outcome in result["success"]]
    ways = [way for result in results for way in result["ways"] if way is not None]
    success, kinds = Success.of(outcomes), results[0]["kinds"]
    low, high = np.percentile(took, (50, 99))
    return {
        "task": group[0].task,
        "experts": group[0].experts,
        "policy": group[0].policy,
        "success": round(success.rate, 4),
        "interval": [round(bound, 4) for bound in success.interval],
        "entropy": round(behaviour_entropy(ways, kinds), 4) if ways else 0.0,
        "seeds": len(group),
        "episodes": group[0].episodes,
        "per_seed": [round(sum(result["success"]) / len(result["success"]), 4) for result in results],
        "parameters": results[0]["parameters"],
        "latency_ms_p50": round(float(low), 4),
        "latency_ms_p99": round(float(high), 4),
        "train_s": round(float(np.median([result["train_s"] for result in results])), 2),
        "contract": group[0].setting.contract,
        "demonstrations": group[0].setting.demonstrations,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet, then measure latencies alone; print and write the rows."""
    args = _parser().parse_args(arguments)
    if args.from_results:
        stored = publishing.read_json(args.results / "policies.json")
        publishing.write_page(args.output or publishing.PAGES, "policies.md", page.page(stored))
        return 0
    args.folder.mkdir(parents=True, exist_ok=True)
    everything = [cell for cell in cells(args.seeds, args.episodes) if args.only in f"{cell.task} {cell.policy}"]
    if not everything:
        raise ConfigError(f"--only {args.only!r} is in no 'task policy'; take one of {', '.join(SETTINGS)}")
    if args.only and args.output is not None:
        raise ConfigError(f"--output {args.output} holds the whole grid; leave out --only {args.only!r}, or --output")
    known = {} if args.output is None else job_cache.published(args.results / OUTCOMES)
    existing = {path.stem for path in args.folder.glob("*.json")}
    missing = {cell.key(): cell for cell in everything if cell.key() not in existing}
    missing = {key: cell for key, cell in missing.items() if cell.seed == 0 or key not in known}
    job_cache.run(work, missing.values(), args.folder, args.workers, "cells")
    use_one_thread()
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in everything:
        groups.setdefault((cell.task, cell.experts, cell.policy), []).append(cell)
    rows, outcomes = [], dict(known)
    for group in groups.values():
        results = [outcome(cell, args.folder, known) for cell in group]
        outcomes |= {cell.key(): told(cell, result) for cell, result in zip(group, results)}
        rows.append(row(group, results, latencies(checkpoints.load(args.folder / group[0].key()))))
    _print(rows)
    if args.output is not None:
        publishing.write_json(args.results / "policies.json", rows)
        job_cache.publish(args.results / OUTCOMES, outcomes)
        publish(rows, {names: group[0] for names, group in groups.items()}, args.folder, args.output)
    return 0


def told(cell: Cell, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is published of a training: every episode's outcome, and the ways of those that succeeded."""
    success = "".join(str(int(won)) for won in result["success"])
    rest = {name: result[name] for name in ("ways", "kinds", "parameters", "train_s")}
    return {**dataclasses.asdict(cell), "success": success, **rest}


def outcome(cell: Cell, folder: Path, known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what a cell gave, here or when the page was last published."""
    path = folder / f"{cell.key()}.json"
    if path.exists():
        return json.loads(path.read_text())  # type: ignore[no-any-return]
    result = known[cell.key()]
    return {**result, "success": [won == "1" for won in result["success"]]}


def publish(
    rows: Sequence[Mapping[str, Any]], first: Mapping[tuple[str, str, str], Cell], folder: Path, output: Path
) -> None:
    """Write the page and its pictures, which show the first training of each class."""
    output.mkdir(parents=True, exist_ok=True)
    scenes = {task: trajectories.scene(tasks.load(setting.task)) for task, setting in SETTINGS.items()}
    for name, shown in PICTURES.items():
        panels = {f"{task}, {experts}": _panels(task, experts, first, folder) for task, experts in shown}
        pictures.from_above(panels, [scenes[task] for task, _ in shown], output / f"policies-{name}.png")
    drawn = {policy: checkpoints.load(folder / first["fork", "many", policy].key()) for policy in CLASSES}
    demonstrations = first["fork", "many", CLASSES[0]].demonstrations()
    pictures.at_the_fork(demonstrations, drawn, scenes["fork"], output / "policies-chunks.png")
    publishing.write_page(output, "policies.md", page.page(rows))


def _panels(task: str, experts: str, first: Mapping[tuple[str, str, str], Cell], folder: Path) -> list[Panel]:
    shown = first[task, experts, CLASSES[0]].demonstrations()[:SHOWN]
    panels = [Panel("demonstrations", [Drive(episode.observations[:, :2], True) for episode in shown])]
    for policy in CLASSES:
        result = json.loads((folder / f"{first[task, experts, policy].key()}.json").read_text())
        drives = [Drive(np.array(path), won) for path, won in zip(result["paths"], result["success"])]
        panels.append(Panel(policy, drives))
    return panels


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(*("task", "experts", "policy", "success", "interval", "entropy", "p50 ms", "p99 ms", "train s"))
    for r in rows:
        interval = "{:.1%} to {:.1%}".format(*r["interval"])
        cells = [r["task"], r["experts"], r["policy"], f"{r['success']:.1%}", interval, f"{r['entropy']:.3f}"]
        table.add_row(*cells, *(f"{r[key]:.3g}" for key in ("latency_ms_p50", "latency_ms_p99", "train_s")))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studies.policies", description="Compare all policy classes.")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each cell (default: 5)")
    parser.add_argument("--episodes", type=int, default=200, help="rollouts of each training (default: 200)")
    parser.add_argument("--workers", type=int, default=2, help="cells at a time (default: 2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells with TEXT in 'task policy'")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study-policies", help="where cells are kept")
    publishing.add_options(parser)
    return parser


if __name__ == "__main__":
    job_cache.end(main, "studies.policies")
