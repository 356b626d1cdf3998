# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The contract: which topics and fields make an observation and an action, with units and limits.

One YAML file describes it, and the same file is read by live inference and by the reading of bags.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from il_ros.core import paths, schema
from il_ros.core.contract import document, rules
from il_ros.core.contract.components import ActionComponent, External, ImageComponent, ObservationComponent
from il_ros.core.contract.equal_objects import Groups
from il_ros.core.contract.layout import ObservationLayout
from il_ros.core.types import Array

BLIND_NS = 160_000_000
"""After so long without a complete observation the arm is commanded to rest; less than ``SILENCE_NS``."""

ABSURD = 10.0
"""A number farther outside its range than this many times the range's width is refused: it is a failure."""

TRACKING_S = 0.15
"""How far an arm may be behind its command, as time at the limit's speed: a step under way, and some latency."""

TOOL_AXES = ("tool_vx", "tool_vy", "tool_vz", "tool_wx", "tool_wy", "tool_wz")
"""The components of an action that are velocities of the tool, m/s along and rad/s about the axes of the base frame."""


def gap_ns(step_ns: int) -> int:
    """Return the longest time between two steps that follow each other, ns; beyond it, a step is missing."""
    return 3 * step_ns // 2


@dataclass(frozen=True)
class Contract:
    """What an observation and an action are for one robot.

    Raises:
        ConfigError: for a value outside its limits, or one that contradicts another.
    """

    name: str
    rate_hz: float
    topics: Mapping[str, str]
    """Topic to message type, for every topic that the observation reads."""
    observation: tuple[ObservationComponent, ...]
    action: tuple[ActionComponent, ...]
    command_type: str
    frame: str = ""
    moves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Named actions; with any, experts choose among these, and a categorical policy can imitate them."""
    points: int = 1
    """How many points a JointTrajectory has: the step that is commanded, and the rest of the policy's chunk, with which
    a trajectory controller goes on while it receives nothing new."""
    robot: str = ""
    """Which arm the simulation puts in the place of the real one: a file, or a name from ``config/robots``."""
    external: External = External()
    gripper_topic: str = ""
    """Where the gripper is commanded, if not in the arm's message."""
    gripper_type: str = "trajectory_msgs/msg/JointTrajectory"
    """The message type on ``gripper_topic``."""
    images: tuple[ImageComponent, ...] = ()
    """The cameras that the policy sees, beside the numbers of the observation."""
    equal_objects: Groups = ()
    """Groups of objects of the observation that are equal, so that any of a group may stand for another."""

    def __post_init__(self) -> None:
        rules.check(self)

    @property
    def step_ns(self) -> int:
        """The length of one control step, ns."""
        return round(1e9 / self.rate_hz)

    @property
    def gap_ns(self) -> int:
        """The longest time between two steps that follow each other, ns."""
        return gap_ns(self.step_ns)

    @property
    def stale_ns(self) -> int:
        """The greatest age of a message of an external bag, ns: two steps or 0.1 s, if the contract does not say."""
        return round(1e9 * self.external.stale_s) or max(2 * self.step_ns, 100_000_000)

    @cached_property
    def observation_names(self) -> tuple[str, ...]:
        """The names of the observation's components, in order."""
        return tuple(part.name for part in self.observation)

    @cached_property
    def layout(self) -> ObservationLayout:
        """What the components of the observation are."""
        return ObservationLayout.of(self.observation, self.equal_objects)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """The names of the action's components, in order."""
        return tuple(part.name for part in self.action)

    @cached_property
    def moves_tool(self) -> bool:
        """Whether its action, but for the gripper, is made of velocities of the tool, some of ``TOOL_AXES``."""
        arm = {part.name for part in self.action if part.kind != "gripper"}
        return bool(arm) and arm <= set(TOOL_AXES)

    @cached_property
    def grippers(self) -> tuple[str, ...]:
        """The names of the components that open and close a gripper."""
        return tuple(part.name for part in self.action if part.kind == "gripper")

    @cached_property
    def is_gripper(self) -> Array:
        """(Da,) bool, the components that open and close a gripper."""
        return np.array([part.kind == "gripper" for part in self.action])

    @cached_property
    def low(self) -> Array:
        """(Da,) float64, the least that may be commanded."""
        return np.array([a.low for a in self.action])

    @cached_property
    def high(self) -> Array:
        """(Da,) float64, the most that may be commanded."""
        return np.array([a.high for a in self.action])

    @cached_property
    def max_step(self) -> Array:
        """(Da,) float64, the most by which the command may change in one step."""
        rates = [a.max_velocity or a.max_acceleration or math.nan for a in self.action]  # per second
        return np.array([a.max_step or rate / self.rate_hz for a, rate in zip(self.action, rates)])

    @cached_property
    def is_measured(self) -> Array:
        """(Da,) bool, the components that are positions whose place is measured."""
        return np.array([isinstance(a.rest, str) for a in self.action])

    @cached_property
    def is_position(self) -> Array:
        """(Da,) bool, the components that stay as they were commanded where nothing is measured."""
        positions: Array = self.is_measured | self.is_gripper
        return positions

    @cached_property
    def tracking(self) -> Array:
        """(Da,) float64, how far the command may be from the measured position beside one step; else infinite.

        A gripper that holds something is measured wider than it is commanded, so it is not compared.
        """
        default = self.max_step * self.rate_hz * TRACKING_S
        given = [a.tracking if a.tracking is not None else d for a, d in zip(self.action, default.tolist())]
        return np.where(self.is_measured & ~self.is_gripper, given, math.inf)

    @property
    def persists(self) -> bool:
        """Whether a command goes on until another one comes, as a velocity does."""
        return not self.command_type.endswith("JointTrajectory") and not self.is_position.all()

    @property
    def blind_ns(self) -> int:
        """How long an arm is commanded without a complete observation, ns; then it gets a last command, to rest."""
        return max(BLIND_NS, self.gap_ns)

    @cached_property
    def _move_table(self) -> Array:
        return np.array(list(self.moves.values()), dtype=np.float64)  # (K, Da)

    def nearest_move(self, action: Array) -> Array:
        """(Da,) the named move nearest to ``action``, components by their ranges; ``action`` itself without moves."""
        if not self.moves:
            return action
        away = np.square((self._move_table - action) / (self.high - self.low)).sum(axis=1)
        nearest: Array = self._move_table[int(away.argmin())]
        return nearest

    @cached_property
    def _resting(self) -> tuple[Array, Array, Array]:
        """The action at rest, which of its components are measured, and by which of the observation's."""
        names, rests = self.observation_names, [a.rest for a in self.action]
        numbers = np.array([0.0 if isinstance(rest, str) else rest for rest in rests])
        by = np.array([names.index(rest) for rest in rests if isinstance(rest, str)], dtype=np.intp)
        return numbers, np.flatnonzero(self.is_measured), by

    @property
    def rest_numbers(self) -> Array:
        """(Da,) float64, the action at rest; 0 where that is measured."""
        return self._resting[0]

    def rest(self, observation: Array, last: Array | None = None) -> Array:
        """(Da,) float64, the action that holds the arm where ``observation`` measured it.

        A gripper stays as ``last`` (Da,), the last command, has it.
        """
        numbers, measured, by = self._resting
        resting: Array = numbers.copy()
        resting[measured] = observation[by]
        return resting if last is None or not self.grippers else np.where(self.is_gripper, last, resting)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form, as in the YAML file; ``from_dict`` is its inverse."""
        return document.plain(self)

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> Contract:
        """Return the contract that the plain form describes.

        Raises:
            ConfigError: for a key that is missing, unknown or of the wrong type.
        """
        return cls(name=name, **document.read(f"contract {name!r}", data))

    def save(self, path: Path) -> Path:
        """Write the contract as a YAML file, which ``load`` reads; return its path."""
        path.write_text(yaml.safe_dump(self.to_dict(), sort_keys=False), encoding="utf-8")
        return path

    @classmethod
    def load(cls, name: str | Path) -> Contract:
        """Read a contract from a YAML file, or one of ours by its bare name.

        Raises:
            ConfigError: if there is no such file, or it does not say what a contract says, with the line.
        """
        path = paths.find("config/contracts", name, ".yaml")
        with schema.located(path):
            return cls.from_dict(path.stem, schema.read_yaml(path))
