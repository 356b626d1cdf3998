# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which numbers of an observation are places and directions: from the names and units of a contract's components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from il_ros.core.contract.components import ObservationComponent

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Geometry:
    """Points and headings of an observation, all in one frame."""

    points: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By name: which components are its x, y and, unless it lies in a plane, z, m."""
    headings: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By name: which components are the cosine and the sine of its angle about the vertical."""

    @classmethod
    def of(cls, observation: Sequence[ObservationComponent]) -> Geometry:
        """Return points, named ``NAME_x``, ``NAME_y`` and ``NAME_z`` in m, and headings, ``NAME_c`` and ``NAME_s``."""
        index = {(part.name, part.unit): i for i, part in enumerate(observation)}
        points, headings = {}, {}
        for part in observation:
            name, _, last = part.name.rpartition("_")
            place = tuple(index[key] for axis in AXES if (key := (f"{name}_{axis}", "m")) in index)
            turn = tuple(index[key] for end in ("c", "s") if (key := (f"{name}_{end}", "")) in index)
            if last == "x" and part.unit == "m" and (f"{name}_y", "m") in index:
                points[name] = place
            if last == "c" and len(turn) == 2:
                headings[name] = (turn[0], turn[1])
        return cls(points, headings)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form; ``from_dict`` is its inverse."""
        return {name: {key: list(columns) for key, columns in part.items()} for name, part in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Geometry:
        """Read the plain form.

        Raises:
            ValueError: if a point has no two or three components, or a heading no two.
        """
        points = {str(name): tuple(map(int, columns)) for name, columns in data["points"].items()}
        headings = {str(name): (int(cosine), int(sine)) for name, (cosine, sine) in data["headings"].items()}
        if not all(len(columns) in (2, 3) for columns in points.values()):
            raise ValueError(f"a point has two or three components; these have {points}")
        return cls(points, headings)
