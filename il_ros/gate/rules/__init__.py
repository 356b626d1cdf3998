"""Gating rules, one file each: when the expert is given control, and when it is taken back."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

from il_ros import registry
from il_ros.gate.table import Event, State


@dataclass(frozen=True)
class Situation:
    """What a rule may look at, at one step."""

    state: State
    engaged: bool
    """Whether the expert asks to drive now."""
    heard: bool
    """Whether the expert has been heard of lately; silence is not a wish."""
    was_engaged: bool
    """Whether he did at the step before."""


class Rule(abc.ABC):
    """One gating rule."""

    initial: ClassVar[State]
    """Who drives when an episode begins."""
    sources: ClassVar[tuple[str, ...]]
    """Who is listened to: ``policy``, ``expert`` or both."""

    @abc.abstractmethod
    def decide(self, situation: Situation) -> Event | None:
        """The take-over or release that the rule asks for at this step, if any."""

    def score(self) -> float:
        """The number behind the last decision, for the record; NaN if the rule has none."""
        return math.nan


def available() -> tuple[str, ...]:
    """The names of all rules."""
    return tuple(registry.available(__name__, Rule))  # type: ignore[type-abstract]


def load(name: str) -> Rule:
    """Make the rule called ``name``.

    Raises:
        ConfigError: if there is none.
    """
    return registry.load(__name__, Rule, "gating rule", name)()  # type: ignore[type-abstract]
