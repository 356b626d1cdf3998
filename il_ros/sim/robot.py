# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which arm is simulated, as a YAML file says: its description, its joints, its tool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from il_ros import resources, specs
from il_ros.errors import ConfigError

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

    @classmethod
    def load(cls, name: str) -> Robot:
        """Read a robot from a YAML file, or one of ours by its bare name; no name is ``DEFAULT``.

        Its ``urdf`` is a path beside the file, or in ``pybullet_data``.

        Raises:
            ConfigError: if there is no such file, or it does not say what a robot is.
        """
        path = resources.find("config/robots", name or DEFAULT, ".yaml")
        with specs.located(path):
            robot: Robot = specs.build(cls, "robot", specs.read_yaml(path))
        data = find_spec("pybullet_data")  # where it cannot be had, an arm brings its own description
        folders = [path.parent, *([Path(data.origin).parent] if data is not None and data.origin else [])]
        urdf = next((folder / robot.urdf for folder in folders if (folder / robot.urdf).is_file()), None)
        if urdf is None:
            raise ConfigError(f"{path}: urdf {robot.urdf} is in none of {', '.join(map(str, folders))}; give its path")
        return dataclasses.replace(robot, urdf=urdf)


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, float | int) and not isinstance(value, bool) for value in values)
