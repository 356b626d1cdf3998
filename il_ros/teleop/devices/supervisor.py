# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A simulated person who watches a policy, takes over before it fails, and gives control back once the arm is safe.

It stands in for the human of human-gated DAgger (Kelly et al. 2019, arXiv:1810.02890), so that the loop can run where
nobody sits. Like a person it judges by what it sees, has a margin of its own, and takes time to react.

Where a task tells its clearance from trouble, the supervisor looks ahead along the tool's motion. Where it tells none,
as when things are handled, the supervisor asks the task's script at every step what it would do: it worries when the
tool has for a while not gone where the script would go, or when the gripper has not done what the script wants of it. A
block that was dropped or not grasped needs no rule of its own: the script turns back for it, and the policy does not.
Then it drives until the script has grasped it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from il_ros.core import schema
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Device, Setup, at_least, required_guide
from il_ros.teleop.gripper import OPEN


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
    least_progress: float = 0.25
    """It worries when the tool has in its patience's time gone less than this share of the way that the script would
    have gone, from where the tool was at each step."""
    settled_m: float = 0.005
    """Where the script would have gone a shorter way than this, only the gripper counts."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("lookahead_s", "margin_m", "reaction_s", "calm_s", "least_s", "patience_s", "stuck_m"))
        at_least(self, 0.0, ("least_progress", "settled_m"))


class Supervisor(Device):
    """Watch, react, drive, let go."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._guide, self._clearance = required_guide(setup), setup.clearance
        self.temper: Temper = schema.build(Temper, "device 'supervisor'", setup.options)
        self._steps_per_s = setup.contract.rate_hz
        self._ahead_s = np.linspace(0.0, self.temper.lookahead_s, 7)[:, None]
        self._path: deque[Array] = deque(maxlen=max(2, self._steps(self.temper.patience_s)))
        self._progress = ScriptComparison(self.temper, self._path.maxlen or 2, setup.contract.rate_hz)
        self._forget()

    def _steps(self, seconds: float) -> int:
        return round(seconds * self._steps_per_s)

    def _forget(self) -> None:
        self._path.clear()
        self._progress.clear()
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
            long_enough = self._driven > self._steps(self.temper.least_s)
            if long_enough and self._calm >= self._steps(self.temper.calm_s) and not self._progress.has_to_grasp:
                self._driven = self._worried = 0
                self._progress.clear()
        else:
            self._worried = self._worried + 1 if worry or self._worried else 0
            if self._worried > self._steps(self.temper.reaction_s):
                self._driven, self._calm = 1, 0
                self._guide.reset(self._start or EpisodeStart("", 0, reading.stamp_ns))
                self._progress.take_over()
        if not self.driving:
            return ExpertAction(None, engaged=False, author="supervisor")
        return ExpertAction(
            self.action(self._guide(reading), reading, scripted=True), engaged=True, author="supervisor"
        )

    def _worry(self, reading: RobotState) -> bool:
        """Return whether, carried on as it moves now, the tool would come too near to trouble; or it is stuck."""
        position, objects = reading.tool_position[:2], reading.objects
        velocity = np.zeros(2) if len(self._path) < 2 else (self._path[-1] - self._path[-2]) * self._steps_per_s
        ahead = position + velocity * self._ahead_s
        clearance = math.inf if self._clearance is None else self._clearance(ahead, objects)
        if math.isinf(clearance):
            if len(self._path) == 1:
                self._guide.reset(self._start or EpisodeStart("", 0, reading.stamp_ns))
            return self._progress.is_poor(reading, ToolCommand.of(self._guide(reading)))
        full = len(self._path) == self._path.maxlen
        is_stuck = full and float(np.linalg.norm(self._path[-1] - self._path[0])) < self.temper.stuck_m
        return is_stuck or clearance < self.temper.margin_m


def is_gripped(wanted: float | None, grip: float) -> bool:
    """Return whether a gripper stands as wanted: so far closed, or on something where it is to be more than half so.

    Args:
        wanted: share by which it is to be closed; None where it does not matter.
        grip: by which it is; NaN where there is no gripper.
    """
    if wanted is None or math.isnan(grip):
        return True
    return abs(grip - wanted) < OPEN or (wanted > 0.5 and grip >= OPEN)


class ScriptComparison:
    """Compares how the tool moved lately with how a script would have moved it.

    Args:
        temper: the supervisor's.
        steps: how many steps are compared.
        rate_hz: of the steps.
    """

    def __init__(self, temper: Temper, steps: int, rate_hz: float) -> None:
        self._temper, self._rate_hz = temper, rate_hz
        self._rows: deque[tuple[float, float, bool]] = deque(maxlen=steps)
        """Of each step the way, m, that the tool went along the script's command and the one that the script would have
        gone; and whether the gripper is as the script wants it."""
        self._before: tuple[Array, Array] | None = None
        self._grips = True
        self.has_to_grasp = False
        """Whether at the take-over the gripper was not as the script wants it, and the script has not grasped since."""

    def clear(self) -> None:
        """Forget what has been: the policy begins to drive."""
        self._rows.clear()
        self._before, self._grips, self.has_to_grasp = None, True, False

    def take_over(self) -> None:
        """Begin anew with the script at the controls."""
        self._rows.clear()
        self._before, self.has_to_grasp = None, not self._grips

    def is_poor(self, reading: RobotState, command: ToolCommand) -> bool:
        """Return whether the tool, which has come to ``reading``, has for long not gone as the script would have.

        Args:
            reading: the state now.
            command: what the script would do in it.
        """
        before, self._before = self._before, (reading.tool_position, command.linear)
        as_wanted = is_gripped(command.grip, reading.grip)
        self.has_to_grasp = self.has_to_grasp and not (as_wanted and (command.grip or 0.0) >= OPEN)
        self._grips = as_wanted
        if before is None:
            return False
        position, wanted = before
        speed = float(np.linalg.norm(wanted))
        went = float((reading.tool_position - position) @ wanted) / max(speed, 1e-9)
        self._rows.append((went, speed / self._rate_hz, as_wanted))
        if len(self._rows) < (self._rows.maxlen or 0):
            return False
        gone, would, steps_as_wanted = (sum(column) for column in zip(*self._rows))
        is_behind = would >= self._temper.settled_m and gone < self._temper.least_progress * would
        return bool(steps_as_wanted == 0 or is_behind)
