# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Devices, one file each, through which an expert speaks: a page, a gamepad, a hand, a leader arm, a script, ..."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from il_ros.core import messages, plugins, topics
from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.frames import Frame
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState

DEAD_MAN_S = 0.1
"""A driver that has been silent this long while somebody drove is lost. It is two periods of the slowest that are
usual: joy_node repeats at 20 Hz. With a step of 50 ms, and one or two more in which the gate brings the command to
rest, the arm stands 0.25 s after the device's last word."""


HUGE = 1e6
"""Nobody means so large a number, of whatever unit."""


class Guide(Protocol):
    """A scripted expert of a task, as a device uses it."""

    name: str

    def reset(self, start: EpisodeStart) -> None:
        """Get ready for an episode."""

    def __call__(self, reading: RobotState) -> Array:
        """The tool's velocity (2,), m/s, that is right for ``reading``."""


class Solver(Protocol):
    """Inverse kinematics, as a device uses it."""

    remark: str
    """What keeps the tool from moving as it was last wanted, if anything does."""

    def __call__(self, velocity: Array, reading: RobotState, scripted: bool = False) -> Array:
        """The action (Da,) that moves the tool by a velocity (3,), m/s, from where a reading has it.

        Raises:
            MessageError: if the reading is not of the arm that is reckoned with.
        """


@dataclass(frozen=True)
class Setup:
    """What a device is given: the contract, and what the task knows if there is one."""

    contract: Contract
    guide: Guide | None = None
    """The task's scripted expert."""
    clearance: Callable[[Array, Array], float] | None = None
    """How far, m, tool positions (N, 2) keep from trouble, given the objects."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The device's own options, from parameters."""
    solve: Solver | None = None
    """Inverse kinematics, for a contract that commands joints."""
    frames: Mapping[str, Frame] = field(default_factory=dict)
    """The frames of the robot in which a driver may give its vectors, by name, beside the contract's own."""


class Device(abc.ABC):
    """One device; it satisfies ``il_ros.core.types.ScriptedPolicy``, and hears the topics that its driver publishes."""

    topics: ClassVar[Mapping[str, str]] = {}
    """Topic to message type, for what the device's driver publishes."""
    timeout_s = DEAD_MAN_S
    """Messages that are read later than this after they came were held up; see ``interrupt``."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.notes: dict[str, str] = {}
        """What the operator should know about the device now, by what it is about."""

    def hear(self, topic: str, message: Any, now_ns: int) -> None:  # noqa: B027
        """Take a message of the device's driver, which came at ``now_ns`` of the steady clock.

        Raises:
            MessageError: if it cannot be; the device is lost then, if somebody drove with it.
        """

    def interrupt(self) -> None:  # noqa: B027
        """Messages of the driver were held up on their way: whoever drove is lost."""

    def reset(self, start: EpisodeStart) -> None:  # noqa: B027
        """Forget the last episode."""

    @property
    def watched(self) -> Mapping[str, str]:
        """Topic to message type, for what it answers: the arm's readings, unless a device says otherwise.

        Only scripts look at objects; an arm that a person drives needs nobody who sees them.
        """
        unseen = () if self.setup.guide is not None else (topics.OBJECTS,)
        return {topic.name: topic.type_name for topic in topics.READING if topic not in unseen}

    def respond(self, heard: Mapping[str, Any], now_ns: int = 0) -> ExpertAction:
        """Say what to do now, given a message of each topic that is watched."""
        return self.answer(messages.reading_from(heard), now_ns)

    @abc.abstractmethod
    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Say what to do now."""

    def note(self, about: str, text: str) -> None:
        """Tell the operator something, or, with an empty text, that it is no longer so."""
        if text:
            self.notes[about] = text
        else:
            self.notes.pop(about, None)

    def action(self, velocity: Array, reading: RobotState, scripted: bool = False) -> Array:
        """The contract's action for a tool velocity (2,) or (3,), m/s; of its moves the nearest, if it has any.

        Raises:
            ConfigError: if the contract's action is made neither of tool velocities nor of the joints of its robot.
            MessageError: if the reading is not of the arm that the contract names.
        """
        contract, values = self.setup.contract, np.zeros(3)
        values[: len(velocity)] = velocity
        if contract.moves_tool:
            return contract.nearest_move(values[[TOOL_AXES.index(name) for name in contract.action_names]])
        if self.setup.solve is None:
            own_name = type(self).__module__.rpartition(".")[2]
            raise ConfigError(
                f"device {own_name!r} gives tool velocities; contract {contract.name!r} commands "
                f"{', '.join(contract.action_names)}, which are not the joints of its robot; choose a contract with "
                f"{', '.join(TOOL_AXES)}, or name the robot in it"
            )
        solved = self.setup.solve(values, reading, scripted=True) if scripted else self.setup.solve(values, reading)
        self.note("reach", self.setup.solve.remark)
        return contract.nearest_move(solved)

    def frame(self, topic: str, name: str) -> Frame:
        """The frame of a message.

        Raises:
            MessageError: if nobody knows how it is turned.
        """
        contract, frames = self.setup.contract, self.setup.frames
        if name in ("", contract.frame):
            return Frame()
        if name not in frames:
            choices = sorted({*frames, contract.frame} - {""})
            raise MessageError(
                f"{topic}: frame_id {name!r} is not known; make the driver use {', '.join(choices) or 'none'}, or "
                "leave it empty for the base frame; if its axes point as the base's do, set the device's option 'frame'"
            )
        return frames[name]


