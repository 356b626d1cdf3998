# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Version 0: one chunk for each history, fitted by squared error."""

from __future__ import annotations

import torch
from torch import Tensor

from il_ros.policies.base import Policy, PolicyConfig, label_mean
from il_ros.policies.layers import Trunk


class Deterministic(Policy):
    """The mean of what the experts did: L2 regression on action chunks.

    Where two experts disagree it answers with their average, which may be what neither would do: that is its lesson.
    """

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        self.trunk = Trunk(
            config.n_obs_steps * config.observation_dim, config.width, config.depth, config.horizon * config.action_dim
        )

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the squared error, averaged over the labelled numbers of the chunk: (B,)."""
        error = (self.sample(observations, generator) - actions).square().mean(-1)  # (B, Ta)
        return label_mean(error, mask)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the predicted chunk: (B, Ta, Da)."""
        out: Tensor = self.trunk(observations.flatten(1))
        return out.reshape(-1, *self.shape)
