# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of a contract: components of observation and action, and how bags of other programs are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from il_ros.core.types import Array

Positions = TypeVar("Positions", float, Array)

CLOCKS = ("header", "publish", "log")
"""By which times messages of external bags may go: the stamps of their headers, of publication, of recording."""

LIMITS = ("max_step", "max_velocity", "max_acceleration")
"""The keys of which one says how fast a component of the action may change."""

ENDS = ("low", "high")
"""The ends of a gripper's range, of which one is where it is closed."""

ROTATION = re.compile(r"orientation\.|\.rot6d\.\d$|\.(cos|sin)\d*$")
"""Fields that are parts of a rotation: numbers of a quaternion, or made of one or of an angle."""


@dataclass(frozen=True)
class ObservationComponent:
    """One number that the policy sees."""

    name: str
    topic: str
    field: str
    """Path in the message: ``pose.position.x``, ``poses.0.position.x``, ``position[panda_joint1]`` by joint name, or
    ``pose.orientation.rot6d.0`` to ``.5``: an orientation as six continuous numbers; or ``position[wrist].cos`` and
    ``.sin``, of an angle: see ``core.messages.fields``."""
    unit: str = ""

    @property
    def quantity(self) -> str:
        """What it measures, by which it can be compared with others: its unit, or "rotation"; empty if nobody says."""
        return self.unit or ("rotation" if ROTATION.search(self.field) else "")


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
    kind: str = ""
    """``gripper`` for the opening of a gripper; empty for what moves the arm.

    A gripper at rest stays as it was commanded last, since one that holds something is measured wider than it was
    commanded; its ``rest`` is where it is before the first command. It is never interpolated and never averaged."""
    closed: str = "low"
    """At which end of its range a gripper is closed: ``low`` or ``high``."""
    binary: bool = False
    """Whether a gripper is only ever opened or closed, all the way; then it changes over with hysteresis."""

    def at(self, grip: float) -> float:
        """Return the command of a gripper that is closed by the share ``grip``: 0 for open, 1 for closed."""
        first, last = (self.high, self.low) if self.closed == "low" else (self.low, self.high)
        return first + grip * (last - first)

    def share(self, position: Positions) -> Positions:
        """Return by what share a gripper is closed that is commanded or measured at ``position``; inverse of ``at``."""
        return (position - self.at(0.0)) / (self.at(1.0) - self.at(0.0))

    @property
    def limited_by(self) -> str:
        """The key that says how fast it may change."""
        return next((key for key in LIMITS if getattr(self, key) is not None), "")


@dataclass(frozen=True)
class ImageComponent:
    """One camera that the policy sees."""

    name: str
    topic: str
    type: str = "sensor_msgs/msg/Image"
    """``sensor_msgs/msg/Image`` or ``sensor_msgs/msg/CompressedImage``."""
    width: int = 96
    """Pixels of the image that the policy is given, after cropping and resizing."""
    height: int = 96
    crop: tuple[int, ...] = ()
    """left, top, width, height, pixels of the published image; all of it without."""
    rate_hz: float = 10.0
    """How often the camera takes an image."""
    stale_s: float = 0.0
    """The greatest age of an image that a step may be answered with; 0: three periods of the camera."""

    @property
    def stale_ns(self) -> int:
        """The greatest age of an image, ns."""
        return round(1e9 * (self.stale_s or 3.0 / self.rate_hz))


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
