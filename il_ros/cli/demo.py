# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The whole story in a few minutes, over real ROS 2 topics, with a report at the end.

Two experts who disagree demonstrate; three policies learn from them, and one of these averages the two into a crash.
Then the arm is shown a few times how to pick a block up and place it; where its policy errs an expert takes over, and
it learns from that, too. With --camera the arm sees pictures in the place of the block's and the zone's poses.

Examples:
  il-ros demo                          leaves runs/demo/report.html and runs/demo/results.json
  il-ros demo --camera                 pick and place from pictures, without ROS; leaves runs/demo-camera/report.html
  il-ros demo --quick --folder /tmp/x  a rehearsal: everything once, with numbers that mean nothing
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from il_ros import __version__
from il_ros.cli.progress import bars
from il_ros.core.contract import Contract
from il_ros.core.errors import StorageError
from il_ros.sim import tasks

HELP = "the whole story in a few minutes, with a report"
POLICIES = ("deterministic", "mixture", "diffusion")
TIMED = "mixture"
"""The policy class that drives while the graph is timed."""
TASK = "pick_place"
"""What is taught in rounds of correction."""
OURS = ("fork", TASK, "avoid", "speed", "results.json", "report.html", "report.html.part")
"""What a demo's folder holds, also that of an earlier version."""
ROUNDS = {
    "policy": "mixture_relations", "steps": 2000, "expert": "nearest", "demonstrations": 5, "rounds": 2, "episodes": 20,
    "eval_episodes": 40, "success_threshold": 0.97, "execute_steps": 5,
}  # fmt: skip
"""See ``DaggerConfig``: deliberately too few demonstrations; a policy of few does better if it is asked less often."""
FROM_PICTURES = {
    **ROUNDS, "policy": "mixture_images", "steps": 3000, "demonstrations": 60, "episodes": 25, "execute_steps": 0,
}  # fmt: skip


@dataclass(frozen=True)
class DemoPlan:
    """How much of everything there is."""

    demonstrations: int = 60
    """Of ``fork``, by two experts."""
    evaluated: int = 200
    """Episodes in which each policy of ``fork`` is measured, alone."""
    shown: int = 6
    """Rollouts of each policy on ``fork`` that go over topics and onto the disk, too."""
    timed: int = 10
    """Supervised rollouts in which the speed of the graph is measured."""
    steps: int = 0
    """Gradient steps of each training on ``fork``; 0 for what its configuration says."""
    rounds: dict[str, Any] = field(default_factory=dict)
    """What the rounds have other than ``ROUNDS`` and ``FROM_PICTURES``."""


QUICK = DemoPlan(
    demonstrations=4, evaluated=10, shown=1, timed=2, steps=60,
    rounds={"steps": 60, "demonstrations": 2, "rounds": 1, "episodes": 2, "eval_episodes": 2},
)  # fmt: skip

