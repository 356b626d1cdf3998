# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of a contract: components of observation and action, and how bags of other programs are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLOCKS = ("header", "publish", "log")
"""By which times messages of external bags may go: the stamps of their headers, of publication, of recording."""

LIMITS = ("max_step", "max_velocity", "max_acceleration")
"""The keys of which one says how fast a component of the action may change."""


@dataclass(frozen=True)
class ObservationComponent:
    """One number that the policy sees."""

    name: str
    topic: str
    field: str
    """Path in the message: ``pose.position.x``, ``poses.0.position.x``, or ``position[panda_joint1]`` by joint name."""
    unit: str = ""


@dataclass(frozen=True)
class ActionComponent:
    """One number that is commanded, with its limits."""

    name: str
    low: float
    high: float
    max_step: float | None = None
    """The most by which the command may change in one control step, in the component's unit: the older way to give
    ``max_velocity`` or ``max_acceleration``, of which one of the three is given."""
    rest: float | str = 0.0
    """What holds the arm still: a number, or the observation component that measures it."""
    field: str = ""
    """Path in a TwistStamped; the other command types go by name and order."""
    unit: str = ""
    max_velocity: float | None = None
    """Of a position: the most by which the command may change in a second, in the component's unit."""
    max_acceleration: float | None = None
    """Of a velocity: likewise."""
    tracking: float | None = None
    """How far the measured position may stay behind the command, in the component's unit, beside one step; what the
    limit allows in ``TRACKING_S`` unless it is given."""

    @property
    def limited_by(self) -> str:
        """The key that says how fast it may change."""
        return next((key for key in LIMITS if getattr(self, key) is not None), "")


@dataclass(frozen=True)
class External:
    """How bags that other programs recorded are read."""

    topic: str = "command"
    """Where the action is."""
    fields: tuple[str, ...] = ()
    """Path of each component of the action in the messages of ``topic``; without any they are commands."""
    stale_s: float = 0.0
    """The greatest age of a message that an observation or an action may be read from; 0: see ``stale_ns``."""
    clock: str = ""
    """By which times messages are put together, one of ``CLOCKS``; empty: what the bag shows to be right."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """By topic, seconds that are added to its times: positive where its clock is behind those of the others.

    The times are those of ``clock``. If none is named, a topic's stamps are meant and, where it has none, the times of
    recording."""
    static: tuple[str, ...] = ()
    """Topics of which a message holds until the next, however old it is: a goal, a calibration."""
