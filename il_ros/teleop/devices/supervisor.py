# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A simulated person who watches a policy, takes over before it fails, and gives control back once the arm is safe.

It stands in for the human of human-gated DAgger (Kelly et al. 2019, arXiv:1810.02890), so that the loop can run where
nobody sits. Like a person it judges by what it sees, has a margin of its own, and takes time to react.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from il_ros.core import schema
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState
from il_ros.teleop.base import Device, Setup, at_least, required_guide


@dataclass(frozen=True)
class Temper:
    """What kind of supervisor it is."""

    lookahead_s: float = 0.25
    """How far ahead it carries the tool's present motion on."""
    margin_m: float = 0.006
    """It worries when the tool would come nearer than this to trouble."""
    reaction_s: float = 0.1
    """From worry to hand on the stick."""
    calm_s: float = 0.3
    """How long there must be no worry before it lets go."""
    least_s: float = 1.5
    """It drives at least this long."""
    patience_s: float = 1.0
    """It worries when the tool has hardly moved for this long."""
    stuck_m: float = 0.01
    """What counts as hardly moved."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("lookahead_s", "margin_m", "reaction_s", "calm_s", "least_s", "patience_s", "stuck_m"))


class Supervisor(Device):
    """Watch, react, drive, let go."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._guide = required_guide(setup)
        if setup.clearance is None:
            raise ConfigError("the supervisor needs a task that can tell its clearance; set the parameter 'task'")
        self._clearance = setup.clearance
        self.temper: Temper = schema.build(Temper, "device 'supervisor'", setup.options)
        self._steps_per_s = setup.contract.rate_hz
        self._ahead_s = np.linspace(0.0, self.temper.lookahead_s, 7)[:, None]
        self._path: deque[Array] = deque(maxlen=max(2, self._steps(self.temper.patience_s)))
        self._forget()

    def _steps(self, seconds: float) -> int:
        return round(seconds * self._steps_per_s)

    def _forget(self) -> None:
        self._path.clear()
        self._worried = self._driven = self._calm = 0
        self._start: EpisodeStart | None = None

    @property
    def driving(self) -> bool:
        """Whether its hand is on the stick."""
        return self._driven > 0

    def reset(self, start: EpisodeStart) -> None:
        """Let go for a new episode."""
        super().reset(start)
        self._forget()
        self._start = start

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return an action while it drives; none while it watches."""
        self._path.append(reading.tool_position[:2])
        worry = self._worry(reading)
        if self.driving:
            self._calm = 0 if worry else self._calm + 1
            self._driven += 1
            if self._driven > self._steps(self.temper.least_s) and self._calm >= self._steps(self.temper.calm_s):
                self._driven = self._worried = 0
        else:
            self._worried = self._worried + 1 if worry or self._worried else 0
            if self._worried > self._steps(self.temper.reaction_s):
                self._driven, self._calm = 1, 0
                self._guide.reset(self._start or EpisodeStart("", 0, reading.stamp_ns))
        if not self.driving:
            return ExpertAction(None, engaged=False, author="supervisor")
        return ExpertAction(
            self.action(self._guide(reading), reading, scripted=True), engaged=True, author="supervisor"
        )

    def _worry(self, reading: RobotState) -> bool:
        """Return whether, carried on as it moves now, the tool would come too near to trouble; or it is stuck."""
        position, objects = reading.tool_position[:2], reading.objects
        velocity = np.zeros(2) if len(self._path) < 2 else (self._path[-1] - self._path[-2]) * self._steps_per_s
        if self._clearance(position + velocity * self._ahead_s, objects) < self.temper.margin_m:
            return True
        full = len(self._path) == self._path.maxlen
        return full and float(np.linalg.norm(self._path[-1] - self._path[0])) < self.temper.stuck_m
