# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sirius: four classes of steps, each with the weight of its trust; what led to an intervention has none.

Liu et al. 2023, arXiv:2211.08416, section IV-B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.learning.data.labels.base import Labels, Scheme, by_mass, is_driven_by
from il_ros.learning.data.labels.iwr import steps_of, trusted

DEMONSTRATION, ROLLOUT, INTERVENTION, BEFORE = range(4)


@dataclass(frozen=True)
class Sirius(Scheme):
    """Interventions get ``share``, demonstrations what they make up of the data, the policy's own steps the rest."""

    share: float = 0.5
    """Of the interventions."""
    before_s: float = 0.75
    """How long before a take-over the policy was wrong already: what a watcher needs to see it and to act."""

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ConfigError(f"label scheme 'sirius': share is {self.share}; it must be between 0 and 1")
        if not 0.0 <= self.before_s < 3600.0:
            raise ConfigError(f"label scheme 'sirius': before_s is {self.before_s}; it must be from 0 to an hour")

    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """Return weights by class."""
        classes = [self.classes(episode) for episode in episodes]
        together = np.concatenate(classes)
        counts = np.bincount(together[together >= 0], minlength=4)
        demonstrated = counts[DEMONSTRATION] / max(1, counts.sum())
        rest = max(0.0, 1.0 - self.share - demonstrated)
        mass = {DEMONSTRATION: demonstrated, ROLLOUT: rest, INTERVENTION: self.share}
        weights = by_mass([np.where(kinds == BEFORE, -1, kinds) for kinds in classes], mass)
        return [
            trusted(episode, (kinds >= 0) & (weight > 0), weight)
            for episode, kinds, weight in zip(episodes, classes, weights)
        ]

    def classes(self, episode: Episode) -> Array:
        """Return (T,) the class of each step; -1 where it teaches nothing."""
        known = steps_of(episode)
        classes = np.where(episode.intervention > 0, INTERVENTION, DEMONSTRATION)
        classes[is_driven_by(episode, Authority.POLICY)] = ROLLOUT
        for start, _, authority in episode.spans():
            if authority is Authority.EXPERT and episode.intervention[start] > 0:
                early = episode.stamps_ns[start] - episode.stamps_ns <= round(self.before_s * 1e9)
                classes[early & (episode.stamps_ns < episode.stamps_ns[start]) & (classes == ROLLOUT)] = BEFORE
        settled: Array = np.where(known < 0, -1, classes)
        return settled
