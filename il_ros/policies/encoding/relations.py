# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the points of an observation lie to each other: what handling depends on, where places alone do not tell it."""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import Tensor, nn

from il_ros.core.contract import Geometry

FINE = 0.1
"""The finer of the two scales, as a share of the coarser."""
TINY_M = 1e-6
"""Added to distances, so that the direction between equal places is none."""


class Relations(nn.Module):
    """Features of all pairs of points and of headings, beside the numbers of an observation.

    Of the vector v between two points, with its length as a further component, the features are v / (|v| + s) for two
    scales s: in proportion to v where the points are much nearer than s, its direction where they are farther. The
    coarser scale is the root mean square of the distances in the training data, and the finer a tenth of that, so that
    a network resolves millimetres near a goal that it has come to from half a metre. Of two headings they are cosine
    and sine of the angle between them.

    Numbers are taken back to real units, since each component of an observation is normalised by a range of its own.

    Args:
        geometry: which components are points and headings.
        dim: Do, components of an observation.
    """

    pairs: Tensor
    turns: Tensor
    offset: Tensor
    scale: Tensor
    scales: Tensor

    def __init__(self, geometry: Geometry, dim: int) -> None:
        super().__init__()
        self.geometry = geometry
        points, headings = list(geometry.points.values()), list(geometry.headings.values())
        pairs = [_in_space(*pair) for pair in combinations(points, 2)]
        turns = list(combinations(headings, 2))
        self._pair_count, self._turn_count = len(pairs), len(turns)
        for name, indices, shape in (("pairs", pairs, (-1, 2, 3)), ("turns", turns, (-1, 2, 2))):
            self.register_buffer(name, torch.tensor(indices, dtype=torch.long).reshape(shape), persistent=False)
        for name, size in (("offset", dim), ("scale", dim), ("scales", 2)):
            self.register_buffer(name, torch.ones(size))

    @staticmethod
    def count(geometry: Geometry) -> int:
        """Return R, how many numbers are added to an observation."""
        points, headings = len(geometry.points), len(geometry.headings)
        return 8 * math.comb(points, 2) + 2 * math.comb(headings, 2)

    def calibrate(self, offset: Tensor, scale: Tensor) -> None:
        """Take over how observations are normalised: ``(x - offset) / scale``, both (Do,)."""
        self.offset.copy_(offset)
        self.scale.copy_(scale)

    def fit(self, observations: Tensor) -> None:
        """Choose the scales by observations (N, Do), normalised."""
        if self._pair_count:
            typical = self._between(self._real(observations)).square().sum(-1).mean().sqrt()
            self.scales.copy_(torch.stack([typical, FINE * typical]))

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, Do), normalised, to (B, R)."""
        real = self._real(observations)
        parts = []
        if self._pair_count:
            between = self._between(real)  # (B, P, 3)
            length = between.square().sum(-1, keepdim=True).sqrt()
            far = torch.cat([between, length], -1)[..., None, :]  # (B, P, 1, 4)
            parts.append((far / (length + TINY_M + self.scales)[..., None]).flatten(1))
        if self._turn_count:
            first, second = real[..., self.turns].unbind(-2)  # (B, R, 2)
            cosine = (first * second).sum(-1)
            sine = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
            parts += [cosine, sine]
        return torch.cat(parts, -1)

    def _real(self, observations: Tensor) -> Tensor:
        return observations * self.scale + self.offset

    def _between(self, real: Tensor) -> Tensor:
        first, second = real[..., self.pairs].unbind(-2)
        vectors: Tensor = second - first
        return vectors


def _in_space(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return three components of each point; the third is one and the same for both if one of them lies in a plane."""
    if len(first) == len(second) == 3:
        return first, second
    return (*first[:2], first[0]), (*second[:2], first[0])