class DeadMan:
    """Whether the operator holds on, has let go, or was lost while they held on.

    To let go is an act: the switch is seen up. Silence, and what cannot be, is none: who held on is *lost* then, until
    the switch has been seen up and is held again. A switch that is stuck or tied down when all is started, or that was
    not heard for a while, holds nothing before it was seen up.

    Args:
        timeout_s: how long a silence may last.
        seen_up: whether the switch may be held from the very beginning.
    """

    def __init__(self, timeout_s: float, seen_up: bool = False) -> None:
        self.timeout_s = timeout_s
        self._seen_up = seen_up
        self._held = False
        self._heard_ns: int | None = None
        self.lost = False
        """Whether contact was lost; see ``ExpertAction.lost``."""
        self.silence_lets_go = False
        """Whether a silence counts as an act of letting go from here on."""

    def hear(self, down: bool, now_ns: int) -> None:
        """Take the position of a switch that its driver repeats."""
        self.alive(now_ns)
        self.press(down)

    def alive(self, now_ns: int) -> None:
        """The driver has been heard."""
        self._watch(now_ns)
        self._heard_ns = now_ns if self._heard_ns is None else max(now_ns, self._heard_ns)

    def press(self, down: bool) -> None:
        """Take the position of a switch that is told when it changes."""
        self._seen_up = self._seen_up or not down
        self._held = down and self._seen_up
        self.lost = self.lost and not self._held

    def lose(self) -> None:
        """What the driver tells cannot be, or comes too late."""
        self.lost = self.lost or self._held
        self._held = self._seen_up = False

    def holds(self, now_ns: int) -> bool:
        """Whether the operator holds on."""
        self._watch(now_ns)
        return self._held and self._heard_ns is not None

    def _watch(self, now_ns: int) -> None:
        if self._heard_ns is None or not is_silent(self._heard_ns, now_ns, self.timeout_s):
            return
        self._heard_ns = None  # what is done with the switch from here on is done after the silence
        if self.silence_lets_go:
            self._held, self._seen_up = False, True
        else:
            self.lose()


