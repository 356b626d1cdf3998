"""Every policy class on every task, with one consistent expert and with many.

Each cell is trained once for every seed, on demonstrations of its own, and drives alone on the same episodes as every
other. What a cell gave is kept, so that a study which was ended goes on from there.

Examples:
  python -m studies.policies
  python -m studies.policies --seeds 1 --episodes 50 --output runs/look.json
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from il_ros.evaluation.metrics import Success, behaviour_entropy
from il_ros.evaluation.rollouts import be_a_worker, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.actor import Actor
from il_ros.learning.dataset import Dataset
from il_ros.learning.trainer import TrainingConfig, train
from il_ros.sim.env import ArmEnv
from il_ros.specs import Contract
from studies.demonstrations import demonstrate

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("deterministic", "gaussian", "mixture", "autoregressive", "diffusion", "flow")
FIRST_EPISODE = 1_000_000
SETTINGS = {
    "fork": ("fork", "panda_plane", "left", 60, {}),
    "avoid": ("avoid", "panda_plane", "way_05", 240, {"width": 256, "batch": 256, "steps": 8000}),
    "discrete avoid": ("avoid", "panda_keys", "way_05", 240, {"width": 256, "batch": 256, "steps": 8000}),
}
"""Task, contract, the one consistent expert, demonstrations, and what the larger tasks change in the training."""


@dataclass(frozen=True)
class Cell:
    """One training and its rollouts."""

    task: str
    experts: str
    """``one`` or ``many``."""
    policy: str
    seed: int
    episodes: int

    def config(self) -> TrainingConfig:
        """How its policy is trained."""
        changes = dict(SETTINGS[self.task][4])
        if self.policy == "deterministic":  # its few steps and its noise keep it from learning the experts by heart
            changes = {key: value for key, value in changes.items() if key == "batch"}
        return TrainingConfig.load(self.policy, seed=self.seed, **changes)

    def key(self) -> str:
        """Equal for equal work."""
        told = [dataclasses.asdict(self), dataclasses.asdict(self.config()), SETTINGS[self.task]]
        return hashlib.sha256(json.dumps(told, default=dict).encode()).hexdigest()[:16]


def cells(seeds: int, episodes: int) -> Iterator[Cell]:
    """All of them; a table of moves needs discrete actions."""
    for task in SETTINGS:
        for experts in ("one", "many"):
            for policy in (*CLASSES, *(["categorical"] if task == "discrete avoid" else [])):
                yield from (Cell(task, experts, policy, seed, episodes) for seed in range(seeds))


def keyed(cell: Cell) -> tuple[str, dict[str, Any]]:
    """A cell's key and what it gave."""
    return cell.key(), work(cell)


def work(cell: Cell) -> dict[str, Any]:
    """Train and roll out, on one thread."""
    task, contract_name, one, count, _ = SETTINGS[cell.task]
    expert = one if cell.experts == "one" else "random"
    demonstrations = demonstrate(task, contract_name, expert, range(cell.seed * count, (cell.seed + 1) * count))
    config, contract = cell.config(), Contract.load(contract_name)
    data = Dataset.from_episodes(demonstrations, config.history, config.horizon, fewest=config.fewest)
    trained = train(data, config)
    checkpoint = checkpoints.Checkpoint(Path(), {}, trained.policy, trained.normaliser, contract)
    actor, gate, env = Actor(checkpoint), Gate(contract, GateConfig(rule="none")), ArmEnv(task, contract)
    seeds = range(FIRST_EPISODE, FIRST_EPISODE + cell.episodes)
    rollouts = [run_episode(env, gate, seed, actor) for seed in seeds]
    env.close()
    return {
        "success": [rollout.success for rollout in rollouts],
        "ways": [rollout.way for rollout in rollouts if rollout.success],
        "kinds": env.task.ways,
        "parameters": sum(p.numel() for p in trained.policy.parameters()),
        "train_s": trained.wall_s,
        "latency_ms": _latency(actor, contract),
    }


def _latency(actor: Actor, contract: Contract, calls: int = 500) -> list[float]:
    """How long each chunk took, ms, at batch 1 on one thread."""
    rng, took = np.random.default_rng(0), []
    for call in range(calls):
        actor.observe((call + 1) * contract.step_ns + 10**15, rng.uniform(-1, 1, len(contract.observation)))
        began = time.perf_counter()
        actor.chunk()
        took.append(1000 * (time.perf_counter() - began))
    return took


def row(group: Sequence[Cell], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One line of the table: all seeds of a cell."""
    outcomes = [outcome for result in results for outcome in result["success"]]
    ways = [way for result in results for way in result["ways"] if way is not None]
    success, kinds = Success.of(outcomes), results[0]["kinds"]
    low, high = np.percentile([ms for result in results for ms in result["latency_ms"]], (50, 99))
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
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet, then print and write the rows."""
    args = _parser().parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    everything = [cell for cell in cells(args.seeds, args.episodes) if args.only in f"{cell.task} {cell.policy}"]
    missing = [cell for cell in everything if not (args.folder / f"{cell.key()}.json").exists()]
    with multiprocessing.get_context("spawn").Pool(args.workers, be_a_worker) as pool:  # leaving it ends the workers
        done = pool.imap_unordered(keyed, missing)
        for key, result in track(done, "cells", total=len(missing), console=Console(stderr=True)):
            path = args.folder / f"{key}.json"
            path.with_suffix(".part").write_text(json.dumps(result), encoding="utf-8")
            path.with_suffix(".part").rename(path)
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in everything:
        groups.setdefault((cell.task, cell.experts, cell.policy), []).append(cell)
    rows = [row(g, [json.loads((args.folder / f"{c.key()}.json").read_text()) for c in g]) for g in groups.values()]
    table = Table(*("task", "experts", "policy", "success", "interval", "entropy", "p50 ms", "p99 ms", "train s"))
    for r in rows:
        interval = "{:.1%} to {:.1%}".format(*r["interval"])
        costs = [f"{r[key]:.3g}" for key in ("latency_ms_p50", "latency_ms_p99", "train_s")]
        table.add_row(
            r["task"], r["experts"], r["policy"], f"{r['success']:.1%}", interval, f"{r['entropy']:.3f}", *costs
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    args.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studies.policies", description="Compare all policy classes.")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each cell (default: 5)")
    parser.add_argument("--episodes", type=int, default=200, help="rollouts of each training (default: 200)")
    parser.add_argument("--workers", type=int, default=2, help="cells at a time (default: 2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells with TEXT in 'task policy'")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study-policies", help="where cells are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "study-policies.json", help="where rows go")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
