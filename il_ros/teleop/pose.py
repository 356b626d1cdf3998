# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses of a hand as geometry_msgs/PoseStamped, as phones and VR controllers publish them: the tool goes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros import specs
from il_ros.signals import Answer, Array, EpisodeStart, Reading
from il_ros.teleop import Device, Setup, at_least, finite, is_silent, towards


@dataclass(frozen=True)
class PoseOptions:
    """How poses are taken."""

    scale: float = 1.0
    """How far the tool goes for a metre of the hand."""
    speed_m_s: float = 0.22
    """The fastest that the tool follows."""
    gain_per_s: float = 6.0
    """How fast what is left to go is made up for."""
    timeout_s: float = 0.2
    """A hand that has been silent this long has let go."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("scale", "speed_m_s", "gain_per_s", "timeout_s"))


class Pose(Device):
    """Lead the tool by the hand: wherever the hand is when it begins to speak, the tool is where the tool is.

    From then on both go the same way, whatever frame the hand's position is told in, as long as its axes point where
    the base's do. Silence lets go; the next pose after it begins anew, so the arm never jumps to meet the hand.
    """

    topics: ClassVar[Mapping[str, str]] = {"hand_pose": "geometry_msgs/msg/PoseStamped"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.options: PoseOptions = specs.build(PoseOptions, "device 'pose'", setup.options)
        self._hand: Array = np.zeros(3)
        self._heard_ns: int | None = None
        self._away: Array | None = None
        """(3,) m, from the scaled hand to where the tool shall be; None until both are known."""

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Take where the hand is.

        Raises:
            MessageError: if a number is not finite; the hand then counts as let go.
        """
        place = message.pose.position
        if self._is_silent(now_ns):
            self._away = None
        self._heard_ns = None
        self._hand = self.options.scale * finite(topic, "position", (place.x, place.y, place.z))
        self._heard_ns = now_ns

    def reset(self, start: EpisodeStart) -> None:
        """The arm has been put elsewhere, so the hand's place means another one."""
        self._away = None

    def answer(self, reading: Reading, now_ns: int = 0) -> Answer:
        """Towards where the hand leads, while it is heard."""
        if self._is_silent(now_ns):  # so that the next word begins anew
            return Answer(None, engaged=False, author="pose")
        if self._away is None:
            self._away = reading.tool_position - self._hand
        o = self.options
        velocity = towards(self._hand + self._away, reading.tool_position, o.gain_per_s, o.speed_m_s)
        return Answer(self.action(velocity, reading), engaged=True, author="pose")

    def _is_silent(self, now_ns: int) -> bool:
        return is_silent(self._heard_ns, now_ns, self.options.timeout_s)
