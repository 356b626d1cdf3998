# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every number of the chunk in bins, drawn one after the other, each given those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.layers import AutoregressiveHead, Trunk, draw


@dataclass(frozen=True)
class AutoregressiveConfig(PolicyConfig):
    """The options of an autoregressive policy beside the sizes."""

    bins: int = 32
    """K, equal bins over [-1, 1]; what lies outside belongs to the last on that side."""
    least_probability: float = 0.02
    """A bin that is less likely is not drawn: one slip in a long sequence spoils all that follows."""


class Autoregressive(Policy):
    """``p(a_1 | o) p(a_2 | o, a_1) ...`` over the N = Ta x Da numbers of a chunk, step by step, component by component.

    Each factor is categorical over the bins, and a residual inside the drawn bin makes the number exact (Shafiullah
    2022, arXiv:2206.11251, section 3.2).
    """

    draws = True
    Config: ClassVar[type[PolicyConfig]] = AutoregressiveConfig
    config: AutoregressiveConfig

    def __init__(self, config: AutoregressiveConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        self.places = config.horizon * config.action_dim
        self.trunk = Trunk(config.n_obs_steps * config.observation_dim, config.width, config.depth, config.width)
        self.chain = AutoregressiveHead(self.places, config.bins, config.width, 2 * config.bins)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the bins' cross-entropy and the residuals' squared error, averaged over the labelled numbers: (B,)."""
        log_probability, error = self._judge(observations, actions)
        counts = mask.repeat_interleave(self.config.action_dim, dim=1)  # (B, N)
        return ((error - log_probability) * counts).sum(-1) / counts.sum(-1)

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return the log-probability of the labelled numbers' bins: (B,); a label must not follow a gap."""
        counts = mask.repeat_interleave(self.config.action_dim, dim=1)
        return (self._judge(observations, actions)[0] * counts).sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the numbers in turn: (B, Ta, Da)."""
        numbers: list[Tensor] = []

        def choose(place: int, outputs: Tensor) -> Tensor:
            logits, residuals = self._split(outputs)
            bins = draw(logits, self.config.least_probability, generator)
            numbers.append(self._centre(bins) + residuals.gather(-1, bins[:, None])[:, 0])
            return bins

        self.chain.draw(self.trunk(observations.flatten(1)), choose)
        return torch.stack(numbers, dim=1).reshape(-1, *self.shape)

    def _judge(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return each bin's log-probability given those before it, and the residual's squared error: (B, N) each."""
        numbers = actions.flatten(1)
        bins = ((numbers + 1) / 2 * self.config.bins).long().clamp(0, self.config.bins - 1)  # (B, N)
        logits, residuals = self._split(self.chain(self.trunk(observations.flatten(1)), bins))
        log_probability = logits.log_softmax(-1).gather(-1, bins[..., None])[..., 0]
        error = residuals.gather(-1, bins[..., None])[..., 0] - (numbers - self._centre(bins))
        return log_probability, (error * self.config.bins / 2).square()  # in units of half a bin

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        logits, residuals = outputs.chunk(2, dim=-1)
        return logits, residuals.tanh() / self.config.bins  # never beyond the bin

    def _centre(self, bins: Tensor) -> Tensor:
        return (2 * bins + 1) / self.config.bins - 1
