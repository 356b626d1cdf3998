# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No gating: the policy drives, as behaviour cloning is evaluated."""

from __future__ import annotations

from il_ros.gate.rules.base import Rule, Situation
from il_ros.gate.state_machine import Event, State


class NoGating(Rule):
    """The expert is not listened to; the services of the gate still are."""

    initial = State.POLICY
    sources = ("policy",)

    def decide(self, situation: Situation) -> Event | None:
        """Return None: the policy keeps control."""
        return None
