# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The description of an arm, read from a YAML file: its URDF, its joints, its tool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core import paths, schema
from il_ros.core.errors import ConfigError
from il_ros.core.frames import IDENTITY, Frame, inverse, product
from il_ros.core.types import Array
from il_ros.robot.urdf import UrdfJoint, read_joints

DEFAULT = "panda"
"""The robot of a contract that names none."""


Box = tuple[float, float, float]
"""Three numbers, m: the full extents of a box, or its centre."""


@dataclass(frozen=True)
class Gripper:
    """A gripper of two fingers that one joint opens and closes."""

    joint: str
    """The joint that is commanded and measured."""
    open: float
    """Where the joint is when the gripper is open, m or rad."""
    closed: float
    """Where it is when the gripper is closed."""
    force_n: float
    """The force, N, with which each finger presses at most."""
    mimics: Mapping[str, float] = field(default_factory=dict)
    """The joints that follow it, and by which factor."""
    pads: Mapping[str, tuple[tuple[Box, Box], ...]] = field(default_factory=dict)
    """The two links that touch what is held, and the boxes, extents and centre in the link's frame, that each touches
    with in the simulation."""

    def __post_init__(self) -> None:
        if self.open == self.closed:
            raise ConfigError(f"robot: gripper: open and closed are both {self.open}; give the ends of its range")
        if not self.force_n > 0.0:
            raise ConfigError(f"robot: gripper: force_n is {self.force_n}; it must be positive")
        if len(self.pads) not in (0, 2):
            raise ConfigError(f"robot: gripper: pads names {len(self.pads)} links; it must name the two fingers")

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints that move: the one that is commanded, and those that follow it."""
        return (self.joint, *self.mimics)

    def positions(self, position: float) -> dict[str, float]:
        """Return where all its joints are when the commanded one is at ``position``."""
        return {self.joint: position, **{name: ratio * position for name, ratio in self.mimics.items()}}

    def at(self, grip: float) -> float:
        """Return where the joint is when the gripper is closed by the share ``grip``: 0 for open, 1 for closed."""
        return self.open + grip * (self.closed - self.open)

    def grip(self, position: float) -> float:
        """Return how far the gripper is closed when the joint is at ``position``, from 0 to 1."""
        return min(1.0, max(0.0, (position - self.open) / (self.closed - self.open)))


@dataclass(frozen=True)
class Robot:
    """An arm whose tool points down; kinematics, drawing and simulation are made from this."""

    urdf: str | Path
    """Path of its URDF."""
    base: str
    """The link that stands still, in whose frame positions are."""
    rest: Mapping[str, float]
    """The joints that are commanded, in order, rad: a comfortable posture, from which inverse kinematics starts."""
    tool: str
    """The link that carries the tool."""
    tip: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where the tool's tip is in that link's frame, m."""
    down: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    """The orientation of that link, x y z w, in which the tool points at the table."""
    held: Mapping[str, float] = field(default_factory=dict)
    """Joints that are kept where they are, such as closed fingers, rad or m."""
    gripper: Gripper | None = None
    """Its gripper; its joints are held, where ``held`` names them, unless a contract commands it."""
    handles: Mapping[str, str] = field(default_factory=dict)
    """Where a hand can push the arm: links, by the name that the page shows."""

    def __post_init__(self) -> None:
        for key, size in (("tip", 3), ("down", 4)):
            given = getattr(self, key)
            if not isinstance(given, tuple | list) or len(given) != size or not _are_numbers(given):
                raise ConfigError(f"robot: {key} is {given!r}; it must be a list of {size} numbers")
        for key in ("rest", "held"):
            given = getattr(self, key)
            if not isinstance(given, Mapping) or not _are_numbers(given.values()):
                raise ConfigError(f"robot: {key} is {given!r}; it must map joints to numbers, rad or m")
        if not self.rest:
            raise ConfigError("robot: rest is empty; name at least one joint that is commanded")

    @property
    def joints(self) -> tuple[str, ...]:
        """The names of the joints that are commanded."""
        return tuple(self.rest)

    def drawn(self, positions: Mapping[str, float]) -> dict[str, float]:
        """Return the positions of all joints that are known, given those that were measured, rad or m."""
        gripper = self.gripper
        follows = (
            {} if gripper is None or gripper.joint not in positions else gripper.positions(positions[gripper.joint])
        )
        return {**self.held, **follows, **positions}

    def frames(self) -> dict[str, Frame]:
        """Return the frames that are fixed to the base, and those that turn with the tool, by name.

        Raises:
            ConfigError: if its description cannot be read.
        """
        fixed = [joint for joint in read_joints(self.urdf) if joint.kind == "fixed"]
        result: dict[str, Frame] = {}
        for root, turns in ((self.base, False), (self.tool, True)):
            for name, (x, y, z, w) in _rigid(root, fixed).items():
                result[name] = Frame((float(x), float(y), float(z), float(w)), turns)
        return result

    @classmethod
    def load(cls, name: str) -> Robot:
        """Read a robot from a YAML file, or one of ours by its bare name; no name is ``DEFAULT``.

        Its ``urdf`` is a path beside the file, or in ``pybullet_data``.

        Raises:
            ConfigError: if there is no such file, or it does not say what a robot is.
        """
        path = paths.find("config/robots", name or DEFAULT, ".yaml")
        with schema.located(path):
            robot: Robot = schema.build(cls, "robot", schema.read_yaml(path))
        data = find_spec("pybullet_data")  # where it cannot be had, an arm brings its own description
        folders = [path.parent, *([Path(data.origin).parent] if data is not None and data.origin else [])]
        urdf = next((folder / robot.urdf for folder in folders if (folder / robot.urdf).is_file()), None)
        if urdf is None:
            raise ConfigError(f"{path}: urdf {robot.urdf} is in none of {', '.join(map(str, folders))}; give its path")
        return dataclasses.replace(robot, urdf=urdf)


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, float | int) and not isinstance(value, bool) for value in values)


def _rigid(root: str, fixed: list[UrdfJoint]) -> dict[str, Array]:
    """Return the links that are fixed to ``root``, itself among them, and the orientation (4,) of each against it."""
    rotations: dict[str, Array] = {root: np.array(IDENTITY)}
    for _ in fixed:  # no chain of them is longer
        for joint in fixed:
            if joint.parent in rotations and joint.child not in rotations:
                rotations[joint.child] = product(rotations[joint.parent], joint.quaternion)
            elif joint.child in rotations and joint.parent not in rotations:
                rotations[joint.parent] = product(rotations[joint.child], inverse(joint.quaternion))
    return rotations
