# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy that sees images: one encoder a camera, and a policy class behind them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create
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


class ImagePolicy(Policy):
    """A policy of any class whose observations are numbers and the features of images.

    The features of the newest image of each camera stand beside the numbers of every observation: (B, To, Do + F).
    Encoders and policy are trained together. All methods but ``encode`` take observations that it returned.

    Args:
        policy: whose observations have ``vision.total`` numbers more than are measured.
        vision: of the encoders.
        encoders: one a camera, in their order.
    """

    policy: Policy

    def __init__(self, policy: Policy, vision: Vision, encoders: Sequence[nn.Module]) -> None:
        super().__init__(policy.config)
        self.vision, self.policy, self.encoders = vision, policy, nn.ModuleList(encoders)

    @property
    def cameras(self) -> Mapping[str, tuple[int, int]]:
        """Height and width of the images that it sees, by the name of the camera."""
        return self.vision.cameras

    @property
    def measured_dim(self) -> int:
        """Do, numbers of an observation that are measured."""
        return self.config.observation_dim - self.vision.total

    def encode(self, observations: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Return (B, To, Do + F) of numbers (B, To, Do) and the newest images, uint8 (B, H, W, 3) of each camera."""
        seen = [encoder(one.permute(0, 3, 1, 2)) for encoder, one in zip(self.encoders, images)]
        features = torch.cat(seen, dim=1)[:, None].expand(-1, observations.shape[1], -1)
        return torch.cat([observations, features], dim=2)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return what the policy class returns: (B,)."""
        return self.policy.loss(observations, actions, mask, generator)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history: (B, Ta, Da)."""
        return self.policy.sample(observations, generator)

    def spread(self, observations: Tensor) -> Tensor | None:
        """Return what the policy class returns: (B,) or None."""
        return self.policy.spread(observations)

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return what the policy class returns: (B,)."""
        return self.policy.log_likelihood(observations, actions, mask)

    def prepare(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """Let the policy class see the windows' numbers; features, which nothing is known of yet, are zeros."""
        shown = nn.functional.pad(observations, (0, self.vision.total))
        self.policy.prepare(shown, actions, mask, generator)

    def frozen(self) -> Policy:
        """Return a copy for inference, whose policy is frozen; it draws the same chunks."""
        encoders = copy.deepcopy(self.encoders).eval().requires_grad_(False)
        return ImagePolicy(self.policy.frozen(), self.vision, list(encoders)).eval()

    def is_like(self, other: Policy) -> bool:
        """Return whether the weights of ``other`` fit: class, sizes, cameras and encoders are the same."""
        return isinstance(other, ImagePolicy) and self.vision == other.vision and self.policy.is_like(other.policy)


def create_image_policy(name: str, sizes: Mapping[str, Any], seed: int, vision: Vision) -> ImagePolicy:
    """Return a fresh policy of the class called ``name`` that sees images; equal seeds give equal weights.

    Args:
        name: as for ``create``.
        sizes: the keys of the class' ``Config``; ``observation_dim`` includes the features.
        seed: of the first weights.
        vision: the cameras and their encoder.

    Raises:
        ConfigError: if there is no such class or encoder, or an image is too small.
    """
    policy = create(name, sizes, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = [
            create_encoder(vision.encoder, size, vision.width, vision.features) for size in vision.cameras.values()
        ]
    return ImagePolicy(policy, vision, encoders)
