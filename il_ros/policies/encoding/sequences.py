# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What reads the observations of a window as a sequence, and makes one row of numbers of them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.policies.layers.fast_linear import Linear
from il_ros.policies.layers.transformer import TransformerBlock

FEATURES = 64
"""S, numbers that a sequence becomes."""
HEADS = 4
"""Of each block of a transformer."""


class SequenceEncoder(nn.Module):
    """Makes numbers of To observations: (B, To, dim), oldest first, to (B, features)."""

    name: ClassVar[str]
    """Under which a training configuration chooses it."""


class GatedSequence(SequenceEncoder):
    """A gated recurrent unit (Cho 2014, arXiv:1406.1078): its state after the newest observation."""

    name = "gru"

    def __init__(self, dim: int, steps: int, features: int) -> None:
        super().__init__()
        self.unit = nn.GRU(dim, features, batch_first=True)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, To, dim), oldest first, to (B, features)."""
        states: Tensor = self.unit(observations)[0]
        return states[:, -1]


class TransformerSequence(SequenceEncoder):
    """Two transformer blocks over the observations, with learned places in time; what the newest one has seen.

    Nothing lies after the newest one, so that no mask is needed to be causal.
    """

    name = "transformer"

    def __init__(self, dim: int, steps: int, features: int) -> None:
        super().__init__()
        self.first, self.times = Linear(dim, features), nn.Parameter(0.1 * torch.randn(steps, features))
        self.blocks = nn.ModuleList(TransformerBlock(features, HEADS) for _ in range(2))
        self.norm = nn.LayerNorm(features)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, To, dim), oldest first, to (B, features)."""
        tokens = self.first(observations) + self.times
        for block in self.blocks:
            tokens = block(tokens)
        newest: Tensor = self.norm(tokens[:, -1])
        return newest


SEQUENCES = {kind.name: kind for kind in (GatedSequence, TransformerSequence)}
