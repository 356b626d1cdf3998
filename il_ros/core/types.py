# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The types that the parts of one step share: the robot's state, a chunk of actions, an expert's action."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SILENCE_NS = 200_000_000
"""An arm that has received no command for this long holds; other silences of this length are reported."""
BROWSER_SILENCE_S = 0.15
"""A browser that is silent for this long while its dead-man switch was held is lost: it publishes at 30 Hz."""
PAUSE_NS = 1_000_000_000
"""Simulated time between two episodes, so that a jump of the stamp separates them."""


@dataclass(frozen=True)
class RobotState:
    """The state of the arm and the scene at one step, in the base frame, metres and radians."""

    stamp_ns: int
    """Time of the state, in nanoseconds of the arm's clock; it identifies the step."""
    joint_positions: Array
    """(J,) float64, rad."""
    joint_velocities: Array
    """(J,) float64, rad/s."""
    tool_position: Array
    """(3,) float64, m: the tool's tip."""
    tool_quaternion: Array
    """(4,) float64, x y z w."""
    objects: Array
    """(N, 3) float64, m: the centres of the task's objects, in the task's order."""
    joint_names: tuple[str, ...] = ()
    """(J,) the arm's names of the joints."""
    frame: str = ""
    """The name of the base frame."""
    object_quaternions: Array | None = None
    """(N, 4) float64, x y z w, of the objects; None if all stand upright."""
    grip: float = math.nan
    """How far the gripper is closed, measured, from 0, open, to 1, closed; NaN where there is none."""

    @property
    def object_poses(self) -> Array:
        """(N, 7) float64, position in m and orientation x y z w of every object."""
        turned = self.object_quaternions
        if turned is None:
            turned = np.tile((0.0, 0.0, 0.0, 1.0), (len(self.objects), 1))
        return np.hstack([self.objects, turned])


@dataclass(frozen=True)
class ToolCommand:
    """How an expert wants the tool to move, in the base frame, and what the gripper is to do."""

    linear: Array
    """(3,) m/s."""
    angular: Array = field(default_factory=lambda: np.zeros(3))
    """(3,) rad/s."""
    grip: float | None = None
    """How far the gripper is to close, from 0, open, to 1, closed; None leaves it as it was commanded last."""

    @property
    def velocity(self) -> Array:
        """(6,) m/s and rad/s, in the order of the contract's ``TOOL_AXES``."""
        return np.concatenate([self.linear, self.angular])

    @classmethod
    def of(cls, command: Array | ToolCommand) -> ToolCommand:
        """Return a command, also of a velocity (2,) or (3,), m/s."""
        if isinstance(command, ToolCommand):
            return command
        linear = np.zeros(3)
        linear[: len(command)] = command
        return cls(linear)


@dataclass(frozen=True)
class PolicyUncertainty:
    """A policy's uncertainty about its own chunk; NaN for what it does not estimate."""

    spread: float = math.nan
    """The disagreement of an ensemble's members: a standard deviation, in halves of the demonstrated range."""
    deviation: float = math.nan
    """A critic's probability, in [0, 1], that the expert would do something else."""
    risk: float = math.nan
    """A critic's probability, in [0, 1], that the episode fails if the policy goes on."""
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
    """The name of an expert, or the hash of a checkpoint."""
    engaged: bool = True
    """Whether the author asks to drive. A policy always does; an expert while the enable button is held."""
    doubts: PolicyUncertainty = DOUBTLESS
    """The policy's uncertainty about this chunk."""
    lost: bool = False
    """Whether contact with the operator's device was lost; nobody let go of it on purpose."""
    execute: int = 0
    """How many of its rows a policy is meant to have executed before its next answer is; 0 leaves that to the gate."""


@dataclass(frozen=True)
class ChunkInPlay:
    """The chunk of which a row is executed."""

    stamp_ns: int
    """Of the observation that it answers."""
    until_ns: int
    """The instant from which the newest chunk takes its place."""


@dataclass(frozen=True)
class ExpertAction:
    """An expert's answer to one state."""

    action: Array | None
    """(Da,) float64, or None when the expert has no opinion (the device is not touched)."""
    engaged: bool
    """Whether the expert wants to drive."""
    author: str
    """The expert's name, for the record."""
    lost: bool = False
    """Whether contact with the device was lost: it stopped publishing, or sends invalid values. That is not letting go,
    so the arm holds where otherwise the policy would go on."""

    def chunk(self, stamp_ns: int, width: int) -> Chunk:
        """Return a chunk of one row of ``width`` numbers for the state at ``stamp_ns``, or of none."""
        actions = np.empty((0, width)) if self.action is None else self.action.reshape(1, width)
        return Chunk(stamp_ns, actions, self.author, self.engaged, lost=self.lost)


@dataclass(frozen=True)
class EpisodeStart:
    """What is known of an episode when it begins; published on the topic ``episode``."""

    task: str
    seed: int
    first_stamp_ns: int
    number: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


class Expert(Protocol):
    """An expert: a script, or an operator with a device."""

    def reset(self, start: EpisodeStart) -> None:
        """Forget the last episode and prepare for the one that starts."""

    def answer(self, reading: RobotState) -> ExpertAction:
        """Return the expert's action; called once for every step, in order."""
