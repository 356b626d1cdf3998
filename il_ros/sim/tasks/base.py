# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks, one file each: a scene, where an episode starts, when it succeeds, and the scripted experts that solve it."""

from __future__ import annotations

import abc
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.types import Array, EpisodeStart, RobotState, ToolCommand

Steer = Callable[[RobotState], Array | ToolCommand]
"""A scripted expert: the command that is right for a reading, or the tool's velocity (2,) or (3,), m/s."""


@dataclass(frozen=True)
class Body:
    """A thing that a task puts on the table, or draws there."""

    name: str
    shape: str
    """``box`` or ``cylinder``, which stands upright."""
    size: tuple[float, float, float]
    """Full extents, m; of a cylinder its diameter, twice, and its height."""
    mass_kg: float
    """0 for one that cannot be moved."""
    colour: tuple[float, float, float, float]
    """Red, green, blue and opacity, from 0 to 1."""
    friction: float = 1.0
    solid: bool = True
    """False for one that is only drawn, such as a mark of a goal."""
    obstacle: bool = False
    """Whether the arm must not touch it; see ``StepState.touched``."""
    parts: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = ()
    """The boxes that it is made of where one is not enough: full extents and centre of each, m, in its frame. Its own
    ``size`` then is the extents of all of them together."""

    @property
    def boxes(self) -> tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]:
        """The boxes that it is drawn with, as in ``parts``; of a cylinder none."""
        return self.parts or (((self.size, (0.0, 0.0, 0.0)),) if self.shape == "box" else ())


@dataclass(frozen=True)
class SceneLayout:
    """Where things are when an episode starts, metres in the base frame."""

    tool_start: Array
    """(3,)"""
    poses: Array
    """(N, 7) of the task's bodies, x y z and the orientation x y z w."""
    tool_yaw: float = 0.0
    """rad about the vertical, by which the tool is turned from how the robot file has it point down."""
    grip: float = 0.0
    """How far the gripper is closed, from 0, open, to 1, closed."""


@dataclass(frozen=True)
class StepState:
    """What a task judges an episode by, at the start and after each step."""

    elapsed_s: float
    tool_position: Array
    """(3,) m."""
    tool_quaternion: Array
    """(4,) x y z w."""
    grip: float
    """How far the gripper is closed, measured, from 0, open, to 1, closed; 1 of an arm without one."""
    poses: Array
    """(N, 7) of the task's bodies, as in ``SceneLayout``."""
    velocities: Array
    """(N, 6) of the task's bodies, m/s along and rad/s about the axes of the base frame."""
    touched: bool
    """Whether the arm touched an obstacle at any time since the state before."""
    held: Array
    """(N,) bool, whether both fingers touch the body."""


def upright(places: Array) -> Array:
    """Return (N, 7), the poses of things that stand upright at ``places`` (N, 3), m."""
    return np.column_stack([places, np.tile((0.0, 0.0, 0.0, 1.0), (len(places), 1))])


class Task(abc.ABC):
    """One task; a subclass in a file of its own is all that is needed for a new one."""

    time_limit_s: float
    contract: ClassVar[str] = "panda_plane"
    """The contract of ours with which it is done unless another one is named."""
    bodies: ClassVar[tuple[Body, ...]] = ()
    """What is there beside the arm; their poses are published in this order."""
    table_is_solid: ClassVar[bool] = True
    """False for a table that is only drawn."""
    lines: ClassVar[tuple[Array, ...]] = ()
    """(M, 2) m each: lines that are drawn on the table."""
    experts: ClassVar[tuple[str, ...]]
    """The names of the scripted experts; ``random`` is one of them, drawn anew for each episode."""
    ways: ClassVar[int] = 1
    """In how many distinct ways the task can be done."""

    @abc.abstractmethod
    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw the start of an episode."""

    @abc.abstractmethod
    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make the scripted expert called ``name``; ``nearest`` takes whichever way is nearest to where the tool is."""

    @abc.abstractmethod
    def outcome(self, states: Sequence[StepState]) -> str | None:
        """Return how the episode ends at the last of ``states``: ``success``, ``timeout``, ...; None to go on."""

    @abc.abstractmethod
    def way(self, states: Sequence[StepState]) -> int | None:
        """Return which of the ``ways`` an episode took; None if it did not get through."""

    def check(self, contract: Contract) -> None:
        """Check that a contract commands what the task needs: the gripper and the tool's height, if its own does.

        Raises:
            ConfigError: naming what is missing, and a contract that has it.
        """
        own, name = Contract.load(self.contract), type(self).__name__
        missing = ["no gripper"] if own.grippers and not contract.grippers else []
        if contract.moves_tool and "tool_vz" in set(own.action_names) - set(contract.action_names):
            missing.append("no tool_vz")
        if missing:
            raise ConfigError(
                f"contract {contract.name!r} commands {' and '.join(missing)}, which the task {name} needs; choose a "
                f"contract that does, such as {self.contract}"
            )

    def clearance(self, positions: Array, objects: Array) -> float:
        """Return the distance, m, of the tool at ``positions`` (N, 2) from trouble; infinite where there is none."""
        return math.inf

    def draw(self, name: str, seed: int) -> str:
        """Return the name of the expert for the episode ``seed``: itself, or one drawn for ``random``.

        Of as many consecutive seeds as there are experts (from a multiple of that number on), each expert gets one.

        Raises:
            ConfigError: if the task has no such expert.
        """
        if name not in (*self.experts, "random", "nearest"):
            own_name = re.sub("(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()
            raise unknown(f"expert of task {own_name!r},", name, (*self.experts, "random", "nearest"))
        if name != "random":
            return name
        block, place = divmod(seed, len(self.experts))
        return self.experts[int(np.random.default_rng([block, 1]).permutation(len(self.experts))[place])]


class ScriptedExpert:
    """A task's scripted expert as devices use it: drawn anew for each episode, always ready."""

    def __init__(self, task: Task, name: str) -> None:
        self._task, self._requested = task, name
        task.draw(name, 0)
        self.name = name
        self._steer: Steer | None = None

    def reset(self, start: EpisodeStart) -> None:
        """Draw the expert of this episode; the same seed draws the same one."""
        self.name = self._task.draw(self._requested, start.seed)
        self._steer = self._task.expert(self.name, np.random.default_rng([start.seed, 2]))

    def __call__(self, reading: RobotState) -> Array | ToolCommand:
        """Return what the expert commands now."""
        if self._steer is None:
            self.reset(EpisodeStart("", 0, reading.stamp_ns))
        assert self._steer is not None
        return self._steer(reading)


def available() -> tuple[str, ...]:
    """Return the names of all tasks."""
    return tuple(plugins.available("task"))


def load(name: str) -> Task:
    """Make the task called ``name``, which may have options, as in ``trace:horizon_s=40``.

    Raises:
        ConfigError: if there is none, or it has no such option.
    """
    task: Task = plugins.make("task", name)
    return task
