# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The peers' plain MLP as a policy class of ours, so that our trainer can train exactly what theirs does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.layers import Linear

ENTROPY_WEIGHT = 1e-3
"""What imitation's BC adds of the entropy by default."""


@dataclass(frozen=True)
class PlainMlpConfig(PolicyConfig):
    """``width`` and ``depth`` are the hidden layers."""

    activation: str = "tanh"
    gaussian: bool = True
    """Gaussian log-likelihood with learned deviations, as imitation's; else squared error of a squashed mean, as
    robomimic's."""


class PlainMlp(Policy):
    """One observation to one action through ``depth`` hidden layers, without residuals, norms or history."""

    Config: ClassVar[type[PolicyConfig]] = PlainMlpConfig
    config: PlainMlpConfig

    def __init__(self, config: PlainMlpConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        sizes = [config.n_obs_steps * config.observation_dim, *[config.width] * config.depth]
        hidden = [Linear(a, b, config.activation) for a, b in zip(sizes, sizes[1:])]
        last = Linear(sizes[-1], math.prod(self.shape), "none" if config.gaussian else "tanh")
        self.layers = nn.Sequential(*hidden, last)
        if config.gaussian:
            self.log_deviation = nn.Parameter(torch.zeros(config.action_dim))

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the losses (B,) whose mean is the peer's loss."""
        return self.judged(observations.flatten(1), actions.flatten(1))  # a chunk of one action is never padded

    def judged(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row, (B, Do) and (B, Da) to (B,)."""
        means: Tensor = self.layers(inputs)
        if not self.config.gaussian:
            return nn.functional.mse_loss(means, targets, reduction="none").mean(-1)
        precision = (-2 * self.log_deviation).exp()
        # the constants of log-density and entropy, log(2 pi) / 2 and that plus 1/2 for each number, have no gradient
        squares, rest = (means - targets).square(), self.log_deviation.sum()
        return torch.addmv(rest, squares, precision, beta=1 - ENTROPY_WEIGHT, alpha=0.5)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the mean: (B, 1, Da)."""
        out: Tensor = self.layers(observations.flatten(1))
        return out.reshape(-1, *self.shape)
