# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Behaviour cloning of what people teach arms: success by task and policy class, from state or from pictures.

A cell is one training: demonstrations by all experts of the task, recorded as bags, and a policy that drives alone in
episodes that it was not taught. From pictures, the policy sees a front and a wrist camera in the place of the objects'
poses; ``shuffled`` is the control of that: it is taught with the pictures of other episodes. What a cell gave is kept,
so that a study which was ended goes on from there.

Examples:
  python -m studies.manipulation --output docs/studies
  python -m studies.manipulation --tasks push --classes deterministic mixture --seeds 1
  python -m studies.manipulation --tasks pick_place push --sees pictures shuffled --classes mixture --seeds 1
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, ImageTrack
from il_ros.evaluation.films import FilmedEpisode
from il_ros.evaluation.metrics import Success, behaviour_entropy
from il_ros.evaluation.rollouts import roll_out
from il_ros.gate import GateConfig
from il_ros.gate.chunk_executor import EXECUTE_STEPS
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.data.seeds import ALONE
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.sim import tasks
from il_ros.sim.cameras import from_pictures
from studies import film_strip, job_cache, manipulation_page, publishing
from studies.job_results import JobResults

CELLS = "manipulation-cells.json"
"""Every training that was published, so that more of them can be added on another machine."""
TASKS = ("reach", "push", "pick_place", "stack", "peg")
CLASSES = ("deterministic", "mip", "mixture", "flow")
SEES = ("state", "pictures", "shuffled")
PICTURED, FOR_PICTURES = ("push", "pick_place"), ("mixture",)
"""The tasks and classes that are taught from pictures, too, unless the command line says: they take ten times as long.
"""
WIDTH = 128
"""Of the networks of all classes; they are trained without noise, which else keeps `deterministic` to the average."""
LIKE = {
    "state": TrainingConfig.load("mixture_relations"),
    "pictures": TrainingConfig.load("mixture_images"),
    "shuffled": TrainingConfig.load("mixture_images"),
}
"""By what is seen, the training configuration that says how long every class is trained, how it sees, and how many
steps of its chunks are executed."""
ALIKE = (
    "n_obs_steps",
    "relations",
    "discount",
    "weight_decay",
    "val_fraction",
    "encoder",
    "encoder_width",
    "shift_pixels",
)
FOR_TIME = ("batch", "learning_rate")
"""What is also taken from it with pictures, which take nearly all of the time; docs/cameras.md says why."""


TRAINED = ("demonstrations", "steps", "execute_steps", "discount", "weight_decay")
"""What all rows from the same observations have in common."""


@dataclass(frozen=True)
class HandlingCell:
    """One training and its rollouts."""

    task: str
    sees: str
    """One of ``SEES``."""
    policy: str
    seed: int
    demonstrations: int
    steps: int
    episodes: int
    execute_steps: int
    """Steps of a chunk that are executed."""

    def key(self) -> str:
        """Return a key that is equal for equal work."""
        return job_cache.key([self, self.training()])

    def contract(self) -> Contract:
        """Return the task's own contract; from pictures, with cameras in the place of the objects."""
        contract = Contract.load(tasks.load(self.task).contract)
        return contract if self.sees == "state" else from_pictures(contract)

    def demonstrated(self) -> str:
        """Return a key of the demonstrations, which the classes share."""
        sees = "state" if self.sees == "state" else "pictures"
        return f"{self.task}-{sees}-{self.demonstrations}-{self.seed}"

    def taught(self) -> str:
        """Return a key of the training, which is equal for all numbers of episodes and executed steps."""
        return job_cache.key([self.task, self.sees, self.demonstrations, self.training()])

    def training(self) -> TrainingConfig:
        """Return what is trained, and how."""
        keys = ALIKE if self.sees == "state" else ALIKE + FOR_TIME
        changes = {key: getattr(LIKE[self.sees], key) for key in keys}
        changes |= {"seed": self.seed, "steps": self.steps, "width": WIDTH, "observation_noise": 0.0}
        return TrainingConfig.load(self.policy, **changes)


