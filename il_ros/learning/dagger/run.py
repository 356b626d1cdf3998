# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rounds of DAgger and of all its kin: collect, aggregate, train, measure; stopped anywhere, they go on from there.

Ross, Gordon and Bagnell 2011, arXiv:1011.0686, algorithm 3.1. Who drives while a round is collected is the gate's rule,
what is learned of it the scheme of labels: behaviour cloning with ever more demonstrations, DAgger and HG-DAgger are
three plans.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import ConfigError, unknown
from il_ros.learning.dagger.ledger import Ledger, tally
from il_ros.learning.data import labels
from il_ros.learning.data.seeds import ALONE, CONFIRMATION, OF_A_ROUND, OF_A_RUN
from il_ros.learning.inference import ActionPerturbation
from il_ros.learning.training.config import TrainingConfig
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.recovery import recover

SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "indicator": lambda number, rounds: 0.0,
    "linear": lambda number, rounds: max(0.0, 1.0 - number / rounds),
    "exponential": lambda number, rounds: 0.5**number,
}
"""DAgger's beta by round; round 0, the demonstrations, is beta 1 (Ross 2011, section 3.1)."""


def told(default: Any, text: str) -> Any:
    """A field of the plan, and what it means."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True)
class DaggerConfig:
    """What is done in a run.

    Raises:
        ConfigError: for a value outside its limits.
    """

    task: str = told("avoid", "task, with options as in trace:horizon_s=40")
    contract: str = told("panda_plane", "contract, by name or path")
    policy: str = told("mixture", "policy class, or a training configuration (YAML)")
    steps: int = told(0, "gradient steps of each training; 0: the configuration's")
    warm_start: bool = told(False, "go on from the weights of the round before; otherwise train from scratch")
    new_data_weight: float = told(
        0.0, "share of the weight that the round's own labels get; 0: old and new count alike"
    )
    labels: str = told("expert_driven", "scheme of labels: expert_driven, relabelled, iwr, sirius")
    gating_rule: str = told(
        "human", "gating rule: human, beta, ensemble, doubt; demonstration for behaviour cloning alone"
    )
    schedule: str = told("indicator", "of rule beta: indicator, linear, exponential")
    input_device: str = told(
        "", "through what the expert speaks; empty: the supervisor for rule human, else his script"
    )
    expert: str = told("nearest", "which of the task's experts demonstrates, and corrects")
    demonstrations: int = told(2, "episodes of round 0")
    rounds: int = told(6, "rounds of correction at most")
    episodes: int = told(25, "episodes of a round at most")
    labels_per_round: int = told(0, "a round is full once it has so many labels; 0: once it has all its episodes")
    eval_episodes: int = told(200, "episodes in which each policy is measured, alone")
    success_threshold: float = told(0.97, "success at which there are no more rounds; above 1: never")
    execute_steps: int = told(8, "steps of a chunk that are executed")
    lapses: float = told(0.0, "probability a step that the policy's attention lapses, for studies")
    lapse_reach: float = told(1.0, "how far it then strays: the share of the action's range that is drawn from")
    seed: int = told(0, "of everything; runs with equal seeds meet equal episodes")

    def __post_init__(self) -> None:
        for name in ("demonstrations", "episodes", "eval_episodes", "execute_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"plan: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("steps", "rounds", "labels_per_round", "seed"):
            if getattr(self, name) < 0:
                raise ConfigError(f"plan: {name} is {getattr(self, name)}; it must not be negative")
        for name in ("demonstrations", "episodes", "eval_episodes"):
            if getattr(self, name) > OF_A_ROUND:
                raise ConfigError(f"plan: {name} is {getattr(self, name)}; it must be at most {OF_A_ROUND:,}")
        if self.rounds >= (CONFIRMATION - ALONE) // OF_A_ROUND:
            raise ConfigError(f"plan: rounds is {self.rounds}; there are seeds for less than 40")
        if self.schedule not in SCHEDULES:
            raise unknown("plan: schedule", self.schedule, SCHEDULES)
        labels.load(self.labels)
        self.training()
        self.attention()

    def rule_of(self, number: int) -> str:
        """The gating rule of a round."""
        if number == 0:
            return "demonstration"
        if self.gating_rule != "beta":
            return self.gating_rule
        return f"beta:beta={SCHEDULES[self.schedule](number, self.rounds)},every={self.execute_steps}"

    def device_of(self, number: int) -> str:
        """Through what the expert speaks in a round."""
        return self.input_device or ("supervisor" if number and self.gating_rule == "human" else "scripted")

    def training(self) -> TrainingConfig:
        """What every round trains."""
        changes = {
            "seed": self.seed,
            "labels": self.labels,
            "warm_start": self.warm_start,
            "new_data_weight": self.new_data_weight,
        }
        return TrainingConfig.load(self.policy, **changes, **({"steps": self.steps} if self.steps else {}))

    def attention(self) -> ActionPerturbation:
        """How the policy's attention lapses."""
        return ActionPerturbation(self.lapses, reach=self.lapse_reach)

    def seeds(self, kind: int, number: int, count: int) -> range:
        """The seeds of ``count`` episodes of one kind in a round."""
        first = self.seed * OF_A_RUN + kind + number * OF_A_ROUND
        return range(first, first + count)


