# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Intervention-weighted regression (IWR): all steps are labels; interventions weigh as much as all the others.

Mandlekar et al. 2020, arXiv:2012.06733, section IV-B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.learning.data.labels.base import Labels, Scheme, by_mass, is_driven_by, wanted

REST, INTERVENTION = range(2)


@dataclass(frozen=True)
class InterventionWeighted(Scheme):
    """All steps of interventions together get ``share`` of the weight; all others, the policy's own too, the rest.

    A policy that was left alone was right, in the eyes of who watched. Where an episode failed it was not, so of failed
    rollouts the policy's own steps are left out, which the paper does not say.
    """

    share: float = 0.5
    """Of the interventions."""

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ConfigError(f"label scheme 'iwr': share is {self.share}; it must be between 0 and 1")

    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """Return weights by class."""
        classes = [steps_of(episode) for episode in episodes]
        weights = by_mass(classes, {REST: 1.0 - self.share, INTERVENTION: self.share})
        return [trusted(episode, kinds >= 0, weight) for episode, kinds, weight in zip(episodes, classes, weights)]


def steps_of(episode: Episode) -> Array:
    """Return (T,) the class of each step; -1 where nobody drove, or the policy did and failed."""
    classes = np.full(len(episode), REST)
    classes[episode.intervention > 0] = INTERVENTION
    classes[is_driven_by(episode, Authority.HOLD)] = -1
    if not episode.info.is_success:
        classes[is_driven_by(episode, Authority.POLICY)] = -1
    return classes


def trusted(episode: Episode, is_label: Array, weight: Array) -> Labels:
    """Label steps with the expert's action where the expert drove, and with the executed one where the policy did."""
    driven = is_driven_by(episode, Authority.EXPERT)
    actions = np.where(driven[:, None], wanted(episode), episode.executed).astype(np.float32)
    return Labels(actions, is_label, weight, driven, is_label)