class ShuffledPictures(TrainingPipeline):
    """A training in which each episode has the pictures of the one after it: all that they tell is wrong."""

    def ingest(self) -> list[Episode]:
        """Read the episodes; step by step, each has the pictures of the next one, whose last go on to its end."""
        episodes = super().ingest()
        others = [*episodes[1:], *episodes[:1]]
        self._read = {path: _with_pictures_of(other, own) for (path, own), other in zip(self._read.items(), others)}
        return list(self._read.values())


def _with_pictures_of(other: Episode, episode: Episode) -> Episode:
    steps = np.minimum(np.arange(len(episode)), len(other) - 1)
    tracks = {name: ImageTrack(track.frames, track.index[steps]) for name, track in other.images.items()}
    return dataclasses.replace(episode, images=tracks)


def cells(args: argparse.Namespace) -> Iterator[HandlingCell]:
    """Return the cells that the command line asks for."""
    kinds = args.sees or SEES
    for sees, task, seed, policy in itertools.product(kinds, args.tasks, range(args.seeds), args.classes):
        if args.sees or sees == "state" or (task in PICTURED and policy in FOR_PICTURES):
            steps = args.steps or LIKE[sees].steps
            execute = LIKE[sees].execute_steps or EXECUTE_STEPS
            yield HandlingCell(task, sees, policy, seed, args.demonstrations, steps, args.episodes, execute)


def measured(cell: HandlingCell, folder: Path) -> dict[str, Any]:
    """Demonstrate, unless that was done for another class; train, and roll out."""
    run = folder / cell.demonstrated()
    run.mkdir(parents=True, exist_ok=True)
    contract, complete = run / "contract.yaml", run / "complete"
    cell.contract().save(contract)
    plan = DaggerConfig(
        task=cell.task, contract=str(contract), policy=cell.policy, steps=cell.steps, expert="random",
        demonstrations=cell.demonstrations, eval_episodes=cell.episodes, rounds=0, seed=cell.seed,
        execute_steps=cell.execute_steps,
    )  # fmt: skip
    if not complete.exists():
        shutil.rmtree(run / "episodes", ignore_errors=True)
    with InProcessBackend(run, plan) as backend:
        if not complete.exists():
            backend.prepare("demonstration", "scripted", None)
            for seed in plan.seeds(0, 0, cell.demonstrations):
                backend.episode(seed)
            complete.touch()
    checkpoint, train_s = trained(cell, run)
    seeds = plan.seeds(ALONE, 0, cell.episodes)
    rollouts = roll_out(checkpoint, cell.task, seeds, GateConfig(rule="none", execute_steps=plan.execute_steps))
    failed = next((rollout for rollout in rollouts if not rollout.success), None)
    if failed is not None:
        title = f"{cell.task} from {cell.sees}, {cell.policy}"
        take = FilmedEpisode(title, cell.task, failed.seed, checkpoint, execute_steps=plan.execute_steps)
        film_strip.draw(take, folder / f"{cell.key()}.png")
    return {
        **dataclasses.asdict(cell),
        "outcomes": [rollout.outcome for rollout in rollouts],
        "ways": [rollout.way for rollout in rollouts if rollout.success],
        "train_s": train_s,
    }


def trained(cell: HandlingCell, run: Path) -> tuple[Path, float]:
    """Train, unless that was done; return the checkpoint, and the processor time of the training, s."""
    folder = run / "checkpoints" / cell.taught()
    told = folder / "training.json"
    if not told.exists():
        pipeline = (ShuffledPictures if cell.sees == "shuffled" else TrainingPipeline)(
            run / "episodes", folder, cell.contract()
        )
        reports: list[tuple[int, float]] = []
        path = pipeline.train(cell.training(), lambda p: reports.append((p.step, time.process_time())))["path"]
        (first, began), (last, ended) = reports[0], reports[-1]  # one that goes on has made steps before
        job_cache.keep(told, {"name": Path(path).name, "train_s": cell.steps * (ended - began) / max(1, last - first)})
    facts = json.loads(told.read_text())
    return folder / facts["name"], float(facts["train_s"])


def rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one line for the seeds of each task, kind of observation and class."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["task"], result["sees"], result["policy"]), []).append(result)
    table = []
    for (task, sees, policy), group in groups.items():
        outcomes = [outcome for result in group for outcome in result["outcomes"]]
        ways = [way for result in group for way in result["ways"]]
        success = Success.of(outcome == "success" for outcome in outcomes)
        failures = Counter(outcome for outcome in outcomes if outcome != "success")
        table.append({
            "task": task, "sees": sees, "policy": policy, "seeds": len(group), **success.to_dict(),
            **{key: group[0][key] for key in ("demonstrations", "steps", "execute_steps")},
            "entropy": behaviour_entropy(ways, tasks.load(task).ways) if tasks.load(task).ways > 1 else None,
            "failures": dict(failures.most_common()),
            "train_s": sum(result["train_s"] for result in group) / len(group),
            **{key: getattr(LIKE[sees], key) for key in ("discount", "weight_decay")},
        })  # fmt: skip
    return table


def together(published: Sequence[Mapping[str, Any]], table: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of a table, and what was published of other tasks, kinds of observation and classes.

    What was trained or executed in another way than is done now from the same observations is left out.
    """
    now = {row["sees"]: [row[key] for key in TRAINED] for row in table}
    before = [(row, [row.get(key) for key in TRAINED]) for row in published]
    kept = [row for row, trained in before if now.get(row["sees"], trained) == trained]
    rows = {(row["sees"], row["task"], row["policy"]): row for row in (*kept, *table)}
    return [rows[key] for key in sorted(rows, key=lambda key: (SEES.index(key[0]), TASKS.index(key[1]), key[2]))]


def work(group: Sequence[HandlingCell], folder: Path) -> None:
    """Measure cells that share demonstrations, one after the other, and keep what they gave."""
    for cell in group:
        job_cache.keep(folder / f"{cell.key()}.json", measured(cell, folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not there yet; print the rows; write them and the page."""
    args = _parser().parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    every = list(cells(args))
    shelf = JobResults(args.folder, {} if args.output is None else job_cache.published(args.results / CELLS))
    groups: dict[str, list[HandlingCell]] = {}
    for cell in shelf.missing(every):
        groups.setdefault(cell.demonstrated(), []).append(cell)
    job_cache.run(work, list(groups.values()), args.folder, args.workers, "demonstrations and trainings")
    table = rows([shelf.gave(cell) for cell in every])
    print(manipulation_page.policies(table))
    if args.output is not None:
        job_cache.publish(args.results / CELLS, shelf.to_publish(every))
        file = args.results / "manipulation.json"
        publishing.write_json(file, together(json.loads(file.read_text()) if file.exists() else [], table))
        strips: dict[tuple[str, str], Path] = {}
        for cell in every:
            if (path := args.folder / f"{cell.key()}.png").exists():
                strips.setdefault((cell.task, cell.sees), path)
        for (task, sees), path in strips.items():
            shutil.copyfile(path, args.output / f"manipulation-{task}-{sees}.png")
        publishing.write_page(args.output, "manipulation.md", manipulation_page.page(args.results, args.output))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--classes", nargs="+", default=CLASSES, help="policy classes, or training configurations")
    parser.add_argument("--sees", nargs="+", choices=SEES, help="default: all, pictures with a few tasks")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each cell")
    parser.add_argument("--demonstrations", type=int, default=100)
    parser.add_argument("--steps", type=int, help="gradient steps of each training (default: the configuration's)")
    parser.add_argument("--episodes", type=int, default=100, help="in which each policy drives alone")
    job_cache.add_options(parser, "study-manipulation")
    parser.add_argument("--output", type=Path, help="folder for the page")
    return parser


if __name__ == "__main__":
    job_cache.end(main, "study")
