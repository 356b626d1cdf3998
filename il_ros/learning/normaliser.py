# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The statistics that map data to the network's units and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.errors import DataError
from il_ros.signals import Array

CONSTANT = 1e-4
"""A component whose range is smaller, in its own unit, carries no information: 0.1 mm, 0.1 mm/s, 0.006 degrees."""


@dataclass(frozen=True)
class Affine:
    """``(x - offset) / scale`` for each component, and back."""

    offset: Array
    """(D,) float64."""
    scale: Array
    """(D,) float64, positive."""

    @classmethod
    def fit(cls, what: str, rows: Array) -> Affine:
        """The map that takes the range of each column of ``rows`` (N, D) to [-1, 1]; a constant one only moves to 0.

        Raises:
            DataError: if there are no rows, or one of them is not finite.
        """
        if not len(rows):
            raise DataError(f"normaliser: there are 0 rows of {what}; record at least one demonstration")
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise DataError(f"normaliser: {what} {column} of row {row} is {rows[row, column]}; drop that step")
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        half = (high - low) / 2
        return cls(offset=(high + low) / 2, scale=np.where(half * 2 < CONSTANT, 1.0, half))

    def forward(self, values: Array) -> Array:
        """(..., D) in real units to (..., D) float32 in the network's."""
        return ((values - self.offset) / self.scale).astype(np.float32)

    def inverse(self, values: Array) -> Array:
        """(..., D) in the network's units to (..., D) float64 in real ones."""
        result: Array = values * self.scale + self.offset
        return result


@dataclass(frozen=True)
class Normaliser:
    """Both maps: real units to about [-1, 1], component by component, and back."""

    observation: Affine
    action: Affine

    @classmethod
    def fit(cls, observations: Array, actions: Array) -> Normaliser:
        """From observations (N, Do) and actions (M, Da) in real units.

        Raises:
            DataError: if either is empty or not finite.
        """
        return cls(Affine.fit("observation", observations), Affine.fit("action", actions))

    def to_dict(self) -> dict[str, Any]:
        """The plain form; ``from_dict`` is its exact inverse."""
        return {
            name: {"offset": part.offset.tolist(), "scale": part.scale.tolist()}
            for name, part in (("observation", self.observation), ("action", self.action))
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Normaliser:
        """Read the plain form."""
        parts = [
            Affine(*(np.array(data[name][key], dtype=np.float64) for key in ("offset", "scale")))
            for name in ("observation", "action")
        ]
        return cls(*parts)
