# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base classes of teleoperation devices: ``Device``, its setup, and the base of those that people operate."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from il_ros.core import messages, plugins, topics
from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.frames import Frame, shortened
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan
from il_ros.teleop.gripper import GripperInput, with_grip

HUGE = 1e6
"""No message means so large a number, of whatever unit."""


class Guide(Protocol):
    """A scripted expert of a task, as a device uses it."""

    name: str

    def reset(self, start: EpisodeStart) -> None:
        """Prepare for an episode."""

    def __call__(self, reading: RobotState) -> Array | ToolCommand:
        """Return what is right for ``reading``: a command, or the tool's velocity (2,) or (3,), m/s."""


class Solver(Protocol):
    """Inverse kinematics, as a device uses it."""

    remark: str
    """What keeps the tool from moving as it was last commanded, if anything does."""

    def reset(self) -> None:
        """Forget the last episode."""

    def __call__(self, velocity: Array, reading: RobotState, scripted: bool = False) -> Array:
        """Return the action, without its gripper, that moves the tool by a velocity (6,), m/s and rad/s.

        Raises:
            MessageError: if the reading is not of the arm that the solver was made for.
        """


@dataclass(frozen=True)
class Setup:
    """What a device is made from: the contract, and what the task provides if there is one."""

    contract: Contract
    guide: Guide | None = None
    """The task's scripted expert."""
    clearance: Callable[[Array, Array], float] | None = None
    """Returns the clearance, m, of tool positions (N, 2) from obstacles, given the objects."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The device's own options, from parameters."""
    solve: Solver | None = None
    """Inverse kinematics, for a contract that commands joints."""
    frames: Mapping[str, Frame] = field(default_factory=dict)
    """The frames of the robot in which a driver may publish its vectors, by name, beside the contract's own."""


