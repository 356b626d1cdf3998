# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy of any class behind what encodes its observations: relations between points, and images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from il_ros.core.contract import Geometry
from il_ros.policies.base import Policy, create
from il_ros.policies.encoding.relations import Relations
from il_ros.policies.vision.config import Vision


class EncodedPolicy(Policy):
    """A policy of any class whose observations are numbers, what follows from them, and the features of images.

    The relations of the newest observation's points and the features of the newest image of each camera stand beside
    the numbers of every observation: (B, To, Do + R + F). Relations of older observations, too, would show so well how
    fast things move that a policy goes on as it went, and learns to repeat its actions instead of the expert's (the
    copycat problem, Wen 2020, arXiv:2010.14876). Encoders and policy are trained together. All methods but ``encode``
    and ``prepare`` take observations that ``encode`` returned.

    Args:
        policy: whose observations have R + F numbers more than are measured.
        measured: Do.
        relations: of the points; None without.
        vision: the cameras; None without.
        encoders: one a camera, in their order.
    """

    policy: Policy

    def __init__(
        self,
        policy: Policy,
        measured: int,
        relations: Relations | None,
        vision: Vision | None,
        encoders: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__(policy.config)
        self._measured, self.vision = measured, vision
        self.policy, self.relations, self.encoders = policy, relations, nn.ModuleList(encoders)

    @property
    def cameras(self) -> Mapping[str, tuple[int, int]]:
        """Height and width of the images that it sees, by the name of the camera."""
        return {} if self.vision is None else self.vision.cameras

    @property
    def measured_dim(self) -> int:
        """Do, numbers of an observation that are measured."""
        return self._measured

    def encode(self, observations: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Return (B, To, Do + R + F) of numbers (B, To, Do) and the newest images, uint8 (B, H, W, 3) a camera."""
        seen = [] if self.relations is None else [self.relations(observations[:, -1])]
        seen += [encoder(one.permute(0, 3, 1, 2)) for encoder, one in zip(self.encoders, images)]
        return _beside(observations, seen)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return what the policy class returns: (B,)."""
        return self.policy.loss(observations, actions, mask, generator)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history: (B, Ta, Da)."""
        return self.policy.sample(observations, generator)

    @property
    def prefix_rows(self) -> int:
        """Those of the policy class."""
        return self.policy.prefix_rows

    def sample_after(self, observations: Tensor, prefix: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history that begins with ``prefix`` (B, n, Da): (B, Ta, Da)."""
        return self.policy.sample_after(observations, prefix, generator)

    def spread(self, observations: Tensor) -> Tensor | None:
        """Return what the policy class returns: (B,) or None."""
        return self.policy.spread(observations)

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return what the policy class returns: (B,)."""
        return self.policy.log_likelihood(observations, actions, mask)

    def prepare(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """Let relations and policy class see the windows' numbers; features of images, yet unknown, are zeros."""
        newest = observations[:, -1]
        seen = [] if self.vision is None else [newest.new_zeros(len(newest), self.vision.total)]
        if self.relations is not None:
            self.relations.fit(newest)
            seen = [self.relations(newest), *seen]
        self.policy.prepare(_beside(observations, seen), actions, mask, generator)

    def frozen(self) -> Policy:
        """Return a copy for inference, whose policy is frozen; it draws the same chunks."""
        relations, encoders = copy.deepcopy((self.relations, list(self.encoders)))
        served = EncodedPolicy(self.policy.frozen(), self._measured, relations, self.vision, encoders)
        return served.eval().requires_grad_(False)

    def is_like(self, other: Policy) -> bool:
        """Return whether the weights of ``other`` fit: class, sizes, points, cameras and encoders are the same."""
        return (
            isinstance(other, EncodedPolicy)
            and self.vision == other.vision
            and geometry_of(self) == geometry_of(other)
            and self.policy.is_like(other.policy)
        )


def _beside(observations: Tensor, seen: Sequence[Tensor]) -> Tensor:
    """Return (B, To, Do + F): what is seen now, (B, F) in parts, beside the numbers of every observation."""
    features = torch.cat(list(seen), dim=1)[:, None].expand(-1, observations.shape[1], -1)
    return torch.cat([observations, features], dim=2)


def geometry_of(policy: Policy) -> Geometry | None:
    """Return the points and headings between which a policy sees relations; None if it sees none."""
    relations = policy.relations if isinstance(policy, EncodedPolicy) else None
    return None if relations is None else relations.geometry


def added_dim(geometry: Geometry | None, vision: Vision | None) -> int:
    """Return R + F, how many numbers stand beside those that are measured."""
    related = 0 if geometry is None else Relations.count(geometry)
    return related + (0 if vision is None else vision.total)


def create_encoded(
    name: str, sizes: Mapping[str, Any], seed: int, geometry: Geometry | None = None, vision: Vision | None = None
) -> Policy:
    """Return a fresh policy of the class called ``name`` behind what encodes its observations, if anything does.

    Equal seeds give equal weights.

    Args:
        name: as for ``create``.
        sizes: the keys of the class' ``Config``; ``observation_dim`` is that of what is measured.
        seed: of the first weights.
        geometry: points and headings, whose relations it sees.
        vision: the cameras and their encoder.

    Raises:
        ConfigError: if there is no such class or encoder, or an image is too small.
    """
    measured = int(sizes["observation_dim"])
    added = added_dim(geometry, vision)
    policy = create(name, {**sizes, "observation_dim": measured + added}, seed)
    if not added:
        return policy
    relations = Relations(geometry, measured) if geometry is not None and Relations.count(geometry) else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = [] if vision is None else vision.encoders()
    return EncodedPolicy(policy, measured, relations, vision, encoders)
