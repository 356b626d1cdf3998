# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A categorical distribution over a table of moves, for actions that are discrete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.layers import AutoregressiveHead, Trunk, draw

SAME = 1e-3
"""Actions that are closer than this, in normalised units, are one move."""


@dataclass(frozen=True)
class CategoricalConfig(PolicyConfig):
    """The options of a categorical policy beside the sizes."""

    moves: int = 32
    """K, the most moves that there may be."""
    least_probability: float = 0.02
    """A move that is less likely is not drawn: one slip in a long sequence spoils all that follows."""


class Categorical(Policy):
    """Probabilities of the moves that occur in the data, such as the keys of a keyboard; trained by cross-entropy.

    With discrete actions it can be any distribution whatever, so nothing is lost by the class itself. The moves of a
    chunk are drawn one after the other, each given those before it: drawn apart, they would mix the ways of experts who
    disagree.
    """

    draws = True
    Config: ClassVar[type[PolicyConfig]] = CategoricalConfig
    config: CategoricalConfig
    table: Tensor
    count: Tensor

    def __init__(self, config: CategoricalConfig) -> None:
        super().__init__(config)
        inputs = config.n_obs_steps * config.observation_dim
        self.trunk = Trunk(inputs, config.width, config.depth, config.width)
        self.chain = AutoregressiveHead(config.horizon, config.moves, config.width, config.moves)
        self.register_buffer("table", torch.zeros(config.moves, config.action_dim))
        self.register_buffer("count", torch.ones((), dtype=torch.int64))

    def prepare(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """Find the moves.

        Raises:
            ConfigError: if there are more than the configuration allows, as with continuous actions.
        """
        rows = actions[mask > 0]
        rounded, which = torch.unique((rows / SAME).round().to(torch.int64), dim=0, return_inverse=True)
        count = len(rounded)
        if count > self.config.moves:
            raise ConfigError(
                f"policy 'categorical': the data have {count} different actions, at most moves = {self.config.moves} "
                "were expected; demonstrate with a table of moves (a contract that has one), or choose a class for "
                "continuous actions such as autoregressive"
            )
        sums = torch.zeros(count, rows.shape[1], device=rows.device).index_add_(0, which, rows)
        self.table[:count] = sums / torch.bincount(which, minlength=count)[:, None]
        self.count.fill_(count)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the cross-entropy of the demonstrated moves, averaged over the labelled steps: (B,)."""
        return -self.log_likelihood(observations, actions, mask) / mask.sum(-1)

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return the logarithm of the probability of the labelled steps' moves: (B,)."""
        away = (actions[..., None, :] - self.table).square().sum(-1)  # (B, Ta, K)
        moves = away.masked_fill(self._absent(), torch.inf).argmin(-1)
        logits = self._possible(self.chain(self.trunk(observations.flatten(1)), moves))
        chosen = logits.log_softmax(-1).gather(-1, moves[..., None])[..., 0]  # (B, Ta)
        return (chosen * mask).sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the moves in turn: (B, Ta, Da)."""

        def choose(place: int, logits: Tensor) -> Tensor:
            return draw(self._possible(logits), self.config.least_probability, generator)

        return self.table[self.chain.draw(self.trunk(observations.flatten(1)), choose)]

    def _possible(self, logits: Tensor) -> Tensor:
        """Return minus infinity for a move that does not occur."""
        return logits.masked_fill(self._absent(), -torch.inf)

    def _absent(self) -> Tensor:
        return torch.arange(self.config.moves, device=self.count.device) >= self.count