class Device(abc.ABC):
    """One device; it satisfies ``il_ros.core.types.ScriptedPolicy``, and subscribes to what its driver publishes."""

    topics: ClassVar[Mapping[str, str]] = {}
    """Topic to message type, for what the device's driver publishes."""
    timeout_s = DEAD_MAN_S
    """Messages that are read later than this after they were received were held up; see ``interrupt``."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.notes: dict[str, str] = {}
        """What the operator should know about the device now, by subject."""

    def hear(self, topic: str, message: Any, now_ns: int) -> None:  # noqa: B027
        """Process a message of the device's driver, received at ``now_ns`` of the steady clock.

        Raises:
            MessageError: if its content is impossible; the device is lost then, if somebody drove with it.
        """

    def interrupt(self) -> None:  # noqa: B027
        """Count the device as lost if somebody drove: messages of its driver were held up on their way."""

    def reset(self, start: EpisodeStart) -> None:
        """Forget the last episode."""
        if self.setup.solve is not None:
            self.setup.solve.reset()

    @property
    def watched(self) -> Mapping[str, str]:
        """Topic to message type, for what it responds to: the state of the arm, unless a device overrides it.

        Only scripts look at objects; an arm that an operator drives needs no perception of them.
        """
        unseen = () if self.setup.guide is not None else (topics.OBJECTS,)
        return {topic.name: topic.type_name for topic in topics.READING if topic not in unseen}

    def respond(self, received: Mapping[str, Any], now_ns: int = 0) -> ExpertAction:
        """Return the expert's action now, given a message of each topic that is watched."""
        return self.answer(with_grip(self.setup.contract, messages.reading_from(received)), now_ns)

    @abc.abstractmethod
    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the expert's action now."""

    def note(self, about: str, text: str) -> None:
        """Set the operator's note on a subject; an empty text removes it."""
        if text:
            self.notes[about] = text
        else:
            self.notes.pop(about, None)

    def action(self, command: Array | ToolCommand, reading: RobotState, scripted: bool = False) -> Array:
        """Return the contract's action (Da,) for a command, or a velocity (2,) or (3,), m/s; of its moves the nearest.

        A gripper's component is NaN where the command leaves it as it is.

        Raises:
            ConfigError: if the contract's action is made neither of tool velocities nor of the joints of its robot.
            MessageError: if the reading is not of the arm that the contract names.
        """
        contract, command = self.setup.contract, ToolCommand.of(command)
        action = grips(contract, command.grip)
        action[~contract.is_gripper] = self._arm(command.velocity, reading, scripted)
        return contract.nearest_move(action)

    def _arm(self, velocity: Array, reading: RobotState, scripted: bool) -> Array:
        """Return the components of the action that move the arm, for a tool velocity (6,), m/s and rad/s."""
        contract = self.setup.contract
        if contract.moves_tool:
            return velocity[[TOOL_AXES.index(part.name) for part in contract.action if part.kind != "gripper"]]
        if self.setup.solve is None:
            own_name = type(self).__module__.rpartition(".")[2]
            raise ConfigError(
                f"device {own_name!r} gives tool velocities; contract {contract.name!r} commands "
                f"{', '.join(contract.action_names)}, which are not the joints of its robot; choose a contract with "
                f"{', '.join(TOOL_AXES)}, or name the robot in it"
            )
        solved = self.setup.solve(velocity, reading, scripted=True) if scripted else self.setup.solve(velocity, reading)
        self.note("reach", self.setup.solve.remark)
        return solved

    def frame(self, topic: str, name: str) -> Frame:
        """Return the frame of a message.

        Raises:
            MessageError: if its orientation is not known.
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


class Operated(Device):
    """A device of an operator, who drives the tool with it while a dead-man switch is held."""

    def __init__(self, setup: Setup, name: str, dead_man: DeadMan) -> None:
        super().__init__(setup)
        self.name, self.dead_man, self.timeout_s = name, dead_man, dead_man.timeout_s
        self.gripper = GripperInput()

    def interrupt(self) -> None:
        """Count the operator as lost; the switch must be seen up before it is held again."""
        self.dead_man.lose()

    def hear_gripper(self, topic: str, message: Any) -> None:
        """Process a message that says how far the gripper is to close.

        Raises:
            MessageError: if that is not from 0, open, to 1, closed; the operator then counts as lost.
        """
        if not 0.0 <= message.data <= 1.0:
            self.dead_man.lose()
            raise MessageError(f"{topic} is {message.data}; give how far the gripper is to close, from 0 to 1")
        self.gripper.squeeze(float(message.data), at_rest=0.0)

    def away(self) -> ExpertAction:
        """Return that nobody drives: the operator has let go, or is lost."""
        self.gripper.let_go()
        lost = self.dead_man.lost
        self.note("lost", "contact with the device was lost: let go of it, and take hold again" if lost else "")
        return ExpertAction(None, engaged=False, author=self.name, lost=lost)

    def driven(self, command: Array | ToolCommand, reading: RobotState) -> ExpertAction:
        """Return the action of a command, or a velocity (3,), m/s; lost if the arm does not fit the contract."""
        self.note("lost", "")
        if self.setup.contract.grippers:
            command = dataclasses.replace(ToolCommand.of(command), grip=self.gripper.wanted(reading))
        try:
            action = self.action(command, reading)
            if not np.isfinite(action[~self.setup.contract.is_gripper]).all():
                orientation = reading.tool_quaternion.tolist()
                raise MessageError(f"tool_pose has the orientation {orientation}, which is none; mend its driver")
        except MessageError as error:
            self.dead_man.lose()
            self.note("arm", str(error))
            return self.away()
        self.note("arm", "")
        return ExpertAction(action, engaged=True, author=self.name)


def grips(contract: Contract, grip: float | None) -> Array:
    """Return (Da,), the command of each gripper closed by the share ``grip``; NaN for None, and for what is none."""
    commands = [part.at(np.nan if grip is None else grip) for part in contract.action]
    return np.where(contract.is_gripper, commands, np.nan)


def towards(target: Array, position: Array, gain_per_s: float, fastest_m_s: float) -> Array:
    """Return (3,) m/s, a velocity in proportion to the distance that is left, limited to ``fastest_m_s``."""
    return shortened(gain_per_s * (target - position), fastest_m_s)


def joints_at(reading: RobotState, contract: Contract, device: str) -> Array:
    """Return (Da,) rad, the measured positions of the joints that the contract commands; NaN for a gripper.

    Raises:
        ConfigError: if it commands anything that is not a joint of the arm.
    """
    measured = dict(zip(reading.joint_names, reading.joint_positions))
    measured |= {part.name: math.nan for part in contract.action if part.kind == "gripper"}
    absent = [name for name in contract.action_names if name not in measured]
    if absent:
        raise ConfigError(
            f"device {device!r} gives joint positions; contract {contract.name!r} commands {', '.join(absent)}, "
            "which the arm has not; choose a contract of joints, such as panda_joints"
        )
    return np.array([measured[name] for name in contract.action_names])


def finite(topic: str, what: str, numbers: Iterable[float]) -> Array:
    """Return the numbers of a message.

    Raises:
        MessageError: if one of them is not finite, or is absurdly large; the caller counts the device as lost then.
    """
    values = tuple(numbers)
    if not all(abs(number) < HUGE for number in values):
        raise MessageError(f"{topic}: {what} {values} is not finite, or beyond {HUGE:g}; its publisher counts as lost")
    return np.array(values)


def load(name: str, setup: Setup) -> Device:
    """Make the device called ``name``.

    Raises:
        ConfigError: if there is none, or it needs a task and has none.
    """
    device: Device = plugins.load("device", name)(setup)
    return device


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
    """Return the scripted expert of a device that needs one.

    Raises:
        ConfigError: if the setup has none.
    """
    if setup.guide is None:
        raise ConfigError("this device follows a task's script; set the parameter 'task', or choose a person's device")
    return setup.guide
