# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The fastest encoder: patches, and two convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from il_ros.policies.layers import Linear
from il_ros.policies.vision.base import ImageEncoder, Patches

SIDE = 6


class PatchEncoder(ImageEncoder):
    """Squares of 6 pixels, then two 3x3 convolutions of stride 2, and all places in one linear layer.

    Where something is stays known, for no place is averaged with another.
    """

    def __init__(self, size: tuple[int, int], width: int, features: int) -> None:
        super().__init__(size, width, features)
        self.patches = Patches(size, SIDE, width)
        self.convolutions = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        rows, columns = (-(-places // 4) for places in self.patches.grid)
        self.readout = nn.Sequential(Linear(rows * columns * width, features), nn.LayerNorm(features))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, F)."""
        out: Tensor = self.readout(self.convolutions(self.patches(images)))
        return out
