# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Human gating: the expert takes full control at will, and gives it back.

Kelly et al. 2019, HG-DAgger, arXiv:1810.02890, section III.
"""

from __future__ import annotations

from dataclasses import dataclass

from il_ros.core.errors import ConfigError
from il_ros.gate.rules.base import Rule, Situation
from il_ros.gate.state_machine import Event, State

CHOICES = ("release", "hold")


@dataclass
class HumanGated(Rule):
    """The edges of the expert's engagement decide: pressing takes over, letting go gives back or makes the arm hold."""

    initial = State.POLICY
    sources = ("policy", "expert")

    let_go: str = "release"
    """What letting go means: ``release`` gives control back to the policy; with ``hold`` the arm stands still, and only
    the service ``gate/release`` gives back."""
    lost: str = "hold"
    """What it means that contact with the device is lost while the expert drives: ``hold``, or ``release``, which gives
    control back to the policy that was stopped."""

    def __post_init__(self) -> None:
        for name in ("let_go", "lost"):
            if getattr(self, name) not in CHOICES:
                raise ConfigError(
                    f"gating rule 'human': {name} is {getattr(self, name)!r}; it must be {' or '.join(CHOICES)}"
                )

    def decide(self, situation: Situation) -> Event | None:
        """Take over on the rising edge; on the falling one, while the expert drives, release or be lost."""
        if situation.engaged and not situation.was_engaged:
            return Event.TAKE_OVER
        let_go = situation.heard and situation.was_engaged and not situation.engaged
        if let_go and situation.state is State.EXPERT:
            meaning = self.lost if situation.lost else self.let_go
            return Event.RELEASE if meaning == "release" else Event.EXPERT_LOST
        return None
