# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Poses of a hand as geometry_msgs/PoseStamped, as phones and VR controllers publish them: the tool goes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from il_ros.core import schema
from il_ros.core.errors import MessageError
from il_ros.core.frames import Frame, matrix, rotation_vector, shortened
from il_ros.core.topics import HAND_GRIPPER, HAND_POSE
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Operated, Setup, at_least, finite, towards
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan

JITTER_M, SHORTEST_S = 0.005, 0.02
"""By so much the place of a resting hand may differ between two poses, which may come one right after the other."""
SETTLE_S = 0.2
"""How long a hand must do what hands do, after a jump, before it is followed again."""
STANDING = ("local", "stage", "world", "map", "odom")
"""What trackers call a frame that stands still: its axes are taken to point as those of the base do, since only the way
that the hand goes counts, not its place."""
FROZEN_S = 1.0
"""A hand always trembles: a tracker that publishes the very same place for so long, after others, has lost it."""


@dataclass(frozen=True)
class PoseOptions:
    """How poses are taken."""

    scale: float = 1.0
    """How far the tool goes for a metre of the hand."""
    speed_m_s: float = 0.22
    """The fastest that the tool follows."""
    turns: bool = True
    """Whether the tool turns with the hand, where the contract can turn it."""
    turn_rad_s: float = 1.0
    """The fastest that it turns."""
    hand_m_s: float = 1.0
    """Faster than this no hand moves that leads a tool: such a motion is a jump of the tracker."""
    gain_per_s: float = 6.0
    """How fast what is left to go is made up for."""
    timeout_s: float = DEAD_MAN_S
    """A hand that has been silent this long is lost."""
    frame: str = ""
    """What the driver calls a frame whose axes point as those of the base do, beside ``STANDING`` and the names that
    the robot has."""
    silence_lets_go: bool = False
    """For a driver that publishes only while a button is held: its silence is no loss but lets go."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("scale", "speed_m_s", "turn_rad_s", "hand_m_s", "gain_per_s", "timeout_s"))


class Pose(Operated):
    """Lead the tool by the hand: wherever the hand is at its first message, the tool is where the tool is.

    From then on both go the same way. After a silence, a place that no hand can have come to, another frame, or a
    tracker that has lost sight, the hand is lost, and begins anew where it is then; so the arm never jumps to meet it.
    """

    topics: ClassVar[Mapping[str, str]] = {topic.name: topic.type_name for topic in (HAND_POSE, HAND_GRIPPER)}

    def __init__(self, setup: Setup) -> None:
        self.options: PoseOptions = schema.build(PoseOptions, "device 'pose'", setup.options)
        super().__init__(setup, "pose", DeadMan(self.options.timeout_s, seen_up=True))
        self.dead_man.silence_lets_go = self.options.silence_lets_go
        self._hand: Array | None = None
        """(3,) m, in its own frame; None until it is received."""
        self._turned: Array = np.full((3, 3), np.nan)
        """(3, 3), the hand's orientation; NaN where the tracker knows none."""
        self._frame, self._frame_id = Frame(), ""
        self._received_ns = self._moved_ns = 0
        """When it was received last, and when it differed from the one before."""
        self._trembles = False
        """Whether the hand has ever been elsewhere than just before."""
        self._strange_ns: int | None = None
        """When it last did what no hand does."""
        self._anchor: tuple[Array, Array, Array, Array] | None = None
        """(3,) m, the hand and the tool when the hand began to lead, then (3, 3), how both were turned; None until they
        are known."""

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Process the pose of the hand, or how far the gripper is to close; a hand that cannot be there is lost.

        Raises:
            MessageError: if a number is not finite; the hand then counts as lost, too.
        """
        if topic == HAND_GRIPPER.name:
            self.hear_gripper(topic, message)
            return
        place, q, name = message.pose.position, message.pose.orientation, message.header.frame_id
        try:
            hand = finite(topic, "position", (place.x, place.y, place.z))
            turned = matrix(finite(topic, "orientation", (q.x, q.y, q.z, q.w)))
        except MessageError:
            self._lose(now_ns)
            raise
        if not self.dead_man.holds(now_ns):
            self._anchor = None
        doubt = self._doubt(topic, hand, name, now_ns)
        self.note("hand", doubt)
        if doubt:
            self._lose(now_ns)
        self._hand, self._turned, self._frame_id, self._received_ns = hand, turned, name, now_ns
        self.dead_man.alive(now_ns)
        if self._strange_ns is None or now_ns - self._strange_ns >= SETTLE_S * 1e9:
            self._strange_ns = None
            self.dead_man.press(False)
            self.dead_man.press(True)

    def _doubt(self, topic: str, hand: Array, name: str, now_ns: int) -> str:
        """Return what is implausible about a position (3,), m, of the hand in a frame; empty if nothing is."""
        try:
            self._frame = Frame() if name in (self.options.frame, *STANDING) else self.frame(topic, name)
        except MessageError as error:
            return str(error)
        if not hand.any():
            return f"{topic}: position is 0 0 0, as trackers tell that have lost sight; the hand is lost"
        if self._hand is None or now_ns - self._received_ns > self.options.timeout_s * 1e9:
            self._moved_ns = now_ns
            return ""  # it begins anew anyway
        if name != self._frame_id:
            return f"{topic}: frame_id was {self._frame_id!r} and is {name!r}; the hand begins anew"
        moved, passed_s = float(np.linalg.norm(hand - self._hand)), (now_ns - self._received_ns) / 1e9
        if moved:
            self._moved_ns = now_ns
        if moved > self.options.hand_m_s * max(passed_s, SHORTEST_S) + JITTER_M:
            return (
                f"{topic}: the hand went {moved:.3f} m in {passed_s:.3f} s, which no hand does that leads a tool "
                f"(hand_m_s is {self.options.hand_m_s:g}); it begins anew"
            )
        self._trembles = self._trembles or moved > 0.0
        if self._trembles and now_ns - self._moved_ns > FROZEN_S * 1e9:
            return f"{topic}: the hand has not even trembled for {FROZEN_S:g} s; the tracker has lost it"
        return ""

    def _lose(self, now_ns: int) -> None:
        self.dead_man.lose()
        self._anchor, self._strange_ns = None, now_ns

    def interrupt(self) -> None:
        """Count the hand as lost; it begins anew where it is then."""
        super().interrupt()
        self._anchor = None

    def reset(self, start: EpisodeStart) -> None:
        """Forget the anchor: the arm has been put elsewhere."""
        self._anchor = None

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the command towards where the hand leads, while it is followed."""
        if not self.dead_man.holds(now_ns) or self._hand is None:
            self._anchor = None
            return self.away()
        o, tool_turned = self.options, matrix(reading.tool_quaternion)
        self._anchor = self._anchor or (self._hand, reading.tool_position, self._turned, tool_turned)
        hand, tool, hand_first, tool_first = self._anchor
        axes = matrix(self._frame.quaternion)  # of the hand's frame in the base frame
        axes = tool_turned @ axes if self._frame.turns_with_tool else axes
        linear = towards(
            tool + axes @ (o.scale * (self._hand - hand)), reading.tool_position, o.gain_per_s, o.speed_m_s
        )
        turn = axes @ self._turned @ hand_first.T @ axes.T @ tool_first @ tool_turned.T  # what is left to turn
        angular = np.zeros(3)
        if o.turns and np.isfinite(turn).all():
            angular = shortened(o.gain_per_s * rotation_vector(turn), o.turn_rad_s)
        return self.driven(ToolCommand(linear, angular), reading)
