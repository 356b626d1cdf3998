# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy of any class behind what encodes its observations: relations between points, images, and sequences."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from il_ros.core.contract import Geometry
from il_ros.core.errors import unknown
from il_ros.policies.base import Policy, PolicyConfig, create
from il_ros.policies.encoding.relations import Relations
from il_ros.policies.encoding.sequences import FEATURES, SEQUENCES, SequenceEncoder
from il_ros.policies.vision.config import Vision


class EncodedPolicy(Policy):
    """A policy of any class whose observations are numbers, what follows from them, and the features of images.

    The relations of the newest observation's points and the features of the newest image of each camera stand beside
    the numbers of every observation: (B, To, Do + R + F). Relations of older observations, too, would show so well how
    fast things move that a policy goes on as it went, and learns to repeat its actions instead of the expert's (the
    copycat problem, Wen 2020, arXiv:2010.14876). With a sequence encoder the policy is shown the newest observation
    alone, and beside it what all of them become: (B, 1, Do + R + F + S). Encoders and policy are trained together. All
    methods but ``encode`` and ``prepare`` take observations that ``encode`` returned.

    Args:
        policy: whose observations have R + F numbers more than are measured, and S with a sequence encoder.
        n_obs_steps: To.
        measured: Do.
        relations: of the points; None without.
        vision: the cameras; None without.
        encoders: one a camera, in their order.
        sequence: what reads the observations as a sequence; None where they stand side by side.
    """

    policy: Policy

    def __init__(
        self,
        policy: Policy,
        n_obs_steps: int,
        measured: int,
        relations: Relations | None,
        vision: Vision | None,
        encoders: Sequence[nn.Module] = (),
        sequence: SequenceEncoder | None = None,
    ) -> None:
        dim = policy.config.observation_dim - (0 if sequence is None else FEATURES)
        super().__init__(dataclasses.replace(policy.config, n_obs_steps=n_obs_steps, observation_dim=dim))
        self._measured, self.vision = measured, vision
        self.policy, self.relations, self.encoders = policy, relations, nn.ModuleList(encoders)
        self.sequence = sequence

    @property
    def cameras(self) -> Mapping[str, tuple[int, int]]:
        """Height and width of the images that it sees, by the name of the camera."""
        return {} if self.vision is None else self.vision.cameras

    @property
    def measured_dim(self) -> int:
        """Do, numbers of an observation that are measured."""
        return self._measured

    @property
    def encoded_dim(self) -> int:
        """How many numbers ``encode`` makes of a history."""
        return self.policy.encoded_dim

    def encode(self, observations: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Return what the policy class is shown of numbers (B, To, Do) and newest images, uint8 (B, H, W, 3) a camera.

        That is (B, To, Do + R + F), and with a sequence encoder (B, 1, Do + R + F + S).
        """
        return self._shown(observations, [e(one.permute(0, 3, 1, 2)) for e, one in zip(self.encoders, images)])

    def _shown(self, observations: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return what ``encode`` does, for the features (B, F) of images, in parts."""
        beside = [] if self.relations is None else [self.relations(observations[:, -1])]
        beside += features
        if self.sequence is not None:
            beside.append(self.sequence(observations))
            observations = observations[:, -1:]
        if not beside:
            return observations
        every = torch.cat(beside, dim=1)[:, None].expand(-1, observations.shape[1], -1)
        return torch.cat([observations, every], dim=2)

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
        if self.relations is not None:
            self.relations.fit(newest)
        features = [] if self.vision is None else [newest.new_zeros(len(newest), self.vision.total)]
        with torch.no_grad():
            self.policy.prepare(self._shown(observations, features), actions, mask, generator)

    def frozen(self) -> Policy:
        """Return a copy for inference, whose policy is frozen; it draws the same chunks."""
        relations, encoders, sequence = copy.deepcopy((self.relations, list(self.encoders), self.sequence))
        sizes = self.config.n_obs_steps, self._measured
        served = EncodedPolicy(self.policy.frozen(), *sizes, relations, self.vision, encoders, sequence)
        return served.eval().requires_grad_(False)

    def is_like(self, other: Policy) -> bool:
        """Return whether the weights of ``other`` fit: class, sizes, points, cameras and encoders are the same."""
        return (
            isinstance(other, EncodedPolicy)
            and self.vision == other.vision
            and self.config.n_obs_steps == other.config.n_obs_steps
            and sequence_of(self) == sequence_of(other)
            and geometry_of(self) == geometry_of(other)
            and self.policy.is_like(other.policy)
        )


def geometry_of(policy: Policy) -> Geometry | None:
    """Return the points and headings between which a policy sees relations; None if it sees none."""
    relations = policy.relations if isinstance(policy, EncodedPolicy) else None
    return None if relations is None else relations.geometry


def sequence_of(policy: Policy) -> str:
    """Return the name of what reads a policy's observations as a sequence; empty where they stand side by side."""
    return policy.sequence.name if isinstance(policy, EncodedPolicy) and policy.sequence is not None else ""


def added_dim(geometry: Geometry | None, vision: Vision | None) -> int:
    """Return R + F, how many numbers stand beside those that are measured."""
    related = 0 if geometry is None else Relations.count(geometry)
    return related + (0 if vision is None else vision.total)


def create_encoded(
    name: str,
    sizes: Mapping[str, Any],
    seed: int,
    geometry: Geometry | None = None,
    vision: Vision | None = None,
    sequence: str = "",
) -> Policy:
    """Return a fresh policy of the class called ``name`` behind what encodes its observations, if anything does.

    Equal seeds give equal weights.

    Args:
        name: as for ``create``.
        sizes: the keys of the class' ``Config``; ``observation_dim`` is that of what is measured.
        seed: of the first weights.
        geometry: points and headings, whose relations it sees.
        vision: the cameras and their encoder.
        sequence: what reads the observations as a sequence, one of ``SEQUENCES``; empty: they stand side by side.

    Raises:
        ConfigError: if there is no such class or encoder, or an image is too small.
    """
    measured, steps = int(sizes["observation_dim"]), int(sizes.get("n_obs_steps", PolicyConfig.n_obs_steps))
    if sequence and sequence not in SEQUENCES:
        raise unknown("sequence", sequence, SEQUENCES)
    shown = {"observation_dim": measured + added_dim(geometry, vision)}
    if sequence:
        shown = {"observation_dim": shown["observation_dim"] + FEATURES, "n_obs_steps": 1}
    policy = create(name, {**sizes, **shown}, seed)
    if not sequence and shown["observation_dim"] == measured:
        return policy
    relations = Relations(geometry, measured) if geometry is not None and Relations.count(geometry) else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = [] if vision is None else vision.encoders()
        reader = SEQUENCES[sequence](measured, steps, FEATURES) if sequence else None
    return EncodedPolicy(policy, steps, measured, relations, vision, encoders, reader)
