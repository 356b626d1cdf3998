# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Kinesthetic teaching: the arm is made compliant and led by hand, and what it was led through is the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros.core.frames import matrix, rotation_vector
from il_ros.core.schema import build
from il_ros.core.topics import GUIDING, HAND_GRIPPER
from il_ros.core.types import SILENCE_NS, Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Operated, Setup, at_least, grips, joints_at
from il_ros.teleop.deadman import DeadMan


@dataclass(frozen=True)
class KinestheticOptions:
    """When the arm counts as led."""

    timeout_s: float = SILENCE_NS / 1e9
    """A driver that has been silent this long while the arm was led is lost; it may be slower than other devices' since
    an arm that is led is not commanded."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("timeout_s",))


class Kinesthetic(Operated):
    """Return the motion that the arm is led through while its driver reports that it is compliant.

    The commands that come of it are those that would have made the arm move as it just did, one step late; a compliant
    arm does not obey them. With a contract of joints they are the joints' positions, else the tool's velocity over the
    last step.

    The gripper stays as it is until somebody squeezes it: the fingers, by hand, or a button or trigger of the handle,
    which is published and then counts alone. Fingers that were closed on a thing by hand are commanded to where they
    are, which holds it by no force: use a button where something is to be held.
    """

    topics: ClassVar[Mapping[str, str]] = {topic.name: topic.type_name for topic in (GUIDING, HAND_GRIPPER)}

    def __init__(self, setup: Setup) -> None:
        self.options: KinestheticOptions = build(KinestheticOptions, "device 'kinesthetic'", setup.options)
        super().__init__(setup, "kinesthetic", DeadMan(self.options.timeout_s, seen_up=True))
        self._last: RobotState | None = None
        self._has_trigger = False

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Process whether the arm is compliant, or a trigger.

        Raises:
            MessageError: if the trigger is not from 0 to 1.
        """
        if topic == HAND_GRIPPER.name:
            self.hear_gripper(topic, message)
            self._has_trigger = True
            return
        self.dead_man.hear(bool(message.data), now_ns)

    def reset(self, start: EpisodeStart) -> None:
        """Forget the last reading: that the arm was put elsewhere was no motion."""
        self._last = None

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return what the arm just did, while it is led."""
        last, self._last = self._last, reading
        if not self._has_trigger and not np.isnan(reading.grip):
            self.gripper.squeeze(reading.grip)
        if not self.dead_man.holds(now_ns):
            return self.away()
        self.note("lost", "")
        action, wanted = self._done(reading, last), grips(self.setup.contract, self.gripper.wanted(reading))
        return ExpertAction(np.where(self.setup.contract.is_gripper, wanted, action), engaged=True, author=self.name)

    def _done(self, reading: RobotState, last: RobotState | None) -> Array:
        contract = self.setup.contract
        if contract.moves_tool:
            passed_s = 0.0 if last is None else (reading.stamp_ns - last.stamp_ns) / 1e9
            if last is None or not 0.0 < passed_s < 0.5:
                return self.action(np.zeros(3), reading)
            turned = matrix(reading.tool_quaternion) @ matrix(last.tool_quaternion).T
            moved = ToolCommand(reading.tool_position - last.tool_position, rotation_vector(turned))
            done = ToolCommand(moved.linear / passed_s, moved.angular / passed_s)
            return np.clip(self.action(done, reading), contract.low, contract.high)
        joints: Array = np.clip(joints_at(reading, contract, "kinesthetic"), contract.low, contract.high)
        return joints
