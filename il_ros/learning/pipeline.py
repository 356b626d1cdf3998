# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a folder of closed episodes, or a data set of LeRobot's, to a checkpoint: for trainer node and command line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.atomic_io import check_writable
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import critic as critics
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.checkpoint_files import read_document
from il_ros.learning.data import labels, seeds
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.outliers import outliers
from il_ros.learning.data.selection import Selection, texts
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import TrainingProgress
from il_ros.learning.training.resume import ResumePoint
from il_ros.learning.training.trainer import train
from il_ros.recording.bag.discovery import recordings
from il_ros.recording.bag.metadata import read, version_of
from il_ros.recording.check import command_limits
from il_ros.recording.episodes.external_notes import clock_notes
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.lerobot import reader


class TrainingPipeline:
    """Reads each episode once, trains on all that are closed, and writes numbered checkpoints."""

    def __init__(self, episodes: Path, checkpoints_folder: Path, contract: Contract) -> None:
        self._episodes, self._folder, self._contract = EpisodeStore(episodes), checkpoints_folder, contract
        self._read: dict[Path, Episode] = {}
        self._versions: dict[Path, int] = {}
        self.skipped: dict[Path, str] = {}
        """Episodes that could not be read, and why."""
        self.notes: list[str] = []
        """What does not agree in a data set that was read all the same, and what was assumed of it."""

    @property
    def remarks(self) -> dict[str, list[str]]:
        """What is odd about recordings that were read all the same, and of which, by name."""
        recordings_of: dict[str, list[str]] = {}
        for path, episode in self._read.items():
            for remark in episode.facts.get("remarks") or ():
                recordings_of.setdefault(remark, []).append(path.name)
        return recordings_of

    @property
    def episodes(self) -> dict[str, Episode]:
        """What has been ingested, by name."""
        return {path.name: episode for path, episode in self._read.items()}

    def ingest(self) -> list[Episode]:
        """Read the episodes that have come since, or were judged anew; returns all that satisfy the contract.

        Those that have been discarded since are forgotten.

        Raises:
            DataError: if there is none.
        """
        if reader.is_dataset(self._episodes.folder):
            self.notes = []
            episodes = reader.read_dataset(self._episodes.folder, self._contract, self.notes)
            self._read = {self._episodes.folder / name: episode for name, episode in episodes.items()}
            return list(self._read.values())
        existing = recordings(self._episodes.folder)
        before, self._versions = self._versions, {f.path: version_of(f.path) for f in existing if not f.why_not}
        known = {path for path, version in self._versions.items() if before.get(path) == version}
        earlier, skipped = self._read, self.skipped
        self._read, self.skipped = {}, {path: why for path, why in skipped.items() if path in known}
        for path in self._versions:
            if path in self.skipped:
                continue
            try:
                self._read[path] = earlier[path] if path in known else read_episode(path, self._contract)
            except DataError as error:
                self.skipped[path] = str(error)
        self.skipped |= {each.path: each.why_not for each in existing if each.why_not}
        if not self._read:
            first = next(iter(self.skipped.values()), "")
            why = f"; {len(self.skipped)} could not be read, the first: {first}" if first else ""
            raise DataError(f"{self._episodes.folder} holds no closed episode to train on{why}; record some first")
        return list(self._read.values())

    def train(
        self,
        config: TrainingConfig,
        progress: Callable[[TrainingProgress], None] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Train on everything and write a checkpoint; returns the facts of its announcement.

        Raises:
            OtherTrainingError: if the folder keeps one that has not ended; ``put_aside`` makes room.
        """
        check_writable(self._folder)
        self.ingest()
        selected, left_out = self._select(Selection.parse(config.where))
        weights = {path: weight_of(episode, config.experts) for path, episode in selected.items()}
        chosen = {path: episode for path, episode in selected.items() if weights[path] > 0}
        if not chosen:
            names = ", ".join(sorted({name for each in self._read.values() for name in experts_of(each)})) or "nobody"
            why = "; ".join((f"{self._episodes.folder} has those of {names}", *left_out))
            raise DataError(f"no episode is left: {why}; see 'experts' and 'where'")
        episodes = list(chosen.values())
        min_labels = min(config.min_labels, config.horizon)
        scheme = labels.load(config.labels)
        cameras = config.cameras(self._contract)
        windows = (config.n_obs_steps, config.horizon, scheme, min_labels, cameras, self._contract.layout)
        data = Dataset.from_episodes(episodes, *windows)
        data = data.weighed([weights[path] for path in chosen])
        old = self._trained_on()
        new = [number for number, path in enumerate(chosen) if path.name not in old]
        data = data.mixed(new, config.new_data_weight) if config.new_data_weight else data
        before = self._last() if config.warm_start else None
        warm = None if before is None else (before.policy, before.normaliser)
        trained = train(data, config, progress, warm, should_stop, self._unfinished(config))
        wild = outliers([path.name for path in chosen], episodes, scheme(episodes), self._contract)
        clocks = clock_notes({path.name: episode for path, episode in chosen.items()})
        is_set = reader.is_dataset(self._episodes.folder)  # whose reader has reported that already
        foreign = [each for each in episodes if "digest" not in each.facts and not is_set]
        notes = (*self.notes, *left_out, *trained.notes, *wild, *clocks, *command_limits.notes(self._contract, foreign))
        trained = dataclasses.replace(trained, notes=notes)
        taught = seeds.ranges(episode.facts for episode in episodes)
        if before is not None:
            taught = seeds.joined(taught, before.taught or {})
        manifest = [
            {"name": path.name, "digest": str(episode.facts.get("digest", "none: recorded by another program"))}
            for path, episode in chosen.items()
        ]
        number = max(self._numbers(), default=0) + 1
        path = self._folder / f"checkpoint_{number:03d}_{config.policy.rpartition('.')[2]}"
        critic = None
        if config.critic:
            critic = critics.learn(trained.policy, trained.normaliser, episodes, self._contract, config.seed)
        saved = checkpoints.save(path, trained, self._contract, manifest, critic=critic, taught=taught)
        return {
            "path": str(path.resolve()),
            "hash": saved.hash,
            "manifest": hashlib.sha256(json.dumps(manifest).encode()).hexdigest(),
            "policy": config.policy,
            "episodes": len(episodes),
            "labels": len(data),
            "new_labels": int(np.isin(data.episode, new).sum()),
            "skipped": len(self.skipped),
            **({"notes": list(trained.notes)} if trained.notes else {}),
        }

    def _select(self, selection: Selection) -> tuple[dict[Path, Episode], list[str]]:
        """Return the episodes that are chosen, and notes of those that are left out."""
        dated = any(condition.key == "date" for condition in selection.conditions) and self._versions
        starts_ns = {path.name: read(path).start_ns for path in self._read} if dated else {}
        names, notes = selection.of(self.episodes, starts_ns)
        return {path: episode for path, episode in self._read.items() if path.name in names}, notes

    def put_aside(self, config: TrainingConfig) -> Path | None:
        """Make room for another training than one that has not ended; returns where that is now, if there is one."""
        return ResumePoint(self._unfinished(config), {}).put_aside()

    def _unfinished(self, config: TrainingConfig) -> Path:
        """Return where a training is kept until it ends."""
        return self._folder / f"unfinished_{config.policy.rpartition('.')[2]}.safetensors"

    def _numbers(self) -> dict[int, Path]:
        """Return the checkpoints that are there, by number."""
        return {int(path.name.split("_")[1]): path for path in self._folder.glob("checkpoint_[0-9]*")}

    def _trained_on(self) -> set[str]:
        """Return the episodes that the newest checkpoint knows."""
        existing = self._numbers()
        return {entry["name"] for entry in read_document(existing[max(existing)])["manifest"]} if existing else set()

    def _last(self) -> Checkpoint | None:
        """Return the newest checkpoint, if there is one.

        Raises:
            CheckpointError: if it is for another contract.
        """
        existing = self._numbers()
        return checkpoints.load_for(existing[max(existing)], self._contract) if existing else None


def experts_of(episode: Episode) -> list[str]:
    """Return who drove it, by name."""
    return [name for name in texts(episode.facts.get("expert") or "") if name]


def weight_of(episode: Episode, experts: Mapping[str, float]) -> float:
    """Return how much an episode counts; see ``TrainingConfig.experts``."""
    others = experts.get("others", 1.0)
    return min((experts.get(name, others) for name in experts_of(episode)), default=others)
