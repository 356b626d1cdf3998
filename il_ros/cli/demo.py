# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The whole story in a few minutes, over real ROS 2 topics, with a report at the end.

Two experts who disagree demonstrate; three policies learn from them, and one of these averages the two into a crash.
Another task is shown a few times only; where its policy errs an expert takes over, until it need not any more.

Examples:
  il-ros demo                          leaves runs/demo/report.html and runs/demo/results.json
  il-ros demo --quick --folder /tmp/x  a rehearsal: everything once, with numbers that mean nothing
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from il_ros import __version__
from il_ros.cli.progress import bars
from il_ros.core.contract import Contract
from il_ros.core.errors import StorageError

HELP = "the whole story in a few minutes, with a report"
POLICIES = ("deterministic", "mixture", "diffusion")
CORRECTED = "diffusion"
"""The policy class of the rounds."""
TIMED = "mixture"
"""The policy class that drives while the graph is timed."""
OURS = ("fork", "avoid", "speed", "results.json", "report.html", "report.html.part")
"""What a demo's folder holds."""


@dataclass(frozen=True)
class DemoPlan:
    """How much of everything there is."""

    demonstrations: int = 60
    """Of ``fork``, by two experts."""
    few: int = 2
    """Demonstrations of ``avoid``: deliberately too few."""
    evaluated: int = 200
    """Episodes in which each policy is measured, alone."""
    watched: int = 25
    """Rollouts a round, watched by the supervisor."""
    rounds: int = 6
    enough: float = 0.97
    """Success at which there are no more rounds."""
    shown: int = 6
    """Rollouts of each policy on ``fork`` that go over topics and onto the disk, too."""
    timed: int = 20
    """Supervised rollouts in which the speed of the graph is measured."""
    steps: int = 0
    """Gradient steps of each training; 0 for what its configuration says."""


QUICK = DemoPlan(demonstrations=4, few=2, evaluated=10, watched=2, rounds=1, shown=1, timed=2, steps=60)

