# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A linear policy: one matrix from the history to the action chunk."""

from __future__ import annotations

import torch
from torch import Tensor

from il_ros.policies.base import Policy, PolicyConfig


class ToyPolicy(Policy):
    """Linear regression on action chunks."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__(config)
        outputs = config.horizon * config.action_dim
        self.linear = torch.nn.Linear(config.n_obs_steps * config.observation_dim, outputs)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the squared error over the labelled actions: (B,)."""
        error = (self.sample(observations, generator) - actions).square().mean(-1)  # (B, Ta)
        return (error * mask).sum(-1) / mask.sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the chunk: (B, Ta, Da)."""
        chunk: Tensor = self.linear(observations.flatten(1))
        return chunk.unflatten(-1, (self.config.horizon, self.config.action_dim))
