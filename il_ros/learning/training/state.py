# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One training step, and the state between two: learning-rate schedule, optimizer, moving average of weights (EMA)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from il_ros.core.errors import DataError
from il_ros.learning.training.optimizer import flatten_parameters, make_adamw
from il_ros.learning.training.result import TrainingProgress
from il_ros.learning.training.resume import ResumePoint
from il_ros.learning.training.schedule import EarlyStopping, warmup_cosine
from il_ros.learning.training.windows import Windows
from il_ros.policies.base import Policy

if TYPE_CHECKING:
    from il_ros.learning.training.config import TrainingConfig


class TrainingState:
    """A training between two steps: everything that the next one depends on.

    All weights are one vector, and so are their gradients and their averages: small networks are bound by the number
    of calls, not by arithmetic.
    """

    def __init__(self, policy: Policy, config: TrainingConfig, generator: torch.Generator) -> None:
        self.step = 0
        self.total = torch.zeros((), device=config.device)
        """Sum of the losses since the last report; it stays on the device."""
        self.averaged = copy.deepcopy(policy).eval()
        self._policy, self._config, self._generator = policy, config, generator
        (self._weights, self._gradient), (self._averages, _) = (
            flatten_parameters(policy),
            flatten_parameters(self.averaged),
        )
        self.early_stopping = EarlyStopping(config.patience, self._averages)
        self._optimizer = make_adamw(self._weights, self._gradient, config.weight_decay, config.grad_clip_norm)

    def advance(self, batch: Windows) -> None:
        """Make one step."""
        config, self.step = self._config, self.step + 1
        self._gradient.zero_()
        loss = batch.loss(self._policy, self._generator, config.observation_noise, config.shift_pixels)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self._optimizer.step(config.learning_rate * warmup_cosine(self.step, config.steps, config.warmup_steps))
            # young averages forget faster, so that the first weights leave no trace
            self._averages.lerp_(self._weights, 1 - min(config.ema_decay, self.step / (self.step + 9)))
            self.total += loss

    def finish(self) -> Policy:
        """Return the policy with the averaged weights, on the processor, each in a memory of its own."""
        self.early_stopping.use_best()
        if not self._averages.isfinite().all():
            raise DataError(
                f"training: a weight is not finite after step {self.step}; lower learning_rate, now "
                f"{self._config.learning_rate}"
            )
        for parameter in self.averaged.parameters():
            parameter.data, parameter.grad = parameter.data.cpu().clone(), None
        return self.averaged.cpu().requires_grad_(False)

    def save(self, resume_point: ResumePoint | None, curve: list[TrainingProgress]) -> None:
        """Write the state to ``resume_point``, if there is one."""
        if resume_point is None:
            return
        tensors = {f"policy.{name}": value for name, value in self._policy.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        tensors |= {f"optimiser.{name}": value for name, value in self._optimizer.state().items()}
        tensors |= {"generator": self._generator.get_state(), "best": self.early_stopping.best}
        facts = {
            "step": self.step,
            "steps": self._config.steps,
            "least": self.early_stopping.lowest,
            "since": self.early_stopping.reports_since,
        }
        resume_point.save(tensors, {**facts, "curve": [asdict(point) for point in curve]})

    def restore(self, resume_point: ResumePoint | None) -> tuple[list[TrainingProgress], tuple[str, ...]]:
        """Load the stored state, if there is one; return the curve up to there and notes about it."""
        stored = None if resume_point is None else resume_point.load()
        if stored is None:
            return [], ()
        tensors, facts = stored
        self._policy.load_state_dict(_below("policy.", tensors))
        self.averaged.load_state_dict(_below("averaged.", tensors))
        self._optimizer.load_state(_below("optimiser.", tensors))
        self._generator.set_state(tensors["generator"])
        self.early_stopping.restore(tensors["best"], float(facts["least"]), int(facts["since"]))
        self.step = int(facts["step"])
        return [TrainingProgress(**point) for point in facts["curve"]], _changed_steps_note(
            self.step, facts, self._config
        )


def _changed_steps_note(step: int, facts: Mapping[str, Any], config: TrainingConfig) -> tuple[str, ...]:
    """Return a note if the training was begun for another number of steps."""
    before = int(facts.get("steps", config.steps))
    if before == config.steps:
        return ()
    rates = (config.learning_rate * warmup_cosine(step, n, config.warmup_steps) for n in (before, config.steps))
    return (
        "went on at step {} of {} towards {}: the learning rate went from {:.2g} to {:.2g} there, so the result is not "
        "that of {} steps from the beginning".format(step, before, config.steps, *rates, config.steps),
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
