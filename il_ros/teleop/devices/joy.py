# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gamepad through sensor_msgs/Joy: the conventions of teleop_twist_joy, an enable button that must be held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from il_ros.core import schema
from il_ros.core.errors import ConfigError, MessageError, unknown
from il_ros.core.topics import JOY
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Operated, Setup, at_least
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan

NEAR, FAR, BEYOND = 0.1, 0.9, 1.5
"""A stick at rest is nearer to its middle than the first, an axis at its end is farther than the second, and none is
ever beyond the third."""
REST_S = 0.2
"""A trigger passes its middle faster than this."""


class JoyLayout(NamedTuple):
    """Axes and buttons of a kind of pad, as its driver publishes them."""

    options: Mapping[str, float]
    """Of ``PadLayout``."""
    triggers: tuple[int, ...]
    """The axes that rest at an end."""
    shape: tuple[int, int]
    """The least numbers of axes and buttons."""


LAYOUTS = {
    "xbox": JoyLayout({"enable_button": 4, "turbo_button": 5, "axis_z": 4, "axis_yaw": 3}, (2, 5), (8, 11)),
    "xbox_bluetooth": JoyLayout({"enable_button": 6, "turbo_button": 7, "axis_z": 3, "axis_yaw": 2}, (4, 5), (8, 15)),
    "ps4": JoyLayout({"enable_button": 4, "turbo_button": 5, "axis_z": 4, "axis_yaw": 3}, (2, 5), (8, 13)),
    "ps5": JoyLayout({"enable_button": 4, "turbo_button": 5, "axis_z": 4, "axis_yaw": 3}, (2, 5), (8, 13)),
    "game_controller_node": JoyLayout(
        {
            "enable_button": 9,
            "turbo_button": 10,
            "axis_z": 3,
            "axis_yaw": 2,
            "gripper_at_rest": 0,
            "gripper_squeezed": 1,
        },
        (4, 5),
        (6, 21),
    ),
}
"""By name: the first four as joy_node shows them on Linux with the drivers xpad, hid-microsoft and hid-playstation, the
last as game_controller_node shows any pad that SDL knows. LB or L1 enables, RB or R1 is turbo, A or the cross is the
gripper's button, the left stick is x and y, the right one z and yaw."""


@dataclass(frozen=True)
class PadLayout:
    """Which axis and button does what; the defaults are those of the layout, here ``xbox``."""

    layout: str = "xbox"
    """The kind of pad, and of its driver: one of ``LAYOUTS``."""
    enable_button: int = 4
    """Held while driving; letting go gives control back."""
    turbo_button: int = 5
    axis_x: int = 1
    """Forward is +1."""
    axis_y: int = 0
    """Left is +1."""
    axis_z: int = 4
    axis_yaw: int = 3
    """Turning to the left is +1."""
    gripper_button: int = 0
    """Each press closes or opens the gripper."""
    gripper_axis: int = -1
    """A trigger that the gripper goes with, from open where it rests; -1 for none."""
    gripper_at_rest: float = 1.0
    """Where that axis rests."""
    gripper_squeezed: float = -1.0
    """Where it is when it is squeezed."""
    scale_m_s: float = 0.12
    """Tool speed at full deflection."""
    scale_turbo_m_s: float = 0.22
    scale_x: float = 1.0
    """How much of these speeds the stick asks for along x; below 0 for a stick that goes the other way."""
    scale_y: float = 1.0
    scale_z: float = 1.0
    scale_yaw_rad_s: float = 0.6
    """How fast the tool turns about the vertical at full deflection; 0 leaves it as it is."""
    deadzone: float = 0.05
    """A stick that is nearer to its middle than this counts as in its middle."""
    timeout_s: float = DEAD_MAN_S
    """A pad that has been silent this long while the button was held is lost."""

    def __post_init__(self) -> None:
        at_least(self, 0, ("enable_button", "turbo_button", "axis_x", "axis_y", "axis_z", "axis_yaw", "gripper_button"))
        at_least(self, -1, ("gripper_axis", "gripper_at_rest", "gripper_squeezed"))
        if self.gripper_at_rest == self.gripper_squeezed:
            raise ConfigError(
                f"device option gripper_squeezed is {self.gripper_squeezed:g}, as gripper_at_rest is; give both ends"
            )
        at_least(self, 0.0, ("scale_m_s", "scale_turbo_m_s", "timeout_s", "deadzone"))
        at_least(self, -10.0, ("scale_x", "scale_y", "scale_z", "scale_yaw_rad_s"))


class Axis:
    """One axis of a pad, which drives only once it was seen near its middle, where a stick rests.

    A trigger rests at an end, and some drivers publish 0 for it before it is first touched. Where other pads have a
    trigger, an axis that jumps from its middle to its end at once is taken for one, until it has come to rest in its
    middle.

    Args:
        may_be_trigger: whether other pads have a trigger there.
    """

    def __init__(self, may_be_trigger: bool) -> None:
        self.drives = False
        """Whether it is known to be a stick that was let go of."""
        self._is_stick, self._was_away = not may_be_trigger, False
        self._last = math.nan
        self._near_since_ns: int | None = None

    def hear(self, value: float, pressed: bool, now_ns: int) -> None:
        """Take its position, and whether the enable button has just been pressed."""
        last, self._last = self._last, value
        is_near = abs(value) <= NEAR
        self._was_away = self._was_away or not is_near
        if not is_near:
            self._near_since_ns = None
        elif self._near_since_ns is None:
            self._near_since_ns = now_ns
        rests = self._near_since_ns is not None and now_ns - self._near_since_ns >= REST_S * 1e9
        self._is_stick = self._is_stick or (rests and self._was_away)
        is_stuck = pressed and abs(last) > FAR and abs(value) > FAR
        jumps = not self._is_stick and abs(last) <= NEAR and abs(value) > FAR
        if is_stuck or jumps:
            self.drives = False
        elif is_near and (self._is_stick or rests or math.isnan(last)):
            self.drives = True


