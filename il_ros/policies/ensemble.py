# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Several deterministic policies in stacked matrices, trained and evaluated at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from il_ros.policies.base import Policy, PolicyConfig, label_mean
from il_ros.policies.layers import StackedTrunk


@dataclass(frozen=True)
class EnsembleConfig(PolicyConfig):
    """The options of an ensemble beside the sizes."""

    members: int = 5
    """M, networks that differ in their first weights and in how much each window counts for them."""


class Ensemble(Policy):
    """L2 regression M times over; the members disagree where there were no labels.

    The spread of the members is the doubt by which EnsembleDAgger (Menda 2019, arXiv:1807.08364, section 3) and
    ThriftyDAgger (Hoque 2021, arXiv:2109.08273, section 4.1) decide who drives.
    """

    Config: ClassVar[type[PolicyConfig]] = EnsembleConfig
    config: EnsembleConfig

    def __init__(self, config: EnsembleConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        inputs = config.n_obs_steps * config.observation_dim
        self.trunk = StackedTrunk(config.members, inputs, config.width, config.depth, math.prod(self.shape))

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the mean over the members of their squared errors, each with a random weight around 1: (B,)."""
        error = (self.members(observations) - actions).square().mean(-1)  # (M, B, Ta)
        judged = label_mean(error, mask)  # (M, B)
        if not self.training:
            return judged.mean(0)
        # weights of the Bayesian bootstrap (Rubin 1981): every member learns from its own selection of the data
        weights = torch.empty_like(judged).exponential_(generator=generator)
        return (weights * judged).mean(0)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the mean of the members' chunks: (B, Ta, Da)."""
        return self.members(observations).mean(0)

    def members(self, observations: Tensor) -> Tensor:
        """Return every member's chunk: (M, B, Ta, Da)."""
        stacked = observations.flatten(1).expand(self.config.members, -1, -1)
        out: Tensor = self.trunk(stacked)
        return out.reshape(self.config.members, -1, *self.shape)

    def spread(self, observations: Tensor) -> Tensor:
        """Return (B,) standard deviation of the members' first actions, normalised, the greatest over components."""
        return self.members(observations)[:, :, 0].std(0).amax(-1)