class Operated(Device):
    """A device of a person, who drives the tool with it while a dead-man switch is held."""

    def __init__(self, setup: Setup, name: str, dead_man: DeadMan) -> None:
        super().__init__(setup)
        self.name, self.dead_man, self.timeout_s = name, dead_man, dead_man.timeout_s

    def interrupt(self) -> None:
        """Whoever drove is lost, and the switch must be seen up."""
        self.dead_man.lose()

    def away(self) -> ExpertAction:
        """Nobody drives: they have let go, or are lost."""
        lost = self.dead_man.lost
        self.note("lost", "contact with the device was lost: let go of it, and take hold again" if lost else "")
        return ExpertAction(None, engaged=False, author=self.name, lost=lost)

    def driven(self, velocity: Array, reading: RobotState) -> ExpertAction:
        """The operator drives the tool at a velocity (3,), m/s, unless the arm is another than is reckoned with."""
        self.note("lost", "")
        try:
            action = self.action(velocity, reading)
            if not np.isfinite(action).all():
                turned = reading.tool_quaternion.tolist()
                raise MessageError(f"tool_pose has the orientation {turned}, which is none; mend its driver")
        except MessageError as error:
            self.dead_man.lose()
            self.note("arm", str(error))
            return self.away()
        self.note("arm", "")
        return ExpertAction(action, engaged=True, author=self.name)


def towards(target: Array, position: Array, gain_per_s: float, fastest_m_s: float) -> Array:
    """(3,) m/s, the velocity that makes up for what is left to go, but no faster than that."""
    return shortened(gain_per_s * (target - position), fastest_m_s)


def shortened(vector: Array, longest: float) -> Array:
    """The vector, no longer than that."""
    length = float(np.linalg.norm(vector))
    return vector * min(1.0, longest / max(length, 1e-9))


def joints_at(reading: RobotState, contract: Contract, device: str) -> Array:
    """(Da,) rad, where the joints are that the contract commands.

    Raises:
        ConfigError: if it commands anything that is not a joint of the arm.
    """
    at = dict(zip(reading.joint_names, reading.joint_positions))
    absent = [name for name in contract.action_names if name not in at]
    if absent:
        raise ConfigError(
            f"device {device!r} gives joint positions; contract {contract.name!r} commands {', '.join(absent)}, "
            "which the arm has not; choose a contract of joints, such as panda_joints"
        )
    return np.array([at[name] for name in contract.action_names])


def finite(topic: str, what: str, numbers: Iterable[float]) -> Array:
    """The numbers of a message.

    Raises:
        MessageError: if one of them is not finite, or is larger than anything that is meant; whoever calls counts the
            device as lost then.
    """
    spoken = tuple(numbers)
    if not all(abs(number) < HUGE for number in spoken):
        raise MessageError(f"{topic}: {what} {spoken} is not finite, or beyond {HUGE:g}; its publisher counts as lost")
    return np.array(spoken)


def load(name: str, setup: Setup) -> Device:
    """Make the device called ``name``.

    Raises:
        ConfigError: if there is none, or it needs a task and has none.
    """
    return plugins.load("il_ros.teleop.devices", Device, "device", name)(setup)  # type: ignore[type-abstract]


def is_silent(heard_ns: int | None, now_ns: int, timeout_s: float) -> bool:
    """Whether a driver was never heard, or not within ``timeout_s``."""
    return heard_ns is None or now_ns - heard_ns > timeout_s * 1e9


def at_least(options: Any, low: float, names: Iterable[str]) -> None:
    """Check a device's options.

    Raises:
        ConfigError: if one of ``names`` is not a number from ``low`` on.
    """
    for name in names:
        value = getattr(options, name)
        if not low <= value < math.inf:
            raise ConfigError(f"device option {name} is {value}; it must be a number from {low} on")


def required_guide(setup: Setup) -> Guide:
    """The guide of a device that cannot do without.

    Raises:
        ConfigError: if the setup has none.
    """
    if setup.guide is None:
        raise ConfigError(
            "this device follows a task's script; set the parameter 'task', or choose a device of a person"
        )
    return setup.guide
