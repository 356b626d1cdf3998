# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Gating rules, one file each: when the expert is given control, and when it is taken back."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from il_ros.core import plugins
from il_ros.core.errors import ConfigError
from il_ros.core.types import DOUBTLESS, Array, PolicyUncertainty
from il_ros.gate.state_machine import Event, State


@dataclass(frozen=True)
class Situation:
    """What a rule may look at, at one step."""

    state: State
    engaged: bool
    """Whether the expert asks to drive now."""
    heard: bool
    """Whether an answer of the expert has been received lately; silence is not a wish."""
    lost: bool
    """Whether contact with the expert's device was lost; that is no wish either."""
    was_engaged: bool
    """Whether they were engaged at the step before."""
    low: Array
    high: Array
    """(Da,) each, the range of actions."""
    policy: Array | None = None
    """(Da,) what the policy would do now; None if none was received."""
    expert: Array | None = None
    """(Da,) what the expert would do now, likewise; None if there is none."""
    doubts: PolicyUncertainty = DOUBTLESS
    """What the policy thinks of its answer to this very observation."""

    @property
    def discrepancy(self) -> float:
        """The greatest difference between what policy and expert would do, as a share of the range; NaN without one."""
        if self.policy is None or self.expert is None:
            return math.nan
        policy, expert = (np.clip(action, self.low, self.high) for action in (self.policy, self.expert))
        return float((np.abs(policy - expert) / (self.high - self.low)).max())


class Rule(abc.ABC):
    """One gating rule.

    A rule may have options: it is then a data class, and is asked for as in ``beta:beta=0.5``.
    """

    initial: ClassVar[State]
    """Who drives when an episode begins."""
    sources: ClassVar[tuple[str, ...]]
    """Who is listened to: ``policy``, ``expert`` or both."""
    asks_doubts: ClassVar[bool] = False
    """Whether the policy is asked at every step for its uncertainty."""

    why: str = ""
    """What the last decision was made by, for the record of a switch."""

    def reset(self, rng: np.random.Generator) -> None:  # noqa: B027
        """Begin an episode; ``rng`` is the source of every random draw in it."""

    @abc.abstractmethod
    def decide(self, situation: Situation) -> Event | None:
        """Return the take-over or release that the rule asks for at this step, if any."""

    def push(self, count: int) -> Array | None:
        """Return (Da,), by what shares of the fastest motion an expert's command is disturbed; None if not at all."""
        return None

    def score(self) -> float:
        """Return the number behind the last decision, for the record; NaN if the rule has none."""
        return math.nan


def toward(expert: bool, situation: Situation) -> Event | None:
    """Return the event that gives control to the ``expert``, or to the policy, if it is not there already."""
    if expert:
        return Event.TAKE_OVER if situation.state is not State.EXPERT else None
    return Event.RELEASE if situation.state in (State.EXPERT, State.EXPERT_LOST) else None


def positive(rule: Rule, *names: str) -> None:
    """Check a rule's thresholds.

    Raises:
        ConfigError: if one of ``names`` is not a positive number.
    """
    for name in names:
        value = getattr(rule, name)
        if not 0.0 < value < math.inf:
            own_name = type(rule).__module__.rpartition(".")[2]
            raise ConfigError(f"gating rule {own_name!r}: {name} is {value}; it must be positive")


def available() -> tuple[str, ...]:
    """Return the names of all rules."""
    return tuple(plugins.available("gating rule"))


def load(name: str) -> Rule:
    """Make the rule called ``name``, which may have options, as in ``beta:beta=0.5``.

    Raises:
        ConfigError: if there is none, or it has no such option.
    """
    rule: Rule = plugins.make("gating rule", name)
    return rule
