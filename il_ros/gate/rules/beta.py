# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""DAgger's mixture: at each decision a coin decides who drives, and the expert labels every state.

Ross, Gordon and Bagnell 2011, arXiv:1011.0686, algorithm 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.gate.rules.base import Rule, Situation, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class BetaMixture(Rule):
    """The expert drives with probability ``beta``; 0, as from the second round on, leaves all to the policy."""

    initial = State.POLICY
    sources = ("policy", "expert")

    beta: float = 0.0
    every: int = 1
    """Steps between two tosses; for a policy that acts by chunks, as many as it executes."""
    _tossed: int = field(default=0, init=False, repr=False)
    _expert: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.beta <= 1.0:
            raise ConfigError(f"gating rule 'beta': beta is {self.beta}; it must be from 0 to 1")
        if self.every < 1:
            raise ConfigError(f"gating rule 'beta': every is {self.every}; it must be at least 1")
        self.reset(np.random.default_rng(0))

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode; the first step has a toss of its own."""
        self._rng, self._tossed = rng, 0

    def decide(self, situation: Situation) -> Event | None:
        """Toss when it is time."""
        if self._tossed % self.every == 0:
            self._expert = bool(self._rng.random() < self.beta)
        self._tossed += 1
        return toward(self._expert, situation)

    def score(self) -> float:
        """Return the probability."""
        return self.beta
