# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A person at the page of ``il-ros teleop``: keys, a gamepad, or the tool dragged, under a held dead-man switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros.core import schema
from il_ros.core.errors import MessageError
from il_ros.core.topics import BROWSER_INPUT
from il_ros.core.types import BROWSER_SILENCE_S, Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Operated, Setup, at_least, finite, towards
from il_ros.teleop.deadman import DeadMan
from il_ros.teleop.devices.kinesthetic import Kinesthetic

AXES, BUTTONS = (6, 7), (3, 4)
"""Of its messages: the axes are a deflection x y z in [-1, 1], a place x y z, m, in the base frame, and a deflection
about z; the buttons are the dead-man switch, fast, whether the tool is dragged to that place, and the gripper's. The
last of each may be missing. A message without any means that the page was lost while the switch was held."""


@dataclass(frozen=True)
class BrowserOptions:
    """How the page drives."""

    speed_m_s: float = 0.12
    """Tool speed at full deflection."""
    fast_m_s: float = 0.22
    """The same with the key or button for fast, and the fastest that a dragged tool follows."""
    turn_rad_s: float = 0.6
    """How fast the tool turns about the vertical at full deflection; with the key for fast, twice that."""
    gain_per_s: float = 6.0
    """How fast a dragged tool makes up for what is left to go."""
    timeout_s: float = BROWSER_SILENCE_S
    """A page that has been silent this long while the switch was held is lost."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("speed_m_s", "fast_m_s", "turn_rad_s", "gain_per_s", "timeout_s"))


class Browser(Operated):
    """Drive from a browser; who pushes the arm there teaches it by hand."""

    topics: ClassVar[Mapping[str, str]] = {BROWSER_INPUT.name: BROWSER_INPUT.type_name, **Kinesthetic.topics}

    def __init__(self, setup: Setup) -> None:
        self.options: BrowserOptions = schema.build(BrowserOptions, "device 'browser'", setup.options)
        super().__init__(setup, "browser", DeadMan(self.options.timeout_s))
        self._by_hand = Kinesthetic(Setup(setup.contract))
        self._deflection: Array = np.zeros(3)
        self._place: Array = np.zeros(3)
        self._turn = 0.0
        self._fast = self._drags = self._gripper_down = False

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Process the operator's input.

        Raises:
            MessageError: if numbers are missing or not finite; the page then counts as lost.
        """
        if topic != BROWSER_INPUT.name:
            self._by_hand.hear(topic, message, now_ns)
            return
        axes, buttons = list(message.axes), list(message.buttons)
        if not axes and not buttons:
            self.dead_man.lose()
            return
        if len(axes) not in AXES or len(buttons) not in BUTTONS:
            self.dead_man.lose()
            raise MessageError(
                f"{topic} has {len(axes)} axes and {len(buttons)} buttons; the page sends {AXES[-1]} and "
                f"{BUTTONS[-1]}: set the parameter 'device' to joy for a gamepad of your own"
            )
        try:
            numbers = finite(topic, "axes", axes)
        except MessageError:
            self.dead_man.lose()
            raise
        self._deflection, self._place = np.clip(numbers[:3], -1.0, 1.0), numbers[3:6]
        self._turn = float(np.clip(numbers[6:], -1.0, 1.0).sum())
        self.dead_man.hear(bool(buttons[0]), now_ns)
        self._fast, self._drags = bool(buttons[1]), bool(buttons[2])
        was_down, self._gripper_down = self._gripper_down, any(buttons[3:])
        if self._gripper_down and not was_down and self.dead_man.holds(now_ns):
            self.gripper.toggle()

    def interrupt(self) -> None:
        """Count the operator as lost who drove, or led the arm by hand."""
        super().interrupt()
        self._by_hand.interrupt()

    def reset(self, start: EpisodeStart) -> None:
        """Reset the device by hand; a held switch stays held from one episode to the next."""
        self._by_hand.reset(start)

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the operator's command while the switch is held and the page is connected."""
        guided, o = self._by_hand.answer(reading, now_ns), self.options
        if guided.engaged:
            return guided
        if not self.dead_man.holds(now_ns):
            away = self.away()
            return guided if guided.lost else away
        velocity = self._deflection * (o.fast_m_s if self._fast else o.speed_m_s)
        if self._drags:
            velocity = towards(self._place, reading.tool_position, o.gain_per_s, o.fast_m_s)
        turning = np.array([0.0, 0.0, self._turn * o.turn_rad_s * (2.0 if self._fast else 1.0)])
        return self.driven(ToolCommand(velocity, turning), reading)
