# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Keypoints: where in the image each of some learned features is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError
from il_ros.policies.vision.base import ImageEncoder, Patches

SIDE = 4


class SpatialSoftmaxEncoder(ImageEncoder):
    """F / 2 keypoints, the mean places of softmax maps (Levine 2016, arXiv:1504.00702, section 5.1).

    Raises:
        ConfigError: if ``features`` is odd: a keypoint is two numbers.
    """

    row: Tensor
    column: Tensor

    def __init__(self, size: tuple[int, int], width: int, features: int) -> None:
        super().__init__(size, width, features)
        if features % 2:
            raise ConfigError(
                f"encoder 'spatial_softmax': encoder_features is {features}; a keypoint is two numbers, choose an even "
                "number"
            )
        self.patches = Patches(size, SIDE, width)
        self.maps = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, features // 2, 1))
        rows, columns = self.patches.grid
        self.sharpness = nn.Parameter(torch.ones(features // 2, 1, 1))
        """Of each map's softmax: the inverse of its temperature."""
        self.register_buffer("row", torch.linspace(-1.0, 1.0, rows)[:, None], persistent=False)
        self.register_buffer("column", torch.linspace(-1.0, 1.0, columns), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, F): all columns of the keypoints, then all rows, from -1 to 1."""
        maps = self.maps(self.patches(images)) * self.sharpness  # (B, F / 2, rows, columns)
        share = maps.flatten(2).softmax(-1).reshape(maps.shape)
        return torch.cat([(share * self.column).sum((2, 3)), (share * self.row).sum((2, 3))], dim=1)
