# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A demonstration: the expert drives from the first step, and the arm holds when they let go."""

from __future__ import annotations

from il_ros.gate.rules.base import Rule, Situation
from il_ros.gate.state_machine import Event, State


class Demonstration(Rule):
    """No policy is listened to."""

    initial = State.EXPERT
    sources = ("expert",)

    def decide(self, situation: Situation) -> Event | None:
        """Decide who drives: engaging takes over again; letting go is as if the expert were lost, so the arm holds."""
        if situation.engaged and situation.state is not State.EXPERT:
            return Event.TAKE_OVER
        if not situation.engaged and situation.state is State.EXPERT:
            return Event.EXPERT_LOST
        return None