class Backend(Protocol):
    """Who does the work of a run: the graph, or the loop."""

    def prepare(self, rule: str, device: str, checkpoint: Path | None) -> None:
        """Get ready for episodes under this rule, with the expert at this device and this policy."""

    def episode(self, seed: int) -> Path:
        """Run one; returns its closed bag."""

    def train(self, config: TrainingConfig) -> dict[str, Any]:
        """Train on all episodes of the run; returns what ``TrainingPipeline.train`` does."""

    def measure(self, checkpoint: Path, seeds: range) -> dict[str, Any]:
        """How well the policy does alone: ``success``, ``interval``, ``episodes``."""


class DaggerRun:
    """A run in a folder: ``episodes/``, ``checkpoints/`` and ``ledger.json``.

    Args:
        folder: of the run; if it holds one with the same plan already, that goes on.
        plan: what to do.
        crew: who does it.
        says: told the phase that begins and how many parts it has; returns what is to be called after each.
    """

    def __init__(
        self,
        folder: Path,
        plan: DaggerConfig,
        crew: Backend,
        says: Callable[[str, int], Callable[[], None]] = lambda phase, parts: lambda: None,
    ) -> None:
        self._plan, self._crew, self._says = plan, crew, says
        self._contract, self._scheme = Contract.load(plan.contract), labels.load(plan.labels)
        self._episodes = EpisodeStore(folder / "episodes")
        self._ledger = Ledger(folder, dataclasses.asdict(plan))
        self._put_aside_what_broke_off()

    def _put_aside_what_broke_off(self) -> None:
        """An episode during which the run was killed is run again; what there was of it is kept aside."""
        if self._episodes.folder.is_dir():
            for path in recover(self._episodes.folder):
                self._episodes.discard(path)

    def run(self) -> Ledger:
        """Make all rounds that are not there yet."""
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
                "wall_s": {name: facts["wall_s"] for name, facts in phases.items()},
            }
        )

    def _phase(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What the phase gave: before the run was stopped, or now."""
        found = self._ledger.done(name)
        if found is not None:
            return found
        began = time.monotonic()
        facts = work()
        facts.setdefault("wall_s", round(time.monotonic() - began, 3))
        self._ledger.note(name, facts)
        return facts

    def _collect(self, number: int) -> dict[str, Any]:
        plan = self._plan
        most = plan.demonstrations if number == 0 else plan.episodes
        advance = self._says(
            f"round {number}: {plan.rule_of(number)}",
            plan.labels_per_round if number and plan.labels_per_round else most,
        )
        there = self._recorded
        rows = self._ledger.rounds
        checkpoint = Path(rows[-1]["checkpoint"]["path"]) if rows else None
        prepared, episodes, full = False, [], 0
        for seed in plan.seeds(0, number, most):
            if seed not in there:
                if not prepared:
                    self._crew.prepare(plan.rule_of(number), plan.device_of(number), checkpoint)
                    prepared = True
                there[seed] = read_episode(self._crew.episode(seed), self._contract)
            episodes.append(there[seed])
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
        """The episodes that are there, by seed; each is read once."""
        found = (read_episode(path, self._contract) for path in self._episodes.closed())
        return {int(episode.facts["seed"]): episode for episode in found}

    def _train(self, number: int) -> dict[str, Any]:
        advance = self._says(f"round {number}: training", 1)
        made = self._crew.train(self._plan.training())
        advance()
        return {key: made[key] for key in ("path", "hash", "labels", "new_labels", "episodes", "manifest")}

    def _measure(self, phase: str, checkpoint: Path, seeds: range) -> dict[str, Any]:
        advance = self._says(phase, 1)
        began = time.monotonic()
        measured = self._crew.measure(checkpoint, seeds)
        advance()
        seeds_told = [seeds[0], seeds[-1]]
        return {**measured, "seeds": seeds_told, "wall_s": round(time.monotonic() - began, 3)}
