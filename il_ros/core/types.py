# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What travels through the graph in one step: a reading of the arm, a chunk of actions, an expert's answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SILENCE_NS = 200_000_000
"""An arm that has had no command for this long holds; so long a silence of anybody is told of, and reckoned with."""
BROWSER_SILENCE_S = 0.15
"""A page that has been silent for this long while the dead-man switch was held is lost: it sends at 30 Hz."""
PAUSE_NS = 1_000_000_000
"""Simulated time that passes between two episodes, so that a jump of the stamp tells them apart."""


@dataclass(frozen=True)
class RobotState:
    """What the arm and the scene look like at one step, in the base frame, metres and radians."""

    stamp_ns: int
    """Time of the reading, in nanoseconds of the arm's clock; it names the step."""
    joint_positions: Array
    """(J,) float64, rad."""
    joint_velocities: Array
    """(J,) float64, rad/s."""
    tool_position: Array
    """(3,) float64, m: the tool's tip."""
    tool_quaternion: Array
    """(4,) float64, x y z w."""
    objects: Array
    """(N, 3) float64, m: the centres of the objects of the task, in the task's order."""
    joint_names: tuple[str, ...] = ()
    """(J,) as the arm calls them."""
    frame: str = ""
    """What the base frame is called."""


@dataclass(frozen=True)
class PolicyUncertainty:
    """What a policy thinks of its own answer to an observation; NaN for what it cannot tell."""

    spread: float = math.nan
    """How far the members of an ensemble disagree: a standard deviation, in halves of the demonstrated range."""
    deviation: float = math.nan
    """How likely it is that the expert would do something else, in [0, 1], as a critic has learned it."""
    risk: float = math.nan
    """How likely it is that the episode fails if the policy goes on, in [0, 1], as a critic has learned it."""
    spread_rank: float = math.nan
    """The share of all visited states, in [0, 1], whose spread was smaller."""
    risk_rank: float = math.nan
    """The share of all visited states, in [0, 1], whose risk was smaller."""


DOUBTLESS = PolicyUncertainty()


@dataclass(frozen=True)
class Chunk:
    """A sequence of actions that answers the observation with the same stamp; row i is for ``stamp_ns + i * dt``."""

    stamp_ns: int
    actions: Array
    """(Ta, Da) float64, in the order and units of the contract's action."""
    author: str = ""
    """Who speaks: the name of an expert, or the hash of a checkpoint."""
    engaged: bool = True
    """Whether the author asks to drive. A policy always does; an expert while the enable button is held."""
    doubts: PolicyUncertainty = DOUBTLESS
    """What a policy thinks of its own answer."""
    lost: bool = False
    """Whether contact with the device of a person was lost; nobody let go of it on purpose."""


@dataclass(frozen=True)
class ExpertAction:
    """What an expert says to one reading."""

    action: Array | None
    """(Da,) float64, or None when there is no opinion (nobody touches the device)."""
    engaged: bool
    """Whether the expert wants to drive."""
    author: str
    """The expert's name, for the record."""
    lost: bool = False
    """Whether contact with the device was lost: it fell silent, or sends what cannot be. That is no act of letting go,
    so the arm holds where otherwise the policy would go on."""

    def chunk(self, stamp_ns: int, width: int) -> Chunk:
        """The same as a chunk of one row of ``width`` numbers for the reading at ``stamp_ns``, or of none."""
        actions = np.empty((0, width)) if self.action is None else self.action.reshape(1, width)
        return Chunk(stamp_ns, actions, self.author, self.engaged, lost=self.lost)


@dataclass(frozen=True)
class EpisodeStart:
    """The facts that are known when an episode begins."""

    task: str
    seed: int
    first_stamp_ns: int
    number: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


class Expert(Protocol):
    """Whoever can be asked what to do: a script, or a person behind a device."""

    def reset(self, start: EpisodeStart) -> None:
        """Forget the last episode and get ready for the one that starts."""

    def answer(self, reading: RobotState) -> ExpertAction:
        """Say what to do now; called once for every step, in order."""
