# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A task's scripted expert: it answers every reading, and asks to drive all the time."""

from __future__ import annotations

from il_ros.core.errors import ConfigError
from il_ros.core.types import EpisodeStart, ExpertAction, RobotState
from il_ros.teleop.base import Device, Setup, required_guide


class ScriptedDevice(Device):
    """Demonstrates, and labels whatever state it is shown."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.options:
            raise ConfigError(f"device 'scripted': key {next(iter(setup.options))!r} is not known; it takes no options")
        self._guide = required_guide(setup)

    def reset(self, start: EpisodeStart) -> None:
        """Draw the expert of this episode."""
        super().reset(start)
        self._guide.reset(start)

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return where the script would go now."""
        return ExpertAction(
            self.action(self._guide(reading), reading, scripted=True), engaged=True, author=self._guide.name
        )
