# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of rollouts: success rate with its confidence interval (Wilson), and the entropy of the ways that succeed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from il_ros.core.errors import ConfigError


def wilson_interval(successes: int, episodes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval ``(low, high)`` of a success rate, both in [0, 1]; ``(0, 1)`` if there are no episodes.

    Unlike the textbook's ``p ± z sqrt(p (1 - p) / n)`` it is neither empty nor outside [0, 1] when all or none of the
    episodes succeed. Wilson 1927, doi:10.1080/01621459.1927.10502953; Brown et al. 2001, doi:10.1214/ss/1009213286.

    Raises:
        ConfigError: if the counts are not ``0 <= successes <= episodes``, or the confidence is not within (0, 1).
    """
    if not 0 <= successes <= episodes:
        raise ConfigError(f"successes {successes} must be 0 to {episodes}, the number of episodes; count again")
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence {confidence} must lie between 0 and 1; 0.95 is usual")
    if episodes == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    rate, spread = successes / episodes, z * z / episodes
    centre = (rate + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * math.sqrt(rate * (1.0 - rate) / episodes + spread / (4.0 * episodes))
    return max(0.0, min(rate, centre - half)), min(1.0, max(rate, centre + half))


def behaviour_entropy(behaviours: Iterable[Hashable], kinds: int) -> float:
    """Return how evenly the successful episodes use the ``kinds`` ways that there are: 0 for one way, 1 for all alike.

    ``-sum p log_n p`` over the behaviours of the *successful* episodes, with n = ``kinds``: 2 for ``fork``, 24 for
    ``avoid``. Jia et al. 2024 (D3IL), arXiv:2402.14606. No success at all gives 0.

    Raises:
        ConfigError: if ``kinds`` is less than two, or less than the kinds that were seen.
    """
    counts = Counter(behaviours)
    if kinds < 2 or len(counts) > kinds:
        raise ConfigError(f"kinds {kinds} must be at least {max(2, len(counts))}, the number of ways that were seen")
    total = sum(counts.values())
    return sum(n / total * math.log(total / n, kinds) for n in counts.values())


@dataclass(frozen=True)
class Success:
    """How many of a number of episodes succeeded; ``0 <= successes <= episodes``."""

    successes: int
    episodes: int

    def __post_init__(self) -> None:
        wilson_interval(self.successes, self.episodes)

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Success:
        """Count the outcomes, one an episode."""
        outcomes = list(outcomes)
        return cls(sum(map(bool, outcomes)), len(outcomes))

    @classmethod
    def together(cls, parts: Iterable[Mapping[str, Any]]) -> Success:
        """Add up what ``to_dict`` returned of several, none of them without episodes."""
        parts = list(parts)
        successes = round(sum(part["success"] * part["episodes"] for part in parts))
        return cls(successes, sum(part["episodes"] for part in parts))

    @property
    def rate(self) -> float:
        """The share that succeeded, in [0, 1]; NaN without episodes."""
        return self.successes / self.episodes if self.episodes else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the rate."""
        return wilson_interval(self.successes, self.episodes)

    def to_dict(self) -> dict[str, Any]:
        """Return ``success`` (the rate), ``episodes`` and ``interval``; the rate is None without episodes."""
        rate = self.rate if self.episodes else None
        return {"success": rate, "episodes": self.episodes, "interval": list(self.interval)}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.successes}/{self.episodes} = {100 * self.rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
