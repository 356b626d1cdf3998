# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The configuration of a DAgger run: task, policy, gating rule, labels, and how much of each round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from il_ros.core.errors import ConfigError, unknown
from il_ros.gate.chunk_executor import EXECUTE_STEPS
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.data import labels
from il_ros.learning.data.seeds import ALONE, CONFIRMATION, OF_A_ROUND, OF_A_RUN
from il_ros.learning.training.config import TrainingConfig
from il_ros.sim import tasks

SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "indicator": lambda number, rounds: 0.0,
    "linear": lambda number, rounds: max(0.0, 1.0 - number / rounds),
    "exponential": lambda number, rounds: 0.5**number,
}
"""DAgger's beta by round; round 0, the demonstrations, is beta 1 (Ross 2011, section 3.1)."""


def option(default: Any, text: str) -> Any:
    """Return a field of the configuration with its description."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True)
class DaggerConfig:
    """The configuration of a run.

    Raises:
        ConfigError: for a value outside its limits.
    """

    task: str = option("avoid", "task, with options as in trace:horizon_s=40")
    contract: str = option("", "contract, by name or path; empty: the task's own")
    policy: str = option("mixture", "policy class, or a training configuration (YAML)")
    steps: int = option(0, "gradient steps of each training; 0: the configuration's")
    warm_start: bool = option(False, "go on from the weights of the round before; otherwise train from scratch")
    new_data_weight: float = option(
        0.0, "share of the weight that the round's own labels get; 0: old and new count alike"
    )
    labels: str = option("expert_driven", "scheme of labels: expert_driven, relabelled, iwr, sirius")
    gating_rule: str = option(
        "human", "gating rule: human, beta, ensemble, doubt; demonstration for behaviour cloning alone"
    )
    schedule: str = option("indicator", "of rule beta: indicator, linear, exponential")
    input_device: str = option("", "input device of the expert; empty: supervisor for rule human, else scripted")
    expert: str = option("nearest", "which of the task's experts demonstrates and corrects")
    demonstrations: int = option(2, "episodes of round 0")
    disturbance: float = option(
        0.0, "push the arm off the expert's way in round 0, up to this share of its speed, so that they show recoveries"
    )
    rounds: int = option(6, "rounds of correction at most")
    episodes: int = option(25, "episodes of a round at most")
    labels_per_round: int = option(0, "a round is full once it has so many labels; 0: once it has all its episodes")
    eval_episodes: int = option(200, "episodes in which each policy is measured, alone")
    success_threshold: float = option(0.97, "success at which there are no more rounds; above 1: never")
    execute_steps: int = option(0, "steps of a chunk that are executed; 0: as the training configuration says, else 8")
    lapses: float = option(0.0, "probability a step that the policy's attention lapses, for studies")
    lapse_reach: float = option(1.0, "how far it then strays: the share of the action's range that is drawn from")
    seed: int = option(0, "of everything; runs with equal seeds meet equal episodes")

    def __post_init__(self) -> None:
        if not self.contract:
            object.__setattr__(self, "contract", tasks.load(self.task).contract)
        for name in ("demonstrations", "episodes", "eval_episodes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"plan: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("steps", "rounds", "labels_per_round", "execute_steps", "seed"):
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
        """Return the gating rule of a round."""
        if number == 0:
            return f"demonstration:disturbance={self.disturbance}" if self.disturbance else "demonstration"
        if self.gating_rule != "beta":
            return self.gating_rule
        every = self.execute_steps or self.training().execute_steps or EXECUTE_STEPS
        return f"beta:beta={SCHEDULES[self.schedule](number, self.rounds)},every={every}"

    def device_of(self, number: int) -> str:
        """Return the expert's input device in a round."""
        return self.input_device or ("supervisor" if number and self.gating_rule == "human" else "scripted")

    def training(self) -> TrainingConfig:
        """Return the configuration of the training of each round."""
        changes = {
            "seed": self.seed,
            "labels": self.labels,
            "warm_start": self.warm_start,
            "new_data_weight": self.new_data_weight,
        }
        return TrainingConfig.load(self.policy, **changes, **({"steps": self.steps} if self.steps else {}))

    def attention(self) -> ActionPerturbation:
        """Return how the policy's actions are perturbed."""
        return ActionPerturbation(self.lapses, reach=self.lapse_reach)

    def seeds(self, kind: int, number: int, count: int) -> range:
        """Return the seeds of ``count`` episodes of one kind in a round."""
        first = self.seed * OF_A_RUN + kind + number * OF_A_ROUND
        return range(first, first + count)
