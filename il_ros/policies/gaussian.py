# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A single Gaussian over the whole chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from il_ros.policies.base import PolicyConfig
from il_ros.policies.mixture import Mixture, MixtureConfig


@dataclass(frozen=True)
class GaussianConfig(MixtureConfig):
    """The options of a Gaussian beside the sizes."""

    components: int = 1
    min_std: float = 0.02
    sample_scale: float = 1.0
    """Share of the learned standard deviation that drawn chunks have."""


class Gaussian(Mixture):
    """A mixture of one: mean and standard deviation of every number of the chunk.

    It knows how sure it is, which L2 regression does not; but where two experts disagree its mean lies between them all
    the same, and its deviation shows only how far apart they are (Bishop 1994, section 2).
    """

    draws = False
    Config: ClassVar[type[PolicyConfig]] = GaussianConfig
