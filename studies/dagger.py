# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Asking the expert: every way of gating and of labelling, on one footing, and how errors compound without.

Each arm makes rounds in the loop, with labels of its own but equal seeds; what it cost the expert is in its ledger. On
``trace`` its last policy then drives ever longer episodes, and the steps outside the groove are counted. What an arm
gave is kept, so that a study which was ended goes on from there.

Examples:
  python -m studies.dagger --output docs/studies
  python -m studies.dagger --seeds 1 --rollouts 4 --output runs/look
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import Rollout, roll_out
from il_ros.gate import GateConfig
from il_ros.learning.dagger import ledger
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.dagger.run import DaggerRun
from il_ros.learning.data.seeds import ALONE
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.sim import tasks
from studies import dagger_page, dagger_pictures, delay, job_cache, publishing, resampling, time_to_success
from studies.imitation_baseline import PEER, rounds_of
from studies.job_results import AnyJob, JobResults

ROOT = Path(__file__).resolve().parents[1]
ONE_STEP = {"policy": "one_step", "execute_steps": 1, "success_threshold": 2.0}
"""What DAgger was written for: one action for one observation. No arm stops before the others."""
SETTINGS: dict[str, dict[str, Any]] = {
    "trace": {
        **ONE_STEP,
        **{"task": "trace:horizon_s=20", "expert": "tracer", "lapses": 0.01, "lapse_reach": 0.5},
        **{"demonstrations": 2, "rounds": 3, "episodes": 40, "labels_per_round": 800},
    },
    "avoid": {
        **ONE_STEP,
        **{"task": "avoid", "expert": "way_05", "lapses": 0.04, "lapse_reach": 0.25},
        **{"demonstrations": 3, "rounds": 6, "episodes": 60, "labels_per_round": 60},
    },
}
"""By task, what all arms have in common."""
FIVE = {"policy": "one_step_ensemble"}
"""Five members and a critic, which the rules that ask them need."""
ARMS: dict[str, dict[str, Any]] = {
    "behaviour cloning": {"gating_rule": "demonstration", "labels": "expert_driven"},
    "DAgger": {"gating_rule": "beta", "labels": "relabelled"},
    "HG-DAgger": {"gating_rule": "human", "labels": "expert_driven"},
    "HG, weighted by IWR": {"gating_rule": "human", "labels": "iwr"},
    "HG, weighted by Sirius": {"gating_rule": "human", "labels": "sirius"},
    "HG-DAgger, five": {**FIVE, "gating_rule": "human", "labels": "expert_driven"},
    "EnsembleDAgger": {**FIVE, "gating_rule": "ensemble", "labels": "expert_driven"},
    "learned doubt": {**FIVE, "gating_rule": "doubt", "labels": "expert_driven"},
    "SafeDAgger": {**FIVE, "gating_rule": "safe", "labels": "expert_driven"},
    "LazyDAgger": {**FIVE, "gating_rule": "lazy", "labels": "expert_driven"},
    "ThriftyDAgger": {**FIVE, "gating_rule": "thrifty:budget=0.005,agree=0.02,calm=0.1", "labels": "expert_driven"},
}
"""By name, who drives while a round is collected, and what is learned of it."""
MAIN = ("behaviour cloning", "DAgger", "HG-DAgger")
"""Those of the lecture; at ``trace`` their last policies drive ever longer episodes."""
BESIDE: dict[str, dict[str, Any]] = {
    dagger_page.LONGER: {**ARMS["behaviour cloning"], "rounds": 18},
    dagger_page.SMALLER: {**ARMS["HG-DAgger"], "labels_per_round": 20, "rounds": 10},
    PEER: ARMS["DAgger"],
}
"""What is done at ``avoid`` alone: cloning goes on until it gets there as well, corrections come one by one."""
RUNS = "dagger-runs.json"
COUNTED = ("labels", "takeovers", "switches", "expert_steps", "expert_s", "watched_s")
HORIZONS_S = (5, 10, 20, 40, 80)
RATE_HZ = 20
SHOWN = 12
"""So many rollouts of each arm can be drawn."""
SHOWN_S = 20


