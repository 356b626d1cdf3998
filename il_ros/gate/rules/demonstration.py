# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A demonstration: the expert drives from the first step, and when he lets go the arm holds."""

from __future__ import annotations

from il_ros.gate.rules import Rule, Situation
from il_ros.gate.table import Event, State


class Demonstration(Rule):
    """No policy is listened to."""

    initial = State.EXPERT
    sources = ("expert",)

    def decide(self, situation: Situation) -> Event | None:
        """Engaging takes over again; letting go is as if the expert were lost, so the arm holds."""
        if situation.engaged and situation.state is not State.EXPERT:
            return Event.TAKE_OVER
        if not situation.engaged and situation.state is State.EXPERT:
            return Event.EXPERT_LOST
        return None
