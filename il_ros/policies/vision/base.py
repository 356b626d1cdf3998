# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of every image encoder, and the patches that all of ours begin with."""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn

from il_ros.core import plugins
from il_ros.core.errors import ConfigError
from il_ros.policies.layers import Linear

LEVELS = 127.5
"""Half the range of a colour: levels from 0 to 255 become numbers from -1 to 1."""


class ImageEncoder(nn.Module, abc.ABC):
    """Turns the images of one camera into features.

    A new encoder is one file in this package, or a module of another package that is named with its dots.

    Args:
        size: (H, W) of the images, pixels.
        width: channels of its layers.
        features: F, numbers that an image becomes.
    """

    def __init__(self, size: tuple[int, int], width: int, features: int) -> None:
        super().__init__()
        self.size, self.width, self.features = size, width, features

    @abc.abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), RGB, uint8 or float levels from 0 to 255, to features (B, F)."""


class Patches(nn.Module):
    """Cuts images into squares that do not overlap, and maps each by one linear layer (Dosovitskiy 2020, section 3.1).

    Full resolution is what costs time in a small network, so it is left in the first layer. Pixels at the right and
    lower edge that fill no square are not seen.

    Args:
        size: (H, W) of the images, pixels.
        side: of a square, pixels.
        width: channels of the result.

    Raises:
        ConfigError: if the image has fewer than ``LEAST`` squares on a side.
    """

    LEAST = 4

    def __init__(self, size: tuple[int, int], side: int, width: int) -> None:
        super().__init__()
        self.side, self.grid = side, (size[0] // side, size[1] // side)
        if min(self.grid) < self.LEAST:
            raise ConfigError(
                f"encoder: an image of {size[1]} x {size[0]} pixels is too small for patches of {side}; make it at "
                f"least {self.LEAST * side} on each side in the contract, or set 'encoder: none'"
            )
        self.linear = Linear(3 * side * side, width, "relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) levels to (B, width, H / side, W / side)."""
        (rows, columns), side = self.grid, self.side
        cut = images[:, :, : rows * side, : columns * side].permute(0, 2, 3, 1)  # of uint8 (B, H, W, 3) just a view
        squares = cut.reshape(-1, rows, side, columns, side, 3).transpose(2, 3).reshape(-1, 3 * side * side)
        seen: Tensor = self.linear(squares.to(torch.float32).sub_(LEVELS).mul_(1 / LEVELS))
        return seen.reshape(-1, rows, columns, seen.shape[-1]).permute(0, 3, 1, 2)


def create_encoder(name: str, size: tuple[int, int], width: int, features: int) -> ImageEncoder:
    """Return a fresh encoder of the class called ``name``; its weights are drawn from torch's global generator.

    Raises:
        ConfigError: if there is none, or the images are too small for it.
    """
    cls: type[ImageEncoder] = plugins.load("image encoder", name)
    return cls(size, width, features)
