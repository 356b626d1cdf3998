# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Our encoder ``patch`` and what stands behind it in torch's own layers, for peers; it needs torch alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, FEATURES, SIDE = 32, 64, 6
"""Channels of the encoder, numbers that a picture becomes, and pixels on a side of a patch."""


class PatchNetwork(nn.Module):
    """Squares of 6 pixels, two 3x3 convolutions of stride 2, and all places in one linear layer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        places = -(-(size // SIDE) // 4)
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, SIDE, stride=SIDE), nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(places * places * WIDTH, FEATURES), nn.LayerNorm(FEATURES),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W), from 0 to 1, to (B, F)."""
        seen: Tensor = self.layers(2.0 * images - 1.0)
        return seen


class PictureRegression(nn.Module):
    """The picture's features beside the numbers, and a ReLU MLP with a squashed mean."""

    def __init__(self, size: int, observation_dim: int, action_dim: int, width: int, depth: int) -> None:
        super().__init__()
        self.encoder = PatchNetwork(size)
        sizes = [observation_dim + FEATURES, *[width] * depth]
        hidden = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.head = nn.Sequential(*hidden, nn.Linear(sizes[-1], action_dim), nn.Tanh())

    def forward(self, observations: Tensor, images: Tensor) -> Tensor:
        """Map (B, Do) and (B, 3, H, W), from 0 to 1, to (B, Da)."""
        out: Tensor = self.head(torch.cat([observations, self.encoder(images)], dim=1))
        return out