@dataclass(frozen=True)
class DaggerJob:
    """One run of rounds, and what its last policy costs."""

    task: str
    arm: str
    seed: int
    rollouts: int
    """Episodes of every measurement."""

    @property
    def plan(self) -> DaggerConfig:
        """What is done."""
        arm = (ARMS | BESIDE)[self.arm]
        return DaggerConfig(**{**SETTINGS[self.task], **arm}, eval_episodes=self.rollouts, seed=self.seed)

    @property
    def is_long(self) -> bool:
        """Whether its last policy drives ever longer episodes."""
        return self.task == "trace" and self.arm in MAIN

    @property
    def is_pictured(self) -> bool:
        """Whether the pictures show it, so that what is published of it is not enough."""
        return self.is_long and self.seed == 0

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        inputs = {**dataclasses.asdict(self.plan), "horizons_s": HORIZONS_S, "training": self.plan.training()}
        inputs |= {"peer": True} if self.arm == PEER else {}
        return job_cache.key(inputs)


def jobs(seeds: int, rollouts: int) -> Iterator[DaggerJob]:
    """Return all jobs, seed by seed."""
    for seed in range(seeds):
        yield from (DaggerJob(task, arm, seed, rollouts) for task in SETTINGS for arm in ARMS)
        yield from (DaggerJob("avoid", arm, seed, rollouts) for arm in BESIDE)


def work(job: DaggerJob, folder: Path) -> None:
    """Make the rounds, then the long episodes, on one thread; leaves what they gave in ``folder``, by the job's key."""
    run = folder / job.key()
    if job.arm == PEER:
        job_cache.keep(run.with_suffix(".json"), {"rounds": rounds_of(job.plan)})
        return
    with InProcessBackend(run, job.plan) as crew:
        DaggerRun(run, job.plan, crew).run()
    rows = ledger.read(run)["rounds"]
    result: dict[str, Any] = {"rounds": [{key: row[key] for key in (*COUNTED, "alone", "wall_s")} for row in rows]}
    if job.is_long:
        result |= _compounding(job, run, Path(rows[-1]["checkpoint"]["path"]))
    job_cache.keep(run.with_suffix(".json"), result)


def _compounding(job: DaggerJob, run: Path, checkpoint: Path) -> dict[str, Any]:
    """Measure what the policy costs by horizon, where it goes, and how far that is from what was demonstrated."""
    plan, costs = job.plan, {}
    shown: list[Rollout] = []
    for number, horizon_s in enumerate(HORIZONS_S):
        name = f"trace:horizon_s={horizon_s}"
        seeds = plan.seeds(ALONE, 30 + number, job.rollouts)
        alone = GateConfig(rule="none", execute_steps=plan.execute_steps)
        rollouts = roll_out(checkpoint, name, seeds, alone, plan.attention())
        costs[str(horizon_s)] = [cost(rollout, RATE_HZ * horizon_s) for rollout in rollouts]
        shown = rollouts[:SHOWN] if horizon_s == SHOWN_S else shown
    demonstrated = _demonstrated(run, plan)
    return {
        "costs": costs,
        "paths": [rollout.positions.round(4).tolist() for rollout in shown],
        "away_m": [distances(rollout.positions, demonstrated).round(5).tolist() for rollout in shown],
        "demonstrated": demonstrated[::2].round(4).tolist(),
    }


def cost(rollout: Rollout, steps: int) -> float:
    """Count steps outside the groove; an episode that ended early is outside for the rest."""
    trace = tasks.load("trace")
    assert isinstance(trace, tasks.trace.Trace)  # type: ignore[attr-defined]
    inside = rollout.positions[1 : steps + 1]
    return float(trace.costs(inside).sum()) + steps - len(inside)


def _demonstrated(run: Path, plan: DaggerConfig) -> Array:
    """Return (N, 2) m, where the tool was in the demonstrations of round 0."""
    first = EpisodeStore(run / "episodes").closed()[: plan.demonstrations]
    return np.concatenate([read_episode(path, Contract.load(plan.contract)).observations[:, :2] for path in first])


