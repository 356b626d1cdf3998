# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A gamepad through sensor_msgs/Joy: the conventions of teleop_twist_joy, an enable button that must be held."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros import specs
from il_ros.errors import MessageError
from il_ros.signals import Answer, Array, EpisodeStart, Reading
from il_ros.teleop import Device, Setup, Switch, at_least, is_silent


@dataclass(frozen=True)
class PadLayout:
    """Which axis and button does what; the defaults suit an Xbox pad."""

    enable_button: int = 4
    """Held while driving; letting go gives control back."""
    turbo_button: int = 5
    axis_x: int = 1
    """Forward is +1."""
    axis_y: int = 0
    """Left is +1."""
    axis_z: int = 4
    scale_m_s: float = 0.12
    """Tool speed at full deflection."""
    scale_turbo_m_s: float = 0.22
    scale_x: float = 1.0
    """How much of these speeds the stick asks for along x; below 0 for a stick that goes the other way."""
    scale_y: float = 1.0
    scale_z: float = 1.0
    timeout_s: float = 0.2
    """A pad that has been silent this long counts as let go."""

    def __post_init__(self) -> None:
        at_least(self, 0, ("enable_button", "turbo_button", "axis_x", "axis_y", "axis_z"))
        at_least(self, 0.0, ("scale_m_s", "scale_turbo_m_s", "timeout_s"))
        at_least(self, -10.0, ("scale_x", "scale_y", "scale_z"))


class Joy(Device):
    """Drive the tool with the sticks of a gamepad."""

    topics: ClassVar[Mapping[str, str]] = {"joy": "sensor_msgs/msg/Joy"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.mapping: PadLayout = specs.build(PadLayout, "device 'joy'", setup.options)
        self._name = "joy"
        self._velocity: Array = np.zeros(3)
        self._enable = Switch()
        self._heard_ns: int | None = None

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Take the state of sticks and buttons.

        Raises:
            MessageError: if the pad has fewer axes or buttons than the mapping names, or an axis is not finite.
        """
        m = self.mapping
        buttons, axes = list(message.buttons), list(message.axes)
        if len(buttons) <= m.enable_button or len(axes) <= max(m.axis_x, m.axis_y):
            raise MessageError(
                f"joy has {len(axes)} axes and {len(buttons)} buttons; the mapping needs axis "
                f"{max(m.axis_x, m.axis_y)} and button {m.enable_button}; set the device's options"
            )
        turbo = m.turbo_button < len(buttons) and buttons[m.turbo_button]
        sticks = [axes[a] if a < len(axes) else 0.0 for a in (m.axis_x, m.axis_y, m.axis_z)]
        if not all(map(math.isfinite, sticks)):
            self._enable.held = False
            raise MessageError(f"joy axes {sticks} are not finite; the pad counts as let go")
        scales = np.array([m.scale_x, m.scale_y, m.scale_z])
        self._velocity = scales * sticks * (m.scale_turbo_m_s if turbo else m.scale_m_s)
        self._enable.hear(bool(buttons[m.enable_button]))
        self._heard_ns = now_ns

    def reset(self, start: EpisodeStart) -> None:
        """A held button stays held from one episode to the next."""

    def answer(self, reading: Reading, now_ns: int = 0) -> Answer:
        """The sticks, while the button is held and the pad is heard."""
        if not self._enable.held or is_silent(self._heard_ns, now_ns, self.mapping.timeout_s):
            return Answer(None, engaged=False, author=self._name)
        return Answer(self.action(self._velocity, reading), engaged=True, author=self._name)
