# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which arm is simulated, as a YAML file says: its description, its joints, its tool."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core import paths, schema
from il_ros.core.errors import ConfigError
from il_ros.core.frames import IDENTITY, Frame, from_rpy, inverse, product
from il_ros.core.types import Array

DEFAULT = "panda"
"""What is simulated for a contract that names no robot."""


@dataclass(frozen=True)
class Robot:
    """An arm whose tool points down, known without being simulated: whoever draws it needs no more than this."""

    urdf: str | Path
    """Its description."""
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
    handles: Mapping[str, str] = field(default_factory=dict)
    """Where a hand can push the arm: links, by what they are called."""

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

    def frames(self) -> dict[str, Frame]:
        """The links that stand still as the base does, and those that turn as the tool does, by name.

        Raises:
            ConfigError: if its description cannot be read.
        """
        try:
            fixed = [joint for joint in ElementTree.parse(self.urdf).iter("joint") if joint.get("type") == "fixed"]
            neighbours = [_fixed(joint) for joint in fixed]
        except (OSError, ElementTree.ParseError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"robot: urdf {self.urdf} cannot be read ({error}); mend it") from error
        found: dict[str, Frame] = {}
        for root, turns in ((self.base, False), (self.tool, True)):
            for name, (x, y, z, w) in _rigid(root, neighbours).items():
                found[name] = Frame((float(x), float(y), float(z), float(w)), turns)
        return found

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


def _fixed(joint: ElementTree.Element) -> tuple[str, str, Array]:
    """Parent and child of a fixed joint of a URDF, and how the child is turned against the parent."""
    origin = joint.find("origin")
    rpy = (origin.get("rpy") if origin is not None else None) or "0 0 0"
    ends = {part.tag: str(part.get("link")) for part in joint}
    return ends["parent"], ends["child"], from_rpy(*map(float, rpy.split()))


def _rigid(root: str, neighbours: list[tuple[str, str, Array]]) -> dict[str, Array]:
    """The links that are fixed to ``root``, itself among them, and how each is turned against it."""
    found: dict[str, Array] = {root: np.array(IDENTITY)}
    for _ in neighbours:  # no chain of them is longer
        for parent, child, turn in neighbours:
            if parent in found and child not in found:
                found[child] = product(found[parent], turn)
            elif child in found and parent not in found:
                found[parent] = product(found[child], inverse(turn))
    return found
