# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Velocities of the tool as geometry_msgs/TwistStamped: from any driver made for MoveIt Servo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros.core import schema
from il_ros.core.contract import TOOL_AXES
from il_ros.core.errors import MessageError
from il_ros.core.frames import IDENTITY, Frame
from il_ros.core.topics import HAND_GRIPPER, TWIST
from il_ros.core.types import Array, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Operated, Setup, at_least, finite
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan

KINDS = ("linear", "angular")
LET_GO_S = 0.2
"""An operator whose driver publishes zeros for so long has let go."""


@dataclass(frozen=True)
class TwistOptions:
    """How twists are taken."""

    scale: float = 1.0
    """Metres a second for a linear velocity of 1: MoveIt Servo's ``command_in_type: unitless`` has numbers up to 1."""
    turn_scale: float = 1.0
    """Rad a second for an angular velocity of 1; 0 leaves the tool's orientation as it is."""
    timeout_s: float = DEAD_MAN_S
    """A driver that has been silent this long after a velocity is lost."""
    frame: str = ""
    """What the driver calls a frame whose axes point as those of the base do, beside the names that the robot has."""
    silence_lets_go: bool = False
    """For a driver that publishes only while it drives and never zeros: its silence is no loss but lets go."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("scale", "turn_scale", "timeout_s"))


class Twist(Operated):
    """Drive the tool with twists: a velocity drives, and zeros for a while, or at last, let go.

    A SpaceMouse or a phone is set up for MoveIt Servo as ever, and the topic ``delta_twist_cmds`` remapped.
    """

    topics: ClassVar[Mapping[str, str]] = {topic.name: topic.type_name for topic in (TWIST, HAND_GRIPPER)}

    def __init__(self, setup: Setup) -> None:
        self.options: TwistOptions = schema.build(TwistOptions, "device 'twist'", setup.options)
        super().__init__(setup, "twist", DeadMan(self.options.timeout_s, seen_up=True))
        self.dead_man.silence_lets_go = self.options.silence_lets_go
        self._velocity: Array = np.zeros(3)
        self._turning: Array = np.zeros(3)
        self._frame = Frame()
        self._moved_ns: int | None = None
        """When a velocity other than zero was received last."""

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Take a twist, or how far the gripper is to close.

        Raises:
            MessageError: if a number is not finite, or the frame is not known; the driver then counts as lost.
        """
        if topic == HAND_GRIPPER.name:
            self.hear_gripper(topic, message)
            return
        linear, angular, name = message.twist.linear, message.twist.angular, message.header.frame_id
        try:
            frame = Frame() if name == self.options.frame else self.frame(topic, name)
            velocity = self.options.scale * finite(topic, "linear velocity", (linear.x, linear.y, linear.z))
            turning = finite(topic, "angular velocity", (angular.x, angular.y, angular.z)) * self.options.turn_scale
        except MessageError:
            self.dead_man.lose()
            raise
        self._velocity, self._turning, self._frame = velocity, turning, frame
        moves = bool(velocity.any() or turning.any())
        self.dead_man.alive(now_ns)  # a silence that ends now was one after the last twist, not after this one
        self.dead_man.silence_lets_go = self.options.silence_lets_go or not moves
        if moves:
            self._moved_ns = now_ns
        rests = not moves and (self._moved_ns is None or now_ns - self._moved_ns >= LET_GO_S * 1e9)
        self.dead_man.press(moves or (self.dead_man.holds(now_ns) and not rests))
        self._note_left_out()

    def _note_left_out(self) -> None:
        """Note the components that the contract cannot command."""
        names, left = self.setup.contract.action_names, list[str]()
        if self.setup.contract.moves_tool and not self._frame.turns_with_tool:
            twist, labels = [*self._velocity, *self._turning], [f"{kind}.{axis}" for kind in KINDS for axis in "xyz"]
            left = [label for label, axis, v in zip(labels, TOOL_AXES, twist) if v and axis not in names]
        if left:  # it stays noted: a cap that is pushed is always turned a little, too
            about = ", ".join(left)
            self.note(about, f"delta_twist_cmds has {about}, of which the contract's action knows nothing: left out")

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the command of the last twist, while somebody drives."""
        if not self.dead_man.holds(now_ns):
            return self.away()
        turned = reading.tool_quaternion if self._frame.turns_with_tool else IDENTITY
        linear, angular = (self._frame.in_base(vector, turned) for vector in (self._velocity, self._turning))
        return self.driven(ToolCommand(linear, angular), reading)
