# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the numbers of an observation are: places and directions, objects that are equal, numbers of one quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from il_ros.core.contract.components import ObservationComponent
from il_ros.core.contract.equal_objects import EqualObjects, Groups
from il_ros.core.contract.geometry import Geometry


@dataclass(frozen=True)
class ObservationLayout:
    """What training knows of observations beside their numbers; nothing, unless it is given."""

    geometry: Geometry = Geometry()
    """Which components are places and directions."""
    equal: EqualObjects = EqualObjects()
    """Which components belong to objects that are equal."""
    alike: tuple[tuple[int, ...], ...] = ()
    """Groups of components of one topic that measure one quantity: lengths, angles, parts of rotations."""

    @classmethod
    def of(cls, observation: Sequence[ObservationComponent], equal_objects: Groups) -> ObservationLayout:
        """Find all of them by names, fields and units.

        Raises:
            ConfigError: if ``equal_objects`` names none.
        """
        places: dict[tuple[str, str], list[int]] = {}
        for index, part in enumerate(observation):
            places.setdefault((part.topic, part.quantity), []).append(index)
        alike = tuple(tuple(group) for (_, quantity), group in places.items() if quantity and len(group) > 1)
        return cls(Geometry.of(observation), EqualObjects.of(equal_objects, observation), alike)
