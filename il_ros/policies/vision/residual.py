# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A small residual network with group norm."""

from __future__ import annotations

from torch import Tensor, nn

from il_ros.policies.layers import Linear
from il_ros.policies.vision.base import ImageEncoder, Patches

SIDE = 4
GROUPS = 8


class ConvolutionBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 one, of stride 2 (He 2016), with group norm (Wu 2018, arXiv:1803.08494).

    Batch norm would make an image's features depend on the others of its batch, and does not go with averaged weights.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(GROUPS, outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2)
        self.after = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        out: Tensor = self.after(self.shortcut(x) + self.inner(x))
        return out


class ResidualEncoder(ImageEncoder):
    """Squares of 4 pixels, two residual blocks of stride 2, and all places in one linear layer.

    Channels are a multiple of 8: ``width`` is rounded up.
    """

    def __init__(self, size: tuple[int, int], width: int, features: int) -> None:
        super().__init__(size, width, features)
        channels = GROUPS * -(-width // GROUPS)
        self.patches = Patches(size, SIDE, channels)
        self.blocks = nn.Sequential(
            ConvolutionBlock(channels, channels), ConvolutionBlock(channels, 2 * channels), nn.Flatten()
        )
        rows, columns = (-(-places // 4) for places in self.patches.grid)
        self.readout = nn.Sequential(Linear(rows * columns * 2 * channels, features), nn.LayerNorm(features))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, F)."""
        out: Tensor = self.readout(self.blocks(self.patches(images)))
        return out
