# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""HG-DAgger's learned threshold as a gate: the expert drives where the policy is in more doubt than people bear.

Kelly et al. 2019, arXiv:1810.02890, section III-C: the threshold is the mean doubt at the last quarter of the
take-overs; the ledger reports it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from il_ros.gate.rules.base import Rule, Situation, positive, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class UncertaintyThreshold(Rule):
    """Above the threshold the expert drives, below it the policy."""

    initial = State.POLICY
    sources = ("policy", "expert")
    asks_doubts = True

    threshold: float = 0.2
    """In halves of the range of what was demonstrated."""

    def __post_init__(self) -> None:
        positive(self, "threshold")
        self._score = math.nan

    def decide(self, situation: Situation) -> Event | None:
        """Compare the uncertainty with the threshold."""
        self._score = situation.doubts.spread
        return toward(not self._score <= self.threshold, situation)

    def score(self) -> float:
        """Return the uncertainty."""
        return self._score
