# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""LazyDAgger: the expert is asked where a critic predicts a deviation, and keeps control until both agree.

Hoque et al. 2021, arXiv:2104.00053, algorithm 1; without the noise that the paper adds to the expert's actions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from il_ros.gate.rules.base import Rule, Situation, positive, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class LazyDagger(Rule):
    """To the expert by what is foreseen, back by what is seen: so there are fewer switches, and each is longer."""

    initial = State.POLICY
    sources = ("policy", "expert")
    asks_doubts = True

    deviation: float = 0.5
    """The probability of a deviation above which the expert is asked."""
    agree: float = 0.02
    """Control goes back where both differ by less than this share of the action's range."""

    def __post_init__(self) -> None:
        positive(self, "deviation", "agree")
        self._score = math.nan

    def decide(self, situation: Situation) -> Event | None:
        """Give control to the expert where a deviation is predicted, and back once both agree."""
        if situation.state is State.EXPERT:
            self._score, self.why = situation.discrepancy, "discrepancy"
            return toward(not self._score < self.agree, situation)
        self._score, self.why = situation.doubts.deviation, "deviation"
        return toward(not self._score <= self.deviation, situation)

    def score(self) -> float:
        """Return what is foreseen while the policy drives, what is seen while the expert does."""
        return self._score