SEEDS = {
    "demonstrations": 0,
    "rollouts over topics": 50_000,
    "supervised rollouts": 60_000,
    "timed rollouts": 70_000,
    "evaluation on fork": 100_000,
    "evaluation of the rounds": 200_000,
    "confirmation": 300_000,
}
"""Where the seeds of the episodes of each kind begin; none is used for two things."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros demo``."""
    parser.add_argument("--folder", type=Path, default=Path("runs/demo"), help="where everything goes")
    parser.add_argument("--quick", action="store_true", help="a rehearsal in half a minute; its numbers mean nothing")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros demo``."""
    from il_ros.evaluation.worker_pool import WorkerPool

    folder = make_room(args.folder)
    with bars() as progress, WorkerPool() as pool:
        story = Story(folder, QUICK if args.quick else DemoPlan(), pool, progress)
        story.fork()
        story.avoid()
        story.speed()
        story.film()
    show(story.report.results, story.report.write(folder))
    return 0


def make_room(folder: Path) -> Path:
    """Make an empty folder; an earlier one is kept beside it, under the time at which it was made.

    Raises:
        StorageError: if it cannot be made, or holds what is not a demo's.
    """
    folder = folder.absolute()
    try:
        strangers = [path.name for path in folder.glob("*") if path.name not in OURS]
        if strangers:
            raise StorageError(f"{folder} holds {strangers[0]!r}, which is no demo's; choose another with --folder")
        if folder.exists() and any(folder.iterdir()):
            made = time.strftime("%Y-%m-%d-%H-%M-%S", time.localtime(folder.stat().st_mtime))
            folder.rename(folder.with_name(f"{folder.name}-{made}"))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be used ({error}); choose another with --folder") from error
    return folder


class Story:
    """Plays the phases one after the other; their numbers and pictures go into the report."""

    def __init__(self, folder: Path, plan: DemoPlan, pool: Any, progress: Progress) -> None:
        from il_ros.evaluation.report.demo_report import DemoReport

        self._folder, self._plan, self._pool, self._progress = folder, plan, pool, progress
        self._contract = Contract.load("panda_plane")
        self._checkpoints: dict[str, Path] = {}
        self.report = DemoReport(self._contract, SEEDS, versions())

    # The phases -------------------------------------------------------------------------------------------------------

    def fork(self) -> None:
        """Train three policies from the same demonstrations of two experts who disagree, and measure each alone."""
        plan = self._plan
        with self._graph("fork", rule="demonstration", device="scripted") as director:
            self._pool.warm_up()
            self._demonstrate(director, "fork", plan.demonstrations)
            made = {name: self._train(director, name, f"fork: {name} learns") for name in POLICIES}
            director.set("gate_node", rule="none")
            for name, checkpoint in made.items():
                director.set("policy_node", checkpoint=checkpoint["path"])
                director.wait_policy(checkpoint["hash"])
                with self._bar("rollouts over topics", f"fork: {name} drives, over topics", plan.shown) as advance:
                    director.episodes(_from("rollouts over topics", plan.shown), advance)
        for name, checkpoint in made.items():
            seeds = _from("evaluation on fork", plan.evaluated)
            self.report.results["policies"]["fork"][name] = self._measure("fork", name, checkpoint, seeds)
            self.report.add_film(f"fork, {name}", "fork", seeds[0], Path(checkpoint["path"]))

    def avoid(self) -> None:
        """Train from few demonstrations, then in rounds of correction until the policy alone is good enough."""
        plan, rounds = self._plan, self.report.results["rounds"]
        with self._graph("avoid", rule="demonstration", device="scripted", expert="nearest") as director:
            self._demonstrate(director, "avoid", plan.few)
            director.set("expert_node", device="supervisor")
            director.set("gate_node", rule="human")
            while len(rounds) <= plan.rounds and (not rounds or rounds[-1]["success"] < plan.enough):
                number = len(rounds)
                checkpoint = self._train(director, CORRECTED, f"avoid, round {number}: {CORRECTED} learns")
                director.wait_policy(checkpoint["hash"])
                seeds = _from("evaluation of the rounds", plan.evaluated, number)
                score = self._measure("avoid", f"round {number}", checkpoint, seeds)
                rounds.append({"round": number, **score, "labels": checkpoint["labels"]})
                rounds[-1]["interventions"] = self._correct(director, number, checkpoint)
        score = self._measure("avoid", "after", checkpoint, _from("confirmation", plan.evaluated))
        self.report.results["confirmed"] = score
        first = {key: rounds[0][key] for key in score}
        self.report.results["policies"]["avoid"] = {"before correction": first, "after correction": score}
        self.report.add_film("avoid, after", "avoid", SEEDS["confirmation"], Path(checkpoint["path"]))

    def speed(self) -> None:
        """Measure how much faster than real time the graph is in lockstep, one process a node and in one process."""
        settings = {
            "rule": "human",
            "device": "supervisor",
            "expert": "nearest",
            "checkpoint": self._checkpoints[TIMED],
        }
        for name, composed in (("processes", False), ("composed", True)):
            with (
                self._graph("fork", f"speed/{name}", composed=composed, **settings) as director,
                self._bar("measure the speed", f"speed of the graph, {name}", self._plan.timed) as advance,
            ):
                done = director.episodes(_from("timed rollouts", self._plan.timed), advance)
            self.report.add_speed(name, done)

    def film(self) -> None:
        """Run a few of the episodes again, before the camera."""
        with self._bar("film", "filming", self.report.films) as advance:
            self.report.film(self._pool, advance)

    # What they are made of --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _graph(self, task: str, place: str = "", **settings: Any) -> Iterator[Any]:
        from il_ros.launching.graph import running

        self.report.add_task(task)
        folder = self._folder / (place or task)
        settings |= {"task": task, "folder": folder / "episodes", "checkpoints": folder / "checkpoints"}
        with contextlib.ExitStack() as stack:
            with self._bar("start nodes", f"{place or task}: starting six nodes", 1) as advance:
                director = stack.enter_context(running("dagger", folder / "logs", **settings))
                advance(1)
            if self._plan.steps:
                director.set("trainer_node", steps=self._plan.steps)
            yield director

    @contextlib.contextmanager
    def _bar(self, phase: str, words: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar, and add its time to that of ``phase``."""
        began = time.monotonic()
        bar = self._progress.add_task(words, total=total, note="")
        yield lambda n: self._progress.advance(bar, n)
        self.report.took(phase, time.monotonic() - began)

    def _demonstrate(self, director: Any, task: str, count: int) -> None:
        with self._bar("demonstrate", f"{task}: demonstrations", count) as advance:
            done = director.episodes(_from("demonstrations", count), advance)
        self.report.add_demonstrations(task, self._read(done))

    def _read(self, done: list[dict[str, Any]]) -> list[Any]:
        """Read what the recorder has written."""
        from il_ros.recording.episodes.reader import read_episode

        return [read_episode(Path(facts["path"]), self._contract) for facts in done]

    def _train(self, director: Any, policy: str, words: str) -> dict[str, Any]:
        with self._bar("train", words, 100) as advance:
            reported = [0]

            def progress(step: int, steps: int) -> None:
                percent = 100 * step // max(1, steps)
                advance(max(0, percent - reported[0]))
                reported[0] = max(percent, reported[0])

            made: dict[str, Any] = director.train(progress, policy=policy)
            progress(1, 1)
        self.report.add_training(words.removesuffix(" learns"), Path(made["path"]))
        self._checkpoints.setdefault(policy, Path(made["path"]))
        return made

    def _measure(self, task: str, name: str, checkpoint: dict[str, Any], seeds: range) -> dict[str, Any]:
        """Roll the policy out alone, without ROS, on every core."""
        with self._bar("evaluate", f"{task}: {name}, measured alone", len(seeds)) as advance:
            rollouts = self._pool.evaluate(Path(checkpoint["path"]), task, seeds, progress=advance)
        return self.report.add_evaluation(task, name, rollouts)

    def _correct(self, director: Any, number: int, checkpoint: dict[str, Any]) -> int:
        """Let the policy drive under the supervisor's eyes; returns how often it took over."""
        watched = self._plan.watched
        seeds = _from("supervised rollouts", watched, number)
        with self._bar("correct", f"avoid, round {number}: the expert watches", watched) as advance:
            episodes = self._read(director.episodes(seeds, advance))
        self.report.add_corrections(episodes)
        if number == 0:
            saved = [s for s, e in zip(seeds, episodes) if e.interventions and e.facts["outcome"] == "success"]
            self.report.add_film("avoid, corrected", "avoid", (saved or seeds)[0], Path(checkpoint["path"]), True)
        return sum(episode.interventions for episode in episodes)


