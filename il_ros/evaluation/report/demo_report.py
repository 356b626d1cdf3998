# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demo's report: collects its numbers and what its page draws, and writes both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.evaluation.films import FilmedEpisode
from il_ros.evaluation.report import dagger_report
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.page import ReportData, write_report
from il_ros.evaluation.report.trajectories import recorded, rolled_out, scene
from il_ros.evaluation.rollouts import Rollout
from il_ros.evaluation.summary import summary
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.learning.dagger import ledger
from il_ros.recording.bag import metadata
from il_ros.recording.episodes.reader import read_episode
from il_ros.sim import tasks

LEFT_OUT = ("outcomes", "refused")
"""What the report does not show of a summary."""


class DemoReport:
    """``results.json`` and ``report.html`` of a demo.

    Args:
        contract: of all episodes that are not of rounds.
        seeds: where the seeds of the episodes of each kind begin.
        versions: of what made the numbers.
    """

    def __init__(self, contract: Contract, seeds: Mapping[str, int], versions: Mapping[str, str]) -> None:
        self._contract, self._to_film = contract, list[FilmedEpisode]()
        self.results: dict[str, Any] = {
            "policies": {},
            "rounds": [],
            "real_time_factor": {},
            "wall_s": {},
            "seeds": dict(seeds),
            "versions": dict(versions),
            "commands": ["il-ros demo"],
        }
        self._data = ReportData(self.results)

    def took(self, phase: str, seconds: float) -> None:
        """Add to the wall time of a phase."""
        self.results["wall_s"][phase] = round(self.results["wall_s"].get(phase, 0.0) + seconds, 2)

    def add_task(self, task: str) -> None:
        """Draw the scene of a task."""
        self._data.scenes[task] = scene(tasks.load(task))

    def add_demonstrations(self, task: str, bags: Sequence[Path]) -> None:
        """Draw the demonstrations of a task."""
        episodes = [read_episode(bag, self._contract) for bag in bags]
        self._data.demonstrations[task] = [recorded(e, self._contract, e.info.expert) for e in episodes]

    def add_training(self, name: str, checkpoint: Path) -> None:
        """Draw how a training went."""
        self._data.curves.append(Curve.of(name, checkpoint))

    def add_evaluation(self, task: str, name: str, rollouts: Sequence[Rollout]) -> None:
        """Draw where a policy drove alone; note its success, interval and entropy."""
        self._data.rollouts.setdefault(task, {})[name] = [rolled_out(rollout) for rollout in rollouts]
        whole = summary(rollouts, tasks.load(task).ways)
        score = {key: value for key, value in whole.items() if key not in LEFT_OUT}
        self.results["policies"].setdefault(task, {})[name] = score

    def add_run(self, folder: Path, first: Sequence[Rollout], last: Sequence[Rollout]) -> None:
        """Draw the rounds in ``folder``, and where the policies of the first round and of the end drove alone."""
        by_round = dagger_report.episodes_by_round(folder)
        run = dagger_report.read(folder, by_round)
        task, data = run.rounds_task, self._data
        data.scenes.update(run.scenes)
        data.demonstrations.update(run.demonstrations)
        data.rollouts[task] = {
            name: [rolled_out(rollout) for rollout in rollouts]
            for name, rollouts in ((dagger_report.FIRST, first), (dagger_report.LAST, last))
        }
        data.rounds.extend(run.rounds)
        data.curves.extend(replace(curve, name=f"{task}, {curve.name}") for curve in run.curves)
        self._data = replace(data, rounds_task=task)
        results = run.results
        self.results["policies"] |= results["policies"]
        self.results["seeds"] |= {f"{task}, {name}": seeds for name, seeds in results["seeds"].items()}
        self.results |= {key: results[key] for key in ("rounds", "confirmed", "targets", "plan")}
        for phase, seconds in results["wall_s"].items():
            self.took(f"{task}: {phase}", seconds)
        self._film_run(folder, first, by_round)

    def _film_run(self, folder: Path, first: Sequence[Rollout], by_round: Sequence[Sequence[Episode]]) -> None:
        """Note a failure of the first policy, the same start at the end, and a rollout that was saved by correction."""
        records = ledger.read(folder)
        task, checkpoints = records["plan"]["task"], [Path(row["checkpoint"]["path"]) for row in records["rounds"]]
        failed = next((rollout.seed for rollout in first if not rollout.success), first[0].seed)
        self.add_film(f"{task}, before correction", task, failed, checkpoints[0])
        for watched in by_round[1:2]:
            saved = [episode for episode in watched if episode.interventions and episode.info.is_success] or watched
            self.add_film(f"{task}, corrected", task, int(saved[0].facts["seed"]), checkpoints[0], True)
        self.add_film(f"{task}, after correction, from the same start", task, failed, checkpoints[-1])

    def add_speed(self, name: str, done: Sequence[Mapping[str, Any]]) -> None:
        """Note how many simulated seconds passed in a second while these recorded episodes ran."""
        simulated_ns = sum(int(facts["steps"]) for facts in done) * self._contract.step_ns
        took_ns = sum(metadata.read(Path(facts["path"])).duration_ns for facts in done)
        self.results["real_time_factor"][name] = round(simulated_ns / took_ns, 2)

    def add_film(self, title: str, task: str, seed: int, checkpoint: Path, supervised: bool = False) -> None:
        """Note an episode that is to be filmed."""
        self._to_film.append(FilmedEpisode(title, task, seed, checkpoint, supervised))

    @property
    def films(self) -> int:
        """How many episodes are to be filmed."""
        return len(self._to_film)

    def film(self, pool: WorkerPool, progress: Callable[[int], None]) -> None:
        """Run the noted episodes again, and film them."""
        self._data.clips.extend(pool.films(self._to_film, progress))

    def write(self, folder: Path) -> Path:
        """Write the numbers and the page; return the path of the page."""
        (folder / "results.json").write_text(json.dumps(self.results, indent=1) + "\n", encoding="utf-8")
        return write_report(folder / "report.html", self._data)
