"""Human gating: the expert takes full control when he wants to, and gives it back.

Kelly et al. 2019, HG-DAgger, arXiv:1810.02890, section III.
"""

from __future__ import annotations

from il_ros.gate.rules import Rule, Situation
from il_ros.gate.table import Event, State


class Human(Rule):
    """The edges of the expert's engagement decide: pressing takes over, letting go gives back."""

    initial = State.POLICY
    sources = ("policy", "expert")

    def decide(self, situation: Situation) -> Event | None:
        """Take over on the rising edge, release on the falling one while the expert drives."""
        if situation.engaged and not situation.was_engaged:
            return Event.TAKE_OVER
        let_go = situation.heard and situation.was_engaged and not situation.engaged
        if let_go and situation.state is State.EXPERT:
            return Event.RELEASE
        return None