def _from(kind: str, count: int, number: int = 0) -> range:
    """Return the seeds of one kind; those of the ``number``-th time."""
    first = SEEDS[kind] + 1000 * number
    return range(first, first + count)


def versions() -> dict[str, str]:
    """Return the versions of what the numbers were made with."""
    packages = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "pybullet")}
    distro = os.environ.get("ROS_DISTRO", "jazzy")
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        packages[f"ros-{distro}-rclpy"] = importlib.metadata.version(f"ros-{distro}-rclpy")
    return {"il_ros": __version__, "python": platform.python_version(), **packages, "cores": str(os.cpu_count())}


def show(results: dict[str, Any], report: Path) -> None:
    """Print what came out."""
    table = Table("task", "policy", "success", "95 % interval", "of", "take-overs")
    rows = [("fork", name, score) for name, score in results["policies"]["fork"].items()]
    rows += [("avoid", f"round {r['round']}", r) for r in results["rounds"]]
    rows += [("avoid", "once more", results["policies"]["avoid"]["after correction"])]
    for task, name, score in rows:
        interval = "{:.1%} - {:.1%}".format(*score["interval"])
        taken = str(score.get("interventions", ""))
        table.add_row(task, name, f"{score['success']:.1%}", interval, str(score["episodes"]), taken)
    console = Console()
    console.print(table)
    speeds = ", ".join(f"{name} {factor:.1f} x" for name, factor in results["real_time_factor"].items())
    console.print(f"graph in lockstep, against real time: {speeds}; in all {sum(results['wall_s'].values()):.0f} s")
    console.print(f"now open {report}", soft_wrap=True)