def distances(positions: Array, demonstrated: Array) -> Array:
    """Return (T,) m, how far (T, 2) are from the nearest of (N, 2)."""
    squares = ((positions[:, None] - demonstrated) ** 2).sum(-1)
    return np.sqrt(squares.min(1))  # type: ignore[no-any-return]


def rows_of(group: Sequence[DaggerJob], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for every round of an arm: all seeds together."""
    plan, rows = group[0].plan, []
    for number in range(plan.rounds + 1):
        of_round = [result["rounds"][number] for result in results]
        so_far = [result["rounds"][1 : number + 1] for result in results]
        alone = [row["alone"] for row in of_round]
        success = Success.together(alone)
        spent = {
            key: round(float(np.mean([sum(row[key] for row in rounds) for rounds in so_far])), 1) for key in COUNTED
        }
        walls = [
            [r["wall_s"]["collect"] + r["wall_s"]["train"] for r in result["rounds"][: number + 1]]
            for result in results
        ]
        spent["wall_s"] = round(float(np.mean([sum(wall) for wall in walls])), 1)
        rows.append(
            {
                **{"task": group[0].task, "arm": group[0].arm, "rule": plan.gating_rule, "labels_scheme": plan.labels},
                **{"round": number, **spent},
                **{"success": round(success.rate, 4), "interval": [round(bound, 4) for bound in success.interval]},
                **{"seeds": len(group), "episodes": group[0].rollouts},
                "per_seed": [round(a["success"], 4) for a in alone],
            }
        )
    return rows


@dataclass(frozen=True)
class Growth:
    """How the cost of an arm grows with the horizon: means and 95 % intervals."""

    arm: str
    mean: Array
    """(H,) steps outside the groove, by horizon."""
    low: Array
    high: Array
    exponent: tuple[float, float, float]
    """Of the horizon: the slope of a line through the logarithms; its value and interval."""

    @classmethod
    def of(cls, arm: str, costs: Array) -> Growth:
        """Compute from (S, E, H): S seeds, E episodes of each, H horizons."""
        drawn = resampling.means(costs)  # (resamples, H)
        low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
        mean = costs.mean((0, 1))
        least, most = np.percentile([_slope(each) for each in drawn], (2.5, 97.5))
        return cls(arm, mean, low, high, (_slope(mean), float(least), float(most)))

    def to_dict(self) -> dict[str, Any]:
        """Return the same in plain lists, rounded."""
        lists = {name: getattr(self, name).round(2).tolist() for name in ("mean", "low", "high")}
        return {"arm": self.arm, **lists, "exponent": [round(value, 3) for value in self.exponent]}


def _slope(costs: Array) -> float:
    """Fit the slope of log cost over log horizon; a cost of nothing counts as a hundredth of a step."""
    return float(np.polyfit(np.log(HORIZONS_S), np.log(np.maximum(costs, 0.01)), 1)[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet, at last what needs the machine to itself; print and write the rows."""
    args = _parser().parse_args(arguments)
    if args.from_results:
        stored = [publishing.read_json(args.results / name) for name in ("dagger.json", "dagger-more.json")]
        publishing.write_page(args.output or publishing.PAGES, "dagger.md", dagger_page.page(*stored))
        return 0
    args.folder.mkdir(parents=True, exist_ok=True)
    everything = [job for job in jobs(args.seeds, args.rollouts) if args.only in f"{job.task} {job.arm}"]
    if not everything:
        raise ConfigError(f"--only {args.only!r} is in no 'task arm'; take one of {', '.join(ARMS | BESIDE)}")
    if args.only and args.output is not None:
        raise ConfigError(f"--output {args.output} holds all arms; leave out --only {args.only!r}, or --output")
    late = [] if args.only else list(delay.jobs(args.seeds, args.rollouts))
    timed = [] if args.only else list(time_to_success.jobs(min(args.seeds, time_to_success.RUNS), args.rollouts))
    shelf = JobResults(args.folder, {} if args.output is None else job_cache.published(args.results / RUNS))
    job_cache.run(_work, shelf.missing([*everything, *late]), args.folder, args.workers, "runs")
    job_cache.run(_work, shelf.missing(timed), args.folder, 1, "runs that are timed, alone")
    order = [(task, arm) for task in SETTINGS for arm in (*ARMS, *BESIDE)]
    groups: dict[tuple[str, str], list[DaggerJob]] = {}
    for job in sorted(everything, key=lambda job: order.index((job.task, job.arm))):
        groups.setdefault((job.task, job.arm), []).append(job)
    results = {names: [shelf.gave(job) for job in group] for names, group in groups.items()}
    rows = [row for names, group in groups.items() for row in rows_of(group, results[names])]
    grown = [
        Growth.of(arm, np.array([[r["costs"][str(h)] for h in HORIZONS_S] for r in results_of]).swapaxes(1, 2))
        for (task, arm), results_of in results.items()
        if groups[task, arm][0].is_long
    ]
    _print(rows, grown)
    if args.output is not None:
        delayed = delay.rows_of([shelf.gave(job) for job in late])
        walls = time_to_success.rows_of(timed, [shelf.gave(job) for job in timed])
        first = {arm: results[task, arm][0] for (task, arm), group in groups.items() if group[0].is_long}
        more = {
            "horizons": [RATE_HZ * horizon_s for horizon_s in HORIZONS_S],
            "growth": [growth.to_dict() for growth in grown],
            "delay": delayed,
            "wall": walls,
        }
        publishing.write_json(args.results / "dagger.json", rows)
        publishing.write_json(args.results / "dagger-more.json", more)
        job_cache.publish(args.results / RUNS, {**shelf.known, **shelf.told([*everything, *late, *timed])})
        publish(rows, grown, more, first, args.output)
    return 0


def _work(job: AnyJob, folder: Path) -> None:
    {DaggerJob: work, delay.DelayJob: delay.work, time_to_success.TimingJob: time_to_success.work}[type(job)](
        job, folder
    )  # type: ignore[operator]


def publish(
    rows: Sequence[Mapping[str, Any]],
    grown: Sequence[Growth],
    more: Mapping[str, Any],
    first: Mapping[str, Mapping[str, Any]],
    output: Path,
) -> None:
    """Write the page and its pictures; those of paths show the first seed of each arm."""
    output.mkdir(parents=True, exist_ok=True)
    horizons = RATE_HZ * np.array(HORIZONS_S)
    dagger_pictures.growth(horizons, grown, output / "dagger-cost.png")
    dagger_pictures.visited(first, tasks.load("trace"), output / "dagger-states.png")
    dagger_pictures.away(first, RATE_HZ, output / "dagger-distance.png")
    dagger_pictures.frontier(rows, output / "dagger-frontier.png")
    dagger_pictures.delayed(more["delay"], 1000 // RATE_HZ, output / "dagger-delay.png")
    publishing.write_page(output, "dagger.md", dagger_page.page(rows, more))


def _print(rows: Sequence[Mapping[str, Any]], grown: Sequence[Growth]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(*("task", "arm", "round", "labels", "take-overs", "expert s", "success", "interval"))
    for r in rows:
        counts = [f"{r[key]:.0f}" for key in ("round", "labels", "takeovers", "expert_s")]
        table.add_row(r["task"], r["arm"], *counts, f"{r['success']:.1%}", "{:.1%} to {:.1%}".format(*r["interval"]))
    console.print(table)
    table = Table("cost, steps", *(f"T = {RATE_HZ * h}" for h in HORIZONS_S), "exponent")
    for g in grown:
        cells = [f"{m:.1f} ({low:.1f} - {high:.1f})" for m, low, high in zip(g.mean, g.low, g.high)]
        table.add_row(g.arm, *cells, "{:.2f} ({:.2f} - {:.2f})".format(*g.exponent))
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m studies.dagger", description="Compare ways to ask an expert.")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each arm (default: 5)")
    parser.add_argument("--rollouts", type=int, default=30, help="episodes of every measurement (default: 30)")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="runs with TEXT in 'task arm'")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study-dagger", help="where runs are kept")
    publishing.add_options(parser)
    return parser


if __name__ == "__main__":
    job_cache.end(main, "studies.dagger")
