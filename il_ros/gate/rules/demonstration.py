# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A demonstration: the expert drives from the first step, and the arm holds when they let go.

With ``disturbance`` the arm is pushed off the expert's way now and then, so that they show how to come back; what they
asked for stays the label. DART, Laskey et al. 2017, arXiv:1703.09327, with bursts in the place of noise at every step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.gate.rules.base import Rule, Situation
from il_ros.gate.state_machine import Event, State


@dataclass
class Demonstration(Rule):
    """No policy is listened to.

    Raises:
        ConfigError: if an option is outside its limits.
    """

    initial = State.EXPERT
    sources = ("expert",)

    disturbance: float = 0.0
    """The strongest push, as a share of the fastest motion that the limits allow; weak ones are commoner."""
    every: int = 12
    """Steps from one push to the next, on average."""
    steps: int = 4
    """Steps that a push lasts."""
    _left: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.disturbance <= 1.0:
            raise ConfigError(
                f"gating rule 'demonstration': disturbance is {self.disturbance}; it is a share, from 0 to 1"
            )
        for name in ("every", "steps"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"gating rule 'demonstration': {name} is {getattr(self, name)}; it must be at least 1"
                )
        self.reset(np.random.default_rng(0))

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode, with nothing that pushes."""
        self._rng, self._left, self._push = rng, 0, np.zeros(0)

    def decide(self, situation: Situation) -> Event | None:
        """Decide who drives: engaging takes over again; letting go is as if the expert were lost, so the arm holds."""
        if situation.engaged and situation.state is not State.EXPERT:
            return Event.TAKE_OVER
        if situation.heard and not situation.engaged and situation.state is State.EXPERT:
            return Event.EXPERT_LOST
        return None

    def push(self, count: int) -> Array | None:
        """Return the push of this step, or None if nothing pushes."""
        if not self.disturbance:
            return None
        if self._left:
            self._left -= 1
        elif self._rng.random() < 1.0 / self.every:
            strength = self.disturbance * self._rng.random() ** 2
            self._left, self._push = self.steps - 1, strength * self._rng.uniform(-1.0, 1.0, count)
        else:
            return None
        return self._push
