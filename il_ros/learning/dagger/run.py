# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A DAgger run: rounds of collecting, aggregating, training and measuring, resumed wherever it was stopped.

Ross, Gordon and Bagnell 2011, arXiv:1011.0686, algorithm 3.1. Who drives while a round is collected is the gate's rule,
what is learned from it the scheme of labels: behaviour cloning with ever more demonstrations, DAgger and HG-DAgger are
three configurations.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.learning.dagger.backends import Backend
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.ledger import Ledger, tally
from il_ros.learning.data import labels
from il_ros.learning.data.seeds import ALONE, CONFIRMATION
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.recovery import recover


class DaggerRun:
    """A run in a folder: ``episodes/``, ``checkpoints/`` and ``ledger.json``.

    Args:
        folder: of the run; if it holds one with the same configuration already, that is resumed.
        plan: the configuration.
        crew: where the work is done.
        says: called with the phase that begins and its number of parts; returns what is called after each part.
    """

    def __init__(
        self,
        folder: Path,
        plan: DaggerConfig,
        crew: Backend,
        says: Callable[[str, int], Callable[[], None]] = lambda phase, parts: lambda: None,
    ) -> None:
        self._plan, self._crew, self._on_phase = plan, crew, says
        self._contract, self._scheme = Contract.load(plan.contract), labels.load(plan.labels)
        self._episodes = EpisodeStore(folder / "episodes")
        self._ledger = Ledger(folder, dataclasses.asdict(plan))
        self._discard_partial_episodes()

    def _discard_partial_episodes(self) -> None:
        """Put aside the episode during which the run was killed: it is run again."""
        if self._episodes.folder.is_dir():
            for path in recover(self._episodes.folder):
                self._episodes.discard(path)

    def run(self) -> Ledger:
        """Run all rounds that are missing; return the ledger."""
        while not self._is_over():
            self._round(len(self._ledger.rounds))
        if self._ledger.confirmed is None:
            last = self._ledger.rounds[-1]
            seeds = self._plan.seeds(CONFIRMATION, 0, self._plan.eval_episodes)
            self._ledger.confirm(self._measure("once more", Path(last["checkpoint"]["path"]), seeds))
        return self._ledger

    def _is_over(self) -> bool:
        rows = self._ledger.rounds
        return bool(rows) and (
            len(rows) > self._plan.rounds or rows[-1]["alone"]["success"] >= self._plan.success_threshold
        )

    def _round(self, number: int) -> None:
        collected = self._phase("collected", lambda: self._collect(number))
        checkpoint = self._phase("checkpoint", lambda: self._train(number))
        seeds = self._plan.seeds(ALONE, number, self._plan.eval_episodes)
        measured = self._phase(
            "measured", lambda: self._measure(f"round {number}: alone", Path(checkpoint["path"]), seeds)
        )
        phases = {"collect": collected, "train": checkpoint, "measure": measured}
        self._ledger.close_round(
            {
                "round": number,
                "rule": self._plan.rule_of(number),
                "labels_scheme": self._plan.labels,
                **{key: value for key, value in collected.items() if key != "wall_s"},
                "checkpoint": {key: value for key, value in checkpoint.items() if key != "wall_s"},
                "alone": {key: value for key, value in measured.items() if key != "wall_s"},
                "wall_s": {name: result["wall_s"] for name, result in phases.items()},
            }
        )

    def _phase(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the result of a phase, from the ledger or by doing it now."""
        stored = self._ledger.done(name)
        if stored is not None:
            return stored
        began = time.monotonic()
        result = work()
        result.setdefault("wall_s", round(time.monotonic() - began, 3))
        self._ledger.note(name, result)
        return result

    def _collect(self, number: int) -> dict[str, Any]:
        plan = self._plan
        most = plan.demonstrations if number == 0 else plan.episodes
        advance = self._on_phase(
            f"round {number}: {plan.rule_of(number)}",
            plan.labels_per_round if number and plan.labels_per_round else most,
        )
        recorded = self._recorded
        rows = self._ledger.rounds
        checkpoint = Path(rows[-1]["checkpoint"]["path"]) if rows else None
        prepared, episodes, full = False, [], 0
        for seed in plan.seeds(0, number, most):
            if seed not in recorded:
                if not prepared:
                    self._crew.prepare(plan.rule_of(number), plan.device_of(number), checkpoint)
                    prepared = True
                recorded[seed] = read_episode(self._crew.episode(seed), self._contract)
            episodes.append(recorded[seed])
            gained = tally(episodes[-1:], self._scheme)["labels"] if number and plan.labels_per_round else 1
            for _ in range(gained):
                advance()
            full += gained
            if number and plan.labels_per_round and full >= plan.labels_per_round:
                break
        succeeded = sum(episode.info.is_success for episode in episodes)
        assisted = {"success": round(succeeded / len(episodes), 4), "episodes": len(episodes)}
        return {
            **tally(episodes, self._scheme),
            "assisted": assisted if number else None,
            "seeds": [plan.seeds(0, number, most)[0], plan.seeds(0, number, most)[len(episodes) - 1]],
        }

    @cached_property
    def _recorded(self) -> dict[int, Episode]:
        """The episodes of the run by seed; each is read once."""
        episodes = (read_episode(path, self._contract) for path in self._episodes.closed())
        return {int(episode.facts["seed"]): episode for episode in episodes}

    def _train(self, number: int) -> dict[str, Any]:
        advance = self._on_phase(f"round {number}: training", 1)
        result = self._crew.train(self._plan.training())
        advance()
        return {key: result[key] for key in ("path", "hash", "labels", "new_labels", "episodes", "manifest")}

    def _measure(self, phase: str, checkpoint: Path, seeds: range) -> dict[str, Any]:
        advance = self._on_phase(phase, 1)
        began = time.monotonic()
        measured = self._crew.measure(checkpoint, seeds)
        advance()
        return {**measured, "seeds": [seeds[0], seeds[-1]], "wall_s": round(time.monotonic() - began, 3)}
