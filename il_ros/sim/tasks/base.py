# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks, one file each: a scene, where an episode starts, when it succeeds, and the scripted experts that solve it."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from il_ros.core import plugins
from il_ros.core.errors import unknown
from il_ros.core.types import Array, EpisodeStart, RobotState

TOOL_RADIUS_M = 0.012
"""Half the depth of the closed fingers, which experts and supervisors take for their whole size; across they are twice
as wide, so whoever passes a post closely may still touch it."""
TOOL_HEIGHT_M = 0.035
"""The height above the table at which the tool is moved, m."""

Steer = Callable[[RobotState], Array]
"""A scripted expert: the tool's velocity (2,), m/s, that is right for a reading."""


@dataclass(frozen=True)
class SceneLayout:
    """Where things stand when an episode starts, metres in the base frame."""

    tool_start: Array
    """(3,)"""
    posts: Array
    """(N, 3) centres."""


class Task(abc.ABC):
    """One task; a subclass in a file of its own is all that is needed for a new one."""

    time_limit_s: float
    post_radius_m: ClassVar[float]
    post_height_m: ClassVar[float] = 0.065
    finish_x_m: ClassVar[float]
    """The line that the tool must cross, if it must cross one; the table goes a little beyond it."""
    groove: ClassVar[Array | None] = None
    """(N, 2), m: what the tool must follow, if it must follow something."""
    half_width_m: ClassVar[float]
    """The tool must stay within this distance of the middle."""
    experts: ClassVar[tuple[str, ...]]
    """The names of the scripted experts; ``random`` is one of them, drawn anew for each episode."""
    ways: ClassVar[int]
    """In how many distinct ways the task can be done."""

    @abc.abstractmethod
    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw the start of an episode."""

    @abc.abstractmethod
    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Make the scripted expert called ``name``; ``nearest`` takes whichever way is nearest to where the tool is."""

    @abc.abstractmethod
    def way(self, path: Sequence[Array], posts: Array) -> int | None:
        """Return which of the ``ways`` the ``path`` of tool positions took; None if it did not get through."""

    def draw(self, name: str, seed: int) -> str:
        """Return the name of the expert for the episode ``seed``: itself, or one drawn for ``random``.

        Of as many consecutive seeds as there are experts (from a multiple of that number on), each expert gets one.

        Raises:
            ConfigError: if the task has no such expert.
        """
        if name not in (*self.experts, "random", "nearest"):
            raise unknown(
                f"expert of task {type(self).__name__.lower()!r},", name, (*self.experts, "random", "nearest")
            )
        if name != "random":
            return name
        block, place = divmod(seed, len(self.experts))
        return self.experts[int(np.random.default_rng([block, 1]).permutation(len(self.experts))[place])]

    def clearance(self, positions: Array, posts: Array) -> float:
        """Return the distance, m, of the tool at ``positions`` (N, 2) from posts and table edge; negative inside."""
        gaps = np.hypot(*(positions[:, None] - posts[:, :2]).T) - self.post_radius_m - TOOL_RADIUS_M
        return float(min(gaps.min(initial=np.inf), self.half_width_m - np.abs(positions[:, 1]).max()))

    def outcome(self, path: Sequence[Array], touched: bool, elapsed_s: float) -> str | None:
        """Return how the episode ends at this step: ``success``, ``collision``, ``lost``, ``timeout``; None to go on.

        ``path`` is where the tool has been, its present place last.
        """
        position = path[-1]
        if touched:
            return "collision"
        if position[0] >= self.finish_x_m:
            return "success"
        if abs(position[1]) > self.half_width_m or position[0] < 0.2:
            return "lost"
        return "timeout" if elapsed_s >= self.time_limit_s else None


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

    def __call__(self, reading: RobotState) -> Array:
        """Return the velocity (2,), m/s, that the expert commands now."""
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
