# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A discrete policy class as somebody else might write it: bins for every number of the chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from il_ros.policies.base import Policy, PolicyConfig


@dataclass(frozen=True)
class ToyConfig(PolicyConfig):
    """One option."""

    bins: int = 64


class Toy(Policy):
    """Each number of the chunk falls into one of the bins between the least and the greatest that was seen."""

    Config: ClassVar[type[PolicyConfig]] = ToyConfig
    config: ToyConfig
    centres: Tensor

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim, config.bins)
        inputs = config.n_obs_steps * config.observation_dim
        outputs = config.horizon * config.action_dim * config.bins
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(inputs, config.width), torch.nn.SiLU(), torch.nn.Linear(config.width, outputs)
        )
        self.register_buffer("centres", torch.linspace(-1, 1, config.bins))

    def prepare(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """Take the range of the bins from the labels."""
        seen = actions[mask > 0]
        self.centres.copy_(torch.linspace(float(seen.min()), float(seen.max()), self.config.bins))

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy: (B,)."""
        logits = self.layers(observations.flatten(1)).unflatten(-1, self.shape)
        nearest = (actions[..., None] - self.centres).abs().argmin(-1)
        chosen = logits.log_softmax(-1).gather(-1, nearest[..., None])[..., 0].mean(-1)  # (B, Ta)
        return -(chosen * mask).sum(-1) / mask.sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw every bin by itself: (B, Ta, Da)."""
        logits = self.layers(observations.flatten(1)).unflatten(-1, self.shape)
        drawn = torch.multinomial(logits.softmax(-1).flatten(0, -2), 1, generator=generator)
        return self.centres[drawn[:, 0]].unflatten(0, logits.shape[:-1])
