# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The minimal iterative policy: a regression of the whole chunk, and a second one that mends it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, PolicyConfig, label_mean
from il_ros.policies.layers import ConditionedTrunk, Trunk


@dataclass(frozen=True)
class MipConfig(PolicyConfig):
    """The options of a minimal iterative policy beside the sizes.

    Raises:
        ConfigError: for a value outside its limits.
    """

    noise: float = 0.1
    """Standard deviation of what the second regression must mend, in normalised units; 1 - t* of the paper."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.noise < 1:
            raise ConfigError(f"policy 'mip': noise is {self.noise}; choose 0 < noise < 1, for example 0.1")


class MinimalIterativePolicy(Policy):
    """Two regressions by one network: of the chunk from the history, and from the history and a chunk with noise.

    Pan 2025, arXiv:2512.01809: the second is taught to mend what the first may err by, so the answer lies nearer to
    what the experts do than the mean of all that is near. It draws nothing: one history has one answer, and where
    experts disagree that is one of them at best. Errors weigh as there, by the inverse square of how far each has to
    mend.
    """

    Config: ClassVar[type[PolicyConfig]] = MipConfig
    config: MipConfig

    def __init__(self, config: MipConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        size = math.prod(self.shape)
        self.condition = Trunk(config.n_obs_steps * config.observation_dim, config.width, config.depth, config.width)
        self.pass_number = nn.Embedding(2, config.width)
        self.trunk = ConditionedTrunk(size, config.width, config.depth, size)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the squared errors of both, averaged over the labels: (B,)."""
        seen = self.condition(observations.flatten(1))
        noise = self.config.noise * torch.randn(actions.shape, generator=generator, device=actions.device)
        first = self._answer(torch.zeros_like(actions), 0, seen)
        second = self._answer((actions + noise) * (mask > 0)[..., None], 1, seen)
        share = (self.config.noise / (1 - self.config.noise)) ** 2
        error = (share * (first - actions).square() + (second - actions).square()).mean(-1)  # (B, Ta)
        return label_mean(error, mask)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the predicted chunk: (B, Ta, Da)."""
        seen = self.condition(observations.flatten(1))
        first = self._answer(seen.new_zeros(len(seen), *self.shape), 0, seen)
        return self._answer(first, 1, seen)

    def _answer(self, chunk: Tensor, number: int, seen: Tensor) -> Tensor:
        out: Tensor = self.trunk(chunk.flatten(1), seen + self.pass_number.weight[number])
        return out.reshape(-1, *self.shape)
