"""The peers' plain MLP as a policy class of ours, so that our trainer can train exactly what theirs does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.policies.base import Policy, PolicyConfig

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
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
        sizes = [config.history * config.observation_dim, *[config.width] * config.depth]
        hidden = [(nn.Linear(a, b), ACTIVATIONS[config.activation]()) for a, b in zip(sizes, sizes[1:])]
        last = [nn.Linear(sizes[-1], math.prod(self.shape)), *([] if config.gaussian else [nn.Tanh()])]
        self.layers = nn.Sequential(*(layer for pair in hidden for layer in pair), *last)
        if config.gaussian:
            self.log_deviation = nn.Parameter(torch.zeros(config.action_dim))

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """(B,) of what the peer's loss is the mean."""
        judged = self.judged(observations.flatten(1), actions.flatten(1))
        return judged * mask[:, 0]

    def judged(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each row, (B, Do) and (B, Da) to (B,)."""
        means: Tensor = self.layers(inputs)
        if not self.config.gaussian:
            return (means - targets).square().mean(-1)
        z = (targets - means) * (-self.log_deviation).exp()
        # the constants of log-density and entropy, log(2 pi) / 2 and that plus 1/2 for each number, have no gradient
        return 0.5 * z.square().sum(-1) + (1 - ENTROPY_WEIGHT) * self.log_deviation.sum()

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """The mean: (B, 1, Da)."""
        out: Tensor = self.layers(observations.flatten(1))
        return out.reshape(-1, *self.shape)
