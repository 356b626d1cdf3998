# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Velocities of the tool as geometry_msgs/TwistStamped: whatever driver speaks as MoveIt Servo is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros import specs
from il_ros.signals import Answer, Array, Reading
from il_ros.teleop import Device, Setup, at_least, finite, is_silent


@dataclass(frozen=True)
class TwistOptions:
    """How twists are taken."""

    scale: float = 1.0
    """Metres a second for a linear velocity of 1: MoveIt Servo's ``command_in_type: unitless`` has numbers up to 1."""
    timeout_s: float = 0.2
    """A driver that has been silent this long counts as let go."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("scale", "timeout_s"))


class Twist(Device):
    """Drive the tool with twists in the base frame; who speaks drives, and silence lets go.

    A SpaceMouse or a phone is set up for MoveIt Servo as ever, and the topic ``delta_twist_cmds`` remapped.
    """

    topics: ClassVar[Mapping[str, str]] = {"delta_twist_cmds": "geometry_msgs/msg/TwistStamped"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.options: TwistOptions = specs.build(TwistOptions, "device 'twist'", setup.options)
        self._velocity: Array = np.zeros(3)
        self._heard_ns: int | None = None

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Take a twist.

        Raises:
            MessageError: if a number is not finite; the driver then counts as let go.
        """
        linear = message.twist.linear
        self._heard_ns = None
        self._velocity = self.options.scale * finite(topic, "linear velocity", (linear.x, linear.y, linear.z))
        self._heard_ns = now_ns

    def answer(self, reading: Reading, now_ns: int = 0) -> Answer:
        """The last twist, while it is young enough."""
        if is_silent(self._heard_ns, now_ns, self.options.timeout_s):
            return Answer(None, engaged=False, author="twist")
        return Answer(self.action(self._velocity, reading), engaged=True, author="twist")
