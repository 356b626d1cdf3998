# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ThriftyDAgger: the expert is asked in novel and in risky states, whose switching thresholds keep to a budget.

Hoque et al. 2021, arXiv:2109.08273, algorithm 1 and section 4.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from il_ros.core.errors import ConfigError
from il_ros.gate.rules.base import Rule, Situation, positive, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class ThriftyDagger(Rule):
    """Ask the expert in the ``budget`` most novel and the ``budget`` riskiest share of states.

    The expert keeps control until both agree and the risk is an ordinary one: two thresholds, so that control does
    not go to and fro. Thresholds are ranks among the states that were visited, which the checkpoint knows.
    """

    initial = State.POLICY
    sources = ("policy", "expert")
    asks_doubts = True

    budget: float = 0.05
    """The share of states at which the expert is asked, for each of the two reasons."""
    agree: float = 0.1
    """Control goes back only where both differ by less than this share of the action's range."""
    calm: float = 0.5
    """And where the risk is lower than at this share of states."""

    def __post_init__(self) -> None:
        positive(self, "budget", "agree", "calm")
        if self.budget >= 1.0 or self.calm > 1.0:
            raise ConfigError(f"gating rule 'thrifty': budget {self.budget}, calm {self.calm} are shares, of at most 1")
        self._score = math.nan

    def decide(self, situation: Situation) -> Event | None:
        """Give control to the expert in novel and risky states, and back once both agree."""
        doubts = situation.doubts
        ranks = {"novelty": doubts.spread_rank, "risk": doubts.risk_rank}
        self.why = max(ranks, key=lambda name: ranks[name] if ranks[name] == ranks[name] else math.inf)
        self._score = ranks[self.why]
        if situation.state is State.EXPERT:
            done = situation.discrepancy < self.agree and doubts.risk_rank < self.calm
            return toward(not (done and self._score <= 1.0 - self.budget), situation)
        return toward(not self._score <= 1.0 - self.budget, situation)

    def score(self) -> float:
        """Return the higher of both ranks."""
        return self._score
