# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A mixture of Gaussians over the whole chunk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.layers import Trunk, draw


@dataclass(frozen=True)
class MixtureConfig(PolicyConfig):
    """The options of a mixture beside the sizes.

    Raises:
        ConfigError: if min_std is not positive, sample_scale is negative, or no component need be likely enough to be
            drawn.
    """

    components: int = 16
    """K, Gaussians of the mixture."""
    min_std: float = 0.1
    """The least standard deviation while training, in normalised units: bounds the density, so that no component
    collapses onto a single chunk."""
    sample_scale: float = 0.0
    """Share of its component's standard deviation that a drawn chunk has; 0 draws the mean."""
    min_weight: float = 0.02
    """A component that is less likely is not drawn: it stands for no expert, its mean lies anywhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.min_std > 0 and self.sample_scale >= 0):
            raise ConfigError(
                f"policy 'mixture': min_std is {self.min_std}, sample_scale {self.sample_scale}; choose min_std > 0 "
                "and sample_scale >= 0"
            )
        if not 0 <= self.min_weight < 1 / self.components:
            raise ConfigError(
                f"policy 'mixture': min_weight is {self.min_weight}; it must be at least 0 and less than "
                f"1 / components, which is {1 / self.components:.3g}"
            )


class Mixture(Policy):
    """K diagonal Gaussians over the chunk as one vector, so that one choice of component holds for all of it.

    Mixture density network, Bishop 1994; with low-noise evaluation, as in robomimic (Mandlekar 2021, arXiv:2108.03298,
    appendix): the component is drawn, and around its mean only the ``sample_scale`` share of its noise is added.
    """

    draws = True
    Config: ClassVar[type[PolicyConfig]] = MixtureConfig
    config: MixtureConfig

    def __init__(self, config: MixtureConfig) -> None:
        super().__init__(config)
        self.shape = (config.components, config.horizon, config.action_dim)
        self.size = math.prod(self.shape)
        self.trunk = Trunk(
            config.n_obs_steps * config.observation_dim, config.width, config.depth, config.components + 2 * self.size
        )

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the negative log-likelihood of the labelled numbers, divided by how many they are: (B,)."""
        return -self.log_likelihood(observations, actions, mask) / (mask.sum(-1) * self.config.action_dim)

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return the logarithm of the density of the labelled numbers: (B,)."""
        logits, means, raw = self._split(self.trunk(observations.flatten(1)))
        deviations = self.config.min_std + torch.nn.functional.softplus(raw)
        z = (actions[:, None] - means) / deviations
        log_density = -(0.5 * z.square() + deviations.log() + 0.5 * math.log(2 * math.pi)).sum(-1)  # (B, K, Ta)
        per_component = (log_density * mask[:, None]).sum(-1)  # (B, K)
        return torch.logsumexp(logits.log_softmax(-1) + per_component, dim=-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a component for each history, then a chunk near its mean: (B, Ta, Da)."""
        logits, means, raw = self._split(self.trunk(observations.flatten(1)))
        chosen = draw(logits, self.config.min_weight, generator)
        rows = torch.arange(len(means), device=means.device)
        chunk = means[rows, chosen]
        if self.config.sample_scale == 0:
            return chunk
        deviations = self.config.min_std + torch.nn.functional.softplus(raw[rows, chosen])
        return chunk + self.config.sample_scale * deviations * torch.randn(
            chunk.shape, generator=generator, device=chunk.device
        )

    def _split(self, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (B, K), means and raw deviations (B, K, Ta, Da)."""
        logits, means, raw = torch.split_with_sizes(out, (self.config.components, self.size, self.size), dim=-1)
        return logits, means.reshape(-1, *self.shape), raw.reshape(-1, *self.shape)
