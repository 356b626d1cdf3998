# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Action chunking with transformers (ACT), in a size for a processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, PolicyConfig, label_mean
from il_ros.policies.layers import DecoderBlock, Linear, TransformerBlock


@dataclass(frozen=True)
class ActConfig(PolicyConfig):
    """The options of ACT beside the sizes; ``depth`` is that of each of its three transformers.

    Raises:
        ConfigError: for a value outside its limits.
    """

    heads: int = 4
    """Of each attention; they share the width."""
    latent: int = 16
    """Numbers of the style, which the training reads from the expert's chunk."""
    kl_weight: float = 10.0
    """What a bit of style costs: the higher, the less of the chunk may be in it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads or self.kl_weight < 0:
            raise ConfigError(
                f"policy 'act': width is {self.width}, heads {self.heads}, kl_weight {self.kl_weight}; choose "
                "heads that divide the width, and kl_weight >= 0"
            )


class ActionChunkingTransformer(Policy):
    """A conditional variational autoencoder of chunks, whose parts are transformers.

    Zhao 2023, arXiv:2304.13705, section IV: while training, an encoder reads the expert's chunk and tells its style,
    and the decoder predicts the chunk from the observations and that style by L1 regression. When it drives the style
    is the mean of all, zero, so one history has one answer. Here an observation is one token, images are features in
    it, and there is no dropout, since random numbers come from a generator.
    """

    Config: ClassVar[type[PolicyConfig]] = ActConfig
    config: ActConfig

    def __init__(self, config: ActConfig) -> None:
        super().__init__(config)
        width, blocks = config.width, range(config.depth)
        self.observed = Linear(config.observation_dim, width)
        self.times = nn.Parameter(torch.randn(config.n_obs_steps, width))
        self.acted = Linear(config.action_dim, width)
        self.steps = nn.Parameter(torch.randn(config.horizon, width))
        self.summary = nn.Parameter(torch.randn(width))
        self.encoder = nn.ModuleList(TransformerBlock(width, config.heads) for _ in blocks)
        self.style = Linear(width, 2 * config.latent)
        self.styled = Linear(config.latent, width)
        self.seen = nn.ModuleList(TransformerBlock(width, config.heads) for _ in blocks)
        self.queries = nn.Parameter(torch.randn(config.horizon, width))
        self.decoder = nn.ModuleList(DecoderBlock(width, config.heads) for _ in blocks)
        self.norm, self.last = nn.LayerNorm(width), Linear(width, config.action_dim)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the absolute error, averaged over the labels, and the weighted divergence of the style: (B,)."""
        tokens = self.observed(observations) + self.times
        mean, log_variance = self._style(tokens[:, -1:], actions, mask)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        chunk = self._chunk(tokens, mean + (0.5 * log_variance).exp() * noise)
        error = label_mean((chunk - actions).abs().mean(-1), mask)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(-1)
        return error + self.config.kl_weight * divergence

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return the chunk of the mean style: (B, Ta, Da)."""
        tokens = self.observed(observations) + self.times
        return self._chunk(tokens, tokens.new_zeros(len(tokens), self.config.latent))

    def _style(self, newest: Tensor, actions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance of the style of a chunk, (B, latent) each."""
        acted = self.acted(actions * (mask > 0)[..., None]) + self.steps
        tokens = torch.cat([self.summary.expand(len(acted), 1, -1), newest, acted], dim=1)
        labelled = torch.cat([mask.new_ones(len(mask), 2), mask], dim=1) > 0
        for block in self.encoder:
            tokens = block(tokens, mask=labelled[:, None, None])
        mean, log_variance = self.style(tokens[:, 0]).chunk(2, dim=-1)
        return mean, log_variance

    def _chunk(self, tokens: Tensor, style: Tensor) -> Tensor:
        """Return the chunk (B, Ta, Da) for tokens of observations (B, To, width) and a style (B, latent)."""
        seen = torch.cat([self.styled(style)[:, None], tokens], dim=1)
        for block in self.seen:
            seen = block(seen)
        chunk = self.queries.expand(len(seen), -1, -1)
        for block in self.decoder:
            chunk = block(chunk, seen)
        out: Tensor = self.last(self.norm(chunk))
        return out
