# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""SafeDAgger: the policy drives wherever a critic foresees that the expert would do the same.

Zhang and Cho 2017, arXiv:1605.06450, section 3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from il_ros.gate.rules import Rule, Situation, positive, toward
from il_ros.gate.table import Event, State


@dataclass
class Safe(Rule):
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
        """Trust the policy, or not."""
        self._score = situation.doubts.deviation
        return toward(not self._score <= self.deviation, situation)

    def score(self) -> float:
        """The probability."""
        return self._score
