# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which images a policy sees, and what encodes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from il_ros.core.errors import ConfigError
from il_ros.policies.vision.base import create_encoder


@dataclass(frozen=True)
class Vision:
    """Which images a policy sees, and what encodes them.

    Raises:
        ConfigError: if a number is not positive, or no camera is named.
    """

    cameras: Mapping[str, tuple[int, int]]
    """By the camera's name in the contract: height and width of its images, pixels."""
    encoder: str = "patch"
    """The encoder class, by its file's name or a dotted module name."""
    width: int = 32
    """Channels of its layers."""
    features: int = 64
    """Numbers that an image becomes."""

    def __post_init__(self) -> None:
        sizes = [self.width, self.features, *(side for size in self.cameras.values() for side in size)]
        if not self.cameras or min(sizes) < 1:
            raise ConfigError(f"vision: {self}; name a camera, and give numbers of at least 1")

    @property
    def total(self) -> int:
        """Numbers that all images of a step become."""
        return len(self.cameras) * self.features

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form; ``from_dict`` is its inverse."""
        return {**vars(self), "cameras": {name: list(size) for name, size in self.cameras.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Vision:
        """Read the plain form."""
        cameras = {name: (int(height), int(width)) for name, (height, width) in data["cameras"].items()}
        return cls(cameras, str(data["encoder"]), int(data["width"]), int(data["features"]))

    def encoders(self) -> list[nn.Module]:
        """Make an encoder for each camera, in their order; its first weights come from torch's global generator.

        Raises:
            ConfigError: if there is no such encoder, or an image is too small.
        """
        return [create_encoder(self.encoder, size, self.width, self.features) for size in self.cameras.values()]
