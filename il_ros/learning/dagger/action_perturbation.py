# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Mistakes on purpose, so that policies of different rules err alike often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from il_ros.core.errors import ConfigError


@dataclass(frozen=True)
class ActionPerturbation:
    """Mistakes that are put into a policy's hands: now and then it does something else for a while.

    So every policy errs alike often, whatever it has learned, and what can be compared is what comes of it. This is
    the mistake of probability epsilon of Ross and Bagnell 2010, section 2. Whether a step begins a lapse depends on
    the episode's seed and on the step alone, not on chunks.
    """

    rate: float = 0.0
    """The probability that a lapse begins, at each step."""
    steps: int = 6
    """How long it lasts; all the while the same action is taken."""
    reach: float = 1.0
    """From how much of the contract's range, about its middle, that action is drawn."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ConfigError(f"lapses: rate is {self.rate}; it is a probability a step, from 0 to 1")
        if not 0.0 < self.reach <= 1.0:
            raise ConfigError(f"lapses: reach is {self.reach}; it is a share of the action's range, above 0, up to 1")
        if self.steps < 1:
            raise ConfigError(f"lapses: steps is {self.steps}; it must be at least 1")

    def at(self, episode: int, step: int) -> np.random.Generator | None:
        """Return what the lapse at this step draws its action from; None if there is none."""
        for first in range(step, step - self.steps, -1):
            drawn = mix(mix(episode ^ LAPSE) ^ first)
            if first >= 0 and drawn < self.rate * 2**63:
                return np.random.default_rng(drawn)
        return None


LAPSE = 0x6C61707365
"""Tells the draws of lapses from those of chunks."""


def mix(value: int) -> int:
    """Spread neighbouring numbers over 63 bits: the finalizer of SplitMix64 (Steele 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (value ^ (value >> 31)) & 0x7FFFFFFFFFFFFFFF
