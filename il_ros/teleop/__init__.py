# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Devices, one file each, through which an expert speaks: a page, a gamepad, a hand, a leader arm, a script, ..."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from il_ros import messages, registry
from il_ros.errors import ConfigError, MessageError
from il_ros.signals import Answer, Array, EpisodeStart, Reading
from il_ros.specs import TOOL_AXES, Contract


class Guide(Protocol):
    """A scripted expert of a task, as a device uses it."""

    name: str

    def reset(self, start: EpisodeStart) -> None:
        """Get ready for an episode."""

    def __call__(self, reading: Reading) -> Array:
        """The tool's velocity (2,), m/s, that is right for ``reading``."""


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
    solve: Callable[[Array, Reading], Array] | None = None
    """Inverse kinematics: the action (Da,) that moves the tool by a velocity (3,), m/s, from where a reading has it."""


class Device(abc.ABC):
    """One device; it satisfies ``il_ros.signals.Expert``, and hears the topics that its driver publishes."""

    topics: ClassVar[Mapping[str, str]] = {}
    """Topic to message type, for what the device's driver publishes."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def hear(self, topic: str, message: Any, now_ns: int) -> None:  # noqa: B027
        """Take a message of the device's driver; ``now_ns`` is the steady clock."""

    def reset(self, start: EpisodeStart) -> None:  # noqa: B027
        """Forget the last episode."""

    @property
    def watched(self) -> Mapping[str, str]:
        """Topic to message type, for what it answers: the arm's readings, unless a device says otherwise.

        Only scripts look at objects; an arm that a person drives needs nobody who sees them.
        """
        unseen = () if self.setup.guide is not None else (messages.OBJECTS,)
        return {name: kind for name, kind in messages.READING_TOPICS.items() if name not in unseen}

    def respond(self, heard: Mapping[str, Any], now_ns: int = 0) -> Answer:
        """Say what to do now, given a message of each topic that is watched."""
        return self.answer(messages.reading_from(heard), now_ns)

    @abc.abstractmethod
    def answer(self, reading: Reading, now_ns: int = 0) -> Answer:
        """Say what to do now."""

    def action(self, velocity: Array, reading: Reading) -> Array:
        """The contract's action for a tool velocity (2,) or (3,), m/s; of its moves the nearest, if it has any.

        Raises:
            ConfigError: if the contract's action is made neither of tool velocities nor of the joints of its robot.
        """
        contract, values = self.setup.contract, np.zeros(3)
        values[: len(velocity)] = velocity
        if contract.moves_tool:
            return contract.nearest_move(values[[TOOL_AXES.index(name) for name in contract.action_names]])
        if self.setup.solve is None:
            raise ConfigError(
                f"device {type(self).__name__.lower()!r} gives tool velocities; contract {contract.name!r} commands "
                f"{', '.join(contract.action_names)}, which are not the joints of its robot; choose a contract with "
                f"{', '.join(TOOL_AXES)}, or name the robot in it"
            )
        return contract.nearest_move(self.setup.solve(values, reading))


class Switch:
    """A dead-man switch; held from the very beginning it counts only after it was let go once.

    So one that is stuck or tied down when all is started drives nothing.
    """

    def __init__(self) -> None:
        self._was_seen_up = False
        self.held = False

    def hear(self, down: bool) -> None:
        """Take its position."""
        self._was_seen_up = self._was_seen_up or not down
        self.held = down and self._was_seen_up


def towards(target: Array, position: Array, gain_per_s: float, fastest_m_s: float) -> Array:
    """(3,) m/s, the velocity that makes up for what is left to go, but no faster than that."""
    return shortened(gain_per_s * (target - position), fastest_m_s)


def shortened(vector: Array, longest: float) -> Array:
    """The vector, no longer than that."""
    length = float(np.linalg.norm(vector))
    return vector * min(1.0, longest / max(length, 1e-9))


def joints_at(reading: Reading, contract: Contract, device: str) -> Array:
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
        MessageError: if one of them is not finite; who calls counts the device as let go then.
    """
    spoken = tuple(numbers)
    if not all(map(math.isfinite, spoken)):
        raise MessageError(f"{topic}: {what} {spoken} is not finite; whoever speaks there counts as let go")
    return np.array(spoken)


def load(name: str, setup: Setup) -> Device:
    """Make the device called ``name``.

    Raises:
        ConfigError: if there is none, or it needs a task and has none.
    """
    return registry.load(__name__, Device, "device", name)(setup)  # type: ignore[type-abstract]


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
