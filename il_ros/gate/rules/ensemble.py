# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""EnsembleDAgger: the policy drives only where it does as the expert would and is sure of it.

Menda, Driggs-Campbell and Kochenderfer 2019, arXiv:1807.08364, algorithm 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from il_ros.gate.rules.base import Rule, Situation, positive, toward
from il_ros.gate.state_machine import Event, State


@dataclass
class EnsembleDagger(Rule):
    """Both thresholds must be kept; a policy without an uncertainty, or without an expert's answer, is not trusted."""

    initial = State.POLICY
    sources = ("policy", "expert")
    asks_doubts = True

    discrepancy: float = 0.1
    """The most by which policy and expert may differ, as a share of the action's range (the paper's tau)."""
    doubt: float = 0.2
    """The greatest spread of the members, in halves of the demonstrated range (the paper's chi)."""

    def __post_init__(self) -> None:
        positive(self, "discrepancy", "doubt")
        self._score = math.nan

    def decide(self, situation: Situation) -> Event | None:
        """Give control to the policy while both thresholds hold, else to the expert."""
        shares = (situation.discrepancy / self.discrepancy, situation.doubts.spread / self.doubt)
        self._score = float(np.max(shares))  # NaN if one of them is
        self.why = "discrepancy" if shares[0] >= shares[1] else "doubt"
        return toward(not self._score <= 1.0, situation)

    def score(self) -> float:
        """Return the worse of both, as a share of its threshold; above 1 the expert drives."""
        return self._score
