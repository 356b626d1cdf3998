# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is on the table of a task, as it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from il_ros.core.types import Array

Size = tuple[float, float, float]


class DrawnBody(Protocol):
    """A body, as far as it is drawn."""

    @property
    def size(self) -> Size:
        """Full extents, m; of a cylinder its diameter, twice, and its height."""

    @property
    def boxes(self) -> tuple[tuple[Size, Size], ...]:
        """The boxes that it is made of, extents and centre in its frame, m; none of a cylinder."""

    @property
    def colour(self) -> tuple[float, float, float, float]:
        """Red, green, blue and opacity, from 0 to 1."""


@dataclass(frozen=True)
class Cylinder:
    """An upright cylinder."""

    size: Size = (0.04, 0.04, 0.065)
    colour: tuple[float, float, float, float] = (0.84, 0.37, 0.0, 1.0)
    boxes: tuple[tuple[Size, Size], ...] = ()


@dataclass(frozen=True)
class SceneProps:
    """What is on the table, metres in the base frame."""

    bodies: tuple[DrawnBody, ...] = ()
    """In the order in which their poses are published; of further ones nothing is known but where they are."""
    lines: tuple[Array, ...] = ()
    """(M, 2) m each, drawn on the table."""

    def shapes(self, count: int) -> Iterator[DrawnBody]:
        """Yield what each of ``count`` bodies looks like: an upright cylinder where that is not known."""
        for number in range(count):
            yield self.bodies[number] if number < len(self.bodies) else Cylinder()
