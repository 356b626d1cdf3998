# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The normalizer: statistics that map data to the network's units and back (normalisation by range or quantiles)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core.contract import ObservationLayout
from il_ros.core.errors import DataError
from il_ros.core.types import Array

CONSTANT = 1e-4
"""A component whose range is smaller, in its own unit, carries no information: 0.1 mm, 0.1 mm/s, 0.006 degrees."""
QUANTILES = (0.01, 0.99)
"""What ``quantiles`` takes to -1 and 1, as LeRobot and OpenVLA do (Kim 2024, arXiv:2406.09246)."""
FITS = ("range", "quantiles")
"""How the scale of a component may be chosen."""
FINEST = 0.1
"""The finest scale of a component, as a share of the coarsest that is like it."""


@dataclass(frozen=True)
class Affine:
    """``(x - offset) / scale`` for each component, and back; a constant component is 0, and back its constant."""

    offset: Array
    """(D,) float64."""
    scale: Array
    """(D,) float64, positive."""
    is_constant: Array
    """(D,) bool, where the data never changed."""

    @classmethod
    def fit(cls, what: str, rows: Array, fit: str = "range") -> Affine:
        """Fit the map that takes each column of ``rows`` (N, D), or the range of its ``quantiles``, to [-1, 1].

        A component that hardly ever changes, so that its quantiles are equal, is scaled by its range.

        Raises:
            DataError: if there are no rows, or one of them is not finite.
        """
        if not len(rows):
            raise DataError(f"normaliser: there are 0 rows of {what}; record at least one demonstration")
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise DataError(f"normaliser: {what} {column} of row {row} is {rows[row, column]}; drop that step")
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        is_constant = high - low < CONSTANT
        if fit == "quantiles":
            ends = np.quantile(rows.astype(np.float64), QUANTILES, axis=0)
            low, high = np.where(ends[1] - ends[0] < CONSTANT, (low, high), ends)
        return cls((high + low) / 2, np.where(is_constant, 1.0, (high - low) / 2), is_constant)

    def coarsened(self, alike: Sequence[Sequence[int]]) -> Affine:
        """Return the same map, but with no scale finer than ``FINEST`` of the coarsest one that is like it.

        A place that hardly varied in the demonstrations, as the height of a tool that pushes, would else be shown at
        tens of times its range as soon as the arm is a few millimetres away from them, where a network answers
        anything, and goes farther away.

        Args:
            alike: groups of components that can be compared; what was constant says nothing of its group.
        """
        scale = self.scale.copy()
        for group in alike:
            moving = [component for component in group if not self.is_constant[component]]
            if moving:
                scale[moving] = np.maximum(scale[moving], FINEST * scale[moving].max())
        return Affine(self.offset, scale, self.is_constant)

    def forward(self, values: Array) -> Array:
        """Map (..., D) in real units to (..., D) float32 in the network's.

        A constant carries no information, and so the network is shown nothing of it, whatever it is now.
        """
        scaled: Array = np.where(self.is_constant, 0.0, (values - self.offset) / self.scale).astype(np.float32)
        return scaled

    def inverse(self, values: Array) -> Array:
        """Map (..., D) in the network's units to (..., D) float64 in real ones; a constant whatever the output."""
        return np.where(self.is_constant, self.offset, values * self.scale + self.offset)

    def departure(self, values: Array) -> float:
        """Return how far ``values`` (D,) are from what was constant, in its own units; 0 if nothing was."""
        return float(np.linalg.norm(np.where(self.is_constant, values - self.offset, 0.0)))

    def completed(self, newer: Affine) -> Affine:
        """Return the same map, but of what was constant and in ``newer`` is not: that has its scale from there."""
        late = self.is_constant & ~newer.is_constant
        if not late.any():
            return self
        pairs = ((getattr(self, name), getattr(newer, name)) for name in ("offset", "scale", "is_constant"))
        return Affine(*(np.where(late, theirs, ours) for ours, theirs in pairs))

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form."""
        return {
            "offset": self.offset.tolist(),
            "scale": self.scale.tolist(),
            "constant": self.is_constant.tolist(),
        }

    @classmethod
    def from_dict(cls, what: str, data: Mapping[str, Any]) -> Affine:
        """Read the plain form; older ones do not say what was constant.

        Raises:
            DataError: if its parts differ in size, or hold numbers that cannot be.
        """
        offset, scale = (np.array(data[key], dtype=np.float64) for key in ("offset", "scale"))
        is_constant = np.array(data.get("constant", [False] * offset.size))
        if not (offset.ndim == 1 and offset.shape == scale.shape == is_constant.shape and is_constant.dtype == bool):
            raise DataError(
                f"normaliser: {what} has offset {offset.shape}, scale {scale.shape}, constant {is_constant.shape}; "
                "each must be a row with a number a component"
            )
        if not (np.isfinite(offset).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise DataError(
                f"normaliser: {what} has offset {offset.tolist()}, scale {scale.tolist()}; all must be finite numbers, "
                "and a scale positive"
            )
        return cls(offset, scale, is_constant)


@dataclass(frozen=True)
class Normalizer:
    """Both maps: real units to about [-1, 1], component by component, and back."""

    observation: Affine
    action: Affine

    @classmethod
    def fit(
        cls,
        observations: Array,
        actions: Array,
        fit: str = "range",
        layout: ObservationLayout = ObservationLayout(),  # noqa: B008 - it is frozen
    ) -> Normalizer:
        """Fit to observations (N, Do) and actions (M, Da) in real units; ``fit`` is one of ``FITS``.

        By the ``layout`` of observations those of one quantity are ``coarsened``, and equal objects have the same. Each
        component of an action has a scale of its own, since what is commanded finely must be as exact as the others.

        Raises:
            DataError: if either is empty or not finite.
        """
        if layout.equal.groups:
            turned = [layout.equal.turned(places) for places in range(layout.equal.size)]
            observations = np.concatenate([observations[:, places] for places in turned])
        return cls(
            Affine.fit("observation", observations, fit).coarsened(layout.alike),
            Affine.fit("action", actions, fit),
        )

    def completed(self, newer: Normalizer) -> Normalizer:
        """Return the same, but of components that were constant and in ``newer`` are not: those as there."""
        seen, done = self.observation.completed(newer.observation), self.action.completed(newer.action)
        return self if seen is self.observation and done is self.action else Normalizer(seen, done)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form; ``from_dict`` is its exact inverse."""
        return {"observation": self.observation.to_dict(), "action": self.action.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Normalizer:
        """Read the plain form.

        Raises:
            DataError: if its parts differ in size, or hold numbers that cannot be.
        """
        return cls(*(Affine.from_dict(name, data[name]) for name in ("observation", "action")))
