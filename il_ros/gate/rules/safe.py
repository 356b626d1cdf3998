# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SafeDAgger: the policy drives wherever a critic foresees that the expert would do the same.

Zhang and Cho 2017, arXiv:1605.06450, section 3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from il_ros.gate.rules.base import Rule, Situation, positive, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class SafeDagger(Rule):
    """One threshold, both ways; the expert is not asked in order to know."""

    initial = State.POLICY
    sources = ("policy", "expert")
    asks_doubts = True

    deviation: float = 0.5
    """The probability of doing otherwise from which on the expert drives."""

    def __post_init__(self) -> None:
        positive(self, "deviation")
        self._score = math.nan

    def decide(self, situation: Situation) -> Event | None:
        """Give control to the expert above the threshold, else to the policy."""
        self._score = situation.doubts.deviation
        return toward(not self._score <= self.deviation, situation)

    def score(self) -> float:
        """Return the probability."""
        return self._score
