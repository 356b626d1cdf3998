# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demo's report: collects its numbers and what its page draws, and writes both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.evaluation.films import FilmedEpisode
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.page import ReportData, write_report
from il_ros.evaluation.report.svg import ToolPath
from il_ros.evaluation.report.trajectories import recorded, rolled_out, scene
from il_ros.evaluation.rollouts import Rollout
from il_ros.evaluation.summary import summary
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.recording.bag import metadata
from il_ros.sim import tasks

TARGET = 0.95
"""The success that the chart of the rounds marks."""
LEFT_OUT = ("outcomes", "refused")
"""What the report does not show of a summary."""


class DemoReport:
    """``results.json`` and ``report.html`` of a demo.

    Args:
        contract: of all its episodes.
        seeds: where the seeds of the episodes of each kind begin.
        versions: of what made the numbers.
    """

    def __init__(self, contract: Contract, seeds: Mapping[str, int], versions: Mapping[str, str]) -> None:
        self._contract, self._to_film = contract, list[FilmedEpisode]()
        self.results: dict[str, Any] = {
            "policies": {"fork": {}, "avoid": {}},
            "rounds": [],
            "real_time_factor": {},
            "wall_s": {},
            "seeds": dict(seeds),
            "versions": dict(versions),
            "targets": {"rounds": TARGET},
            "commands": ["il-ros demo"],
        }
        self._data = ReportData(self.results)

    def took(self, phase: str, seconds: float) -> None:
        """Add to the wall time of a phase."""
        self.results["wall_s"][phase] = round(self.results["wall_s"].get(phase, 0.0) + seconds, 2)

    def add_task(self, task: str) -> None:
        """Draw the scene of a task."""
        self._data.scenes[task] = scene(tasks.load(task))

    def add_demonstrations(self, task: str, episodes: Sequence[Episode]) -> None:
        """Draw the demonstrations of a task."""
        self._data.demonstrations[task] = self._drawn(episodes)

    def add_training(self, name: str, checkpoint: Path) -> None:
        """Draw how a training went."""
        self._data.curves.append(Curve.of(name, checkpoint))

    def add_evaluation(self, task: str, name: str, rollouts: Sequence[Rollout]) -> dict[str, Any]:
        """Draw where a policy drove alone; return its success, interval and entropy."""
        self._data.rollouts.setdefault(task, {})[name] = [rolled_out(rollout) for rollout in rollouts]
        whole = summary(rollouts, tasks.load(task).ways)
        return {key: value for key, value in whole.items() if key not in LEFT_OUT}

    def add_corrections(self, episodes: Sequence[Episode]) -> None:
        """Draw the corrected rollouts of the next round."""
        self._data.rounds.append(self._drawn(episodes))

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

    def _drawn(self, episodes: Sequence[Episode]) -> list[ToolPath]:
        return [recorded(episode, self._contract, str(episode.facts["expert"])) for episode in episodes]