SEEDS = {
    "demonstrations": 0,
    "rollouts over topics": 50_000,
    "timed rollouts": 70_000,
    "evaluation on fork": 100_000,
}
"""Where the seeds of the episodes of ``fork`` of each kind begin; none is used for two things."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros demo``."""
    parser.add_argument("--folder", type=Path, help="where everything goes (default: runs/demo, or runs/demo-camera)")
    parser.add_argument("--camera", action="store_true", help=f"{TASK} from pictures, which takes longer")
    parser.add_argument("--quick", action="store_true", help="a rehearsal in half a minute; its numbers mean nothing")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros demo``."""
    from il_ros.evaluation.worker_pool import WorkerPool

    folder = make_room(args.folder or Path("runs/demo-camera" if args.camera else "runs/demo"))
    with bars() as progress, WorkerPool() as pool:
        story = Story(folder, QUICK if args.quick else DemoPlan(), pool, progress)
        if args.camera:
            story.rounds(from_pictures=True)
        else:
            story.fork()
            story.rounds()
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
        self._latest, self._checkpoints = TaskID(0), dict[str, Path]()
        self.report = DemoReport(Contract.load(tasks.load("fork").contract), SEEDS, versions())

    def fork(self) -> None:
        """Train three policies from the same demonstrations of two experts who disagree, and measure each alone."""
        plan = self._plan
        with self._graph("fork", rule="demonstration", device="scripted") as director:
            self._pool.warm_up()
            with self._bar("demonstrate", "fork: demonstrations", plan.demonstrations) as advance:
                done = director.episodes(_from("demonstrations", plan.demonstrations), advance)
            self.report.add_demonstrations("fork", [Path(facts["path"]) for facts in done])
            made = {name: self._train(director, name, f"fork: {name} learns") for name in POLICIES}
            director.set("gate_node", rule="none")
            for name, checkpoint in made.items():
                director.set("policy_node", checkpoint=checkpoint["path"])
                director.wait_policy(checkpoint["hash"])
                with self._bar("rollouts over topics", f"fork: {name} drives, over topics", plan.shown) as advance:
                    director.episodes(_from("rollouts over topics", plan.shown), advance)
        for name, checkpoint in made.items():
            seeds = _from("evaluation on fork", plan.evaluated)
            with self._bar("evaluate", f"fork: {name}, measured alone", len(seeds)) as advance:
                rollouts = self._pool.evaluate(Path(checkpoint["path"]), "fork", seeds, progress=advance)
            self.report.add_evaluation("fork", name, rollouts)
            self.report.add_film(f"fork, {name}", "fork", seeds[0], Path(checkpoint["path"]))

    def rounds(self, from_pictures: bool = False) -> None:
        """Teach ``pick_place`` by few demonstrations, then by correction until the policy alone is good enough."""
        from il_ros.launching.dagger_backend import RosBackend
        from il_ros.learning.dagger.config import DaggerConfig
        from il_ros.learning.dagger.in_process import InProcessBackend
        from il_ros.learning.dagger.run import DaggerRun
        from il_ros.learning.inference import use_one_thread

        folder = self._folder / TASK
        chosen = {**(FROM_PICTURES if from_pictures else ROUNDS), **self._plan.rounds}
        plan = DaggerConfig(task=TASK, contract=_camera_contract(folder) if from_pictures else "", **chosen)
        alone: list[list[Any]] = []

        def measure(checkpoint: Path, task: str, seeds: range, *options: Any) -> list[Any]:
            self._set(0, len(seeds))
            advance = functools.partial(self._progress.advance, self._latest)
            alone.append(self._pool.evaluate(checkpoint, task, seeds, *options, advance))
            return alone[-1]

        if from_pictures:
            use_one_thread()
            self.report.results["commands"] = ["il-ros demo --camera"]
            backend: Any = InProcessBackend(folder, plan, measure, lambda p: self._set(p.step, p.steps))
        else:
            backend = RosBackend(folder, plan, measure, composed=True, progress=self._set)
        with backend:
            DaggerRun(folder, plan, backend, lambda words, parts: self._phase(f"{TASK}, {words}", parts)).run()
        self.report.add_run(folder, alone[0], alone[-1])

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
        yield self._phase(words, total)
        self.report.took(phase, time.monotonic() - began)

    def _train(self, director: Any, policy: str, words: str) -> dict[str, Any]:
        with self._bar("train", words, 1) as advance:
            made: dict[str, Any] = director.train(self._set, policy=policy)
            advance(1)
        self.report.add_training(words.removesuffix(" learns"), Path(made["path"]))
        self._checkpoints.setdefault(policy, Path(made["path"]))
        return made

    def _phase(self, words: str, parts: int) -> Callable[..., None]:
        """Show the bar of a phase; return what is called after each of its parts, or after several."""
        for task in self._progress.tasks:  # a phase has ended when the next one begins, whatever was told of it last
            self._progress.update(task.id, completed=task.total)
        bar = self._latest = self._progress.add_task(words, total=parts, note="")

        def advance(count: int = 1) -> None:
            if not self._progress.tasks[bar].finished:
                self._progress.advance(bar, count)

        return advance

    def _set(self, done: int, parts: int) -> None:
        """Set the latest bar, where there is more to tell than that a phase has begun and ended."""
        self._progress.update(self._latest, completed=done, total=max(1, parts))


def _camera_contract(folder: Path) -> str:
    """Write the contract of ``pick_place`` from pictures; return its path."""
    from il_ros.sim.cameras import from_pictures

    folder.mkdir(parents=True)
    return str(from_pictures(Contract.load(tasks.load(TASK).contract)).save(folder / "contract.yaml"))


def _from(kind: str, count: int) -> range:
    return range(SEEDS[kind], SEEDS[kind] + count)


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
    rows = [("fork", name, score) for name, score in results["policies"].get("fork", {}).items()]
    rows += [(TASK, f"after round {r['round']}", r) for r in results["rounds"]]
    rows += [(TASK, "once more", results["confirmed"])]
    for task, name, score in rows:
        interval = "{:.1%} - {:.1%}".format(*score["interval"])
        counts = (str(score.get(key, "")) for key in ("episodes", "interventions"))
        table.add_row(task, name, f"{score['success']:.1%}", interval, *counts)
    console = Console()
    console.print(table)
    for name, factor in results["real_time_factor"].items():
        console.print(f"the graph in lockstep, {name}: {factor:.1f} times real time")
    console.print(f"in all {sum(results['wall_s'].values()):.0f} s")
    console.print(f"now open {report}", soft_wrap=True)
