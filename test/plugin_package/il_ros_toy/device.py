# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A device that demonstrates what the task's scripted expert does."""

from __future__ import annotations

from il_ros.core.types import EpisodeStart, ExpertAction, RobotState
from il_ros.teleop.base import Device, Setup, required_guide


class ToyDevice(Device):
    """Commands the scripted expert's velocity at every step, under a name of its own."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._guide = required_guide(setup)

    def reset(self, start: EpisodeStart) -> None:
        """Draw the expert of this episode."""
        self._guide.reset(start)

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the expert's action for this reading."""
        return ExpertAction(self.action(self._guide(reading), reading, scripted=True), engaged=True, author="toy")