class Joy(Operated):
    """Drive the tool with the sticks of a gamepad."""

    topics: ClassVar[Mapping[str, str]] = {JOY.name: JOY.type_name}

    def __init__(self, setup: Setup) -> None:
        name = setup.options.get("layout", PadLayout.layout)
        if name not in LAYOUTS:
            raise unknown("device 'joy': layout", str(name), LAYOUTS)
        options = {**LAYOUTS[name].options, **setup.options}
        self.mapping: PadLayout = schema.build(PadLayout, "device 'joy'", options)
        super().__init__(setup, "joy", DeadMan(self.mapping.timeout_s))
        self._velocity: Array = np.zeros(4)
        self._was_down = self._gripper_down = False
        triggers = {axis for layout in LAYOUTS.values() for axis in layout.triggers}
        self._numbers = (self.mapping.axis_x, self.mapping.axis_y, self.mapping.axis_z, self.mapping.axis_yaw)
        self._axes = [Axis(number in triggers) for number in self._numbers]

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Process the state of sticks and buttons.

        Raises:
            MessageError: if the pad has fewer axes or buttons than the mapping names, or an axis is not finite.
        """
        m = self.mapping
        buttons, axes = list(message.buttons), list(message.axes)
        if len(buttons) <= m.enable_button or len(axes) <= max(m.axis_x, m.axis_y):
            self.dead_man.lose()
            raise MessageError(
                f"joy has {len(axes)} axes and {len(buttons)} buttons; the mapping needs axis "
                f"{max(m.axis_x, m.axis_y)} and button {m.enable_button}; set the device's options"
            )
        turbo = m.turbo_button < len(buttons) and buttons[m.turbo_button]
        sticks = np.array([axes[a] if a < len(axes) else 0.0 for a in self._numbers])
        if not (np.abs(sticks) <= BEYOND).all():
            self.dead_man.lose()
            raise MessageError(f"joy axes {sticks.tolist()} are not finite, or beyond {BEYOND:g}; the pad is lost")
        self._compare((len(axes), len(buttons)))
        down = bool(buttons[m.enable_button])
        self.dead_man.hear(down, now_ns)
        for axis, value in zip(self._axes, sticks.tolist()):
            axis.hear(value, down and not self._was_down, now_ns)
        self._was_down = down
        self._explain(sticks)
        sticks = np.clip(np.where(np.abs(sticks) < m.deadzone, 0.0, sticks), -1.0, 1.0)
        speed = m.scale_turbo_m_s if turbo else m.scale_m_s
        scales = np.array([m.scale_x * speed, m.scale_y * speed, m.scale_z * speed, m.scale_yaw_rad_s])
        self._velocity = scales * sticks * [axis.drives for axis in self._axes]
        self._hear_gripper(axes, buttons, now_ns)

    def _hear_gripper(self, axes: Sequence[float], buttons: Sequence[int], now_ns: int) -> None:
        """Process the gripper's button and trigger, where the pad has them."""
        m = self.mapping
        was_down, self._gripper_down = self._gripper_down, any(buttons[m.gripper_button : m.gripper_button + 1])
        if self._gripper_down and not was_down and self.dead_man.holds(now_ns):
            self.gripper.toggle()
        if 0 <= m.gripper_axis < len(axes) and abs(axes[m.gripper_axis]) <= BEYOND:
            way = m.gripper_squeezed - m.gripper_at_rest
            self.gripper.squeeze((axes[m.gripper_axis] - m.gripper_at_rest) / way)

    def _compare(self, shape: tuple[int, int]) -> None:
        """Note a pad that looks like one of another layout."""
        like = [name for name, layout in LAYOUTS.items() if layout.shape == shape]
        differs = bool(like) and self.mapping.layout not in like
        self.note(
            "layout",
            f"joy has {shape[0]} axes and {shape[1]} buttons, as a pad of layout {' or '.join(like)} has; the device's "
            f"option 'layout' is {self.mapping.layout}: set it if sticks or buttons are not where they should be"
            if differs
            else "",
        )

    def _explain(self, sticks: Array) -> None:
        """Note which axes do not drive though they are out of their middle, and why."""
        idle = [
            f"{number} (at {value:.2f})"
            for number, axis, value in zip(self._numbers, self._axes, sticks.tolist())
            if not axis.drives and abs(value) > NEAR
        ]
        self.note(
            "axis",
            f"joy axis {', '.join(idle)} has not been seen at rest near 0, as a stick is: it drives nothing until it "
            "was; if it is a trigger, set the device's option 'layout', or axis_x, axis_y and axis_z"
            if idle
            else "",
        )

    def reset(self, start: EpisodeStart) -> None:
        """Do nothing: a held button stays held from one episode to the next."""

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the command of the sticks while the button is held and the pad is connected."""
        command = ToolCommand(self._velocity[:3], np.array([0.0, 0.0, self._velocity[3]]))
        return self.driven(command, reading) if self.dead_man.holds(now_ns) else self.away()
