# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a measurement is: the same work done by us, by a peer, and by nothing but the arithmetic."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Stretch = Callable[[int], list[float]]
"""Does N steps and returns how long they took, in seconds a step: one number for all of them, or one for each."""


@dataclass(frozen=True)
class Side:
    """One of the contestants: a function that builds a ``Stretch``, and where it is called."""

    factory: str
    """``module:function``; it is called with ``options``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Plain numbers and strings, for they travel as JSON."""
    environment: str = "ours"
    """``ours``, ``peers`` or ``lerobot``."""


@dataclass(frozen=True)
class Measurement:
    """Three sides that are timed in turn; it makes a row for each of its quantiles."""

    name: str
    ours: Side
    peer: Side
    limit: Side
    """What no program that does the same work could beat: the bare forward and backward pass, or the bare calls."""
    compared: str
    """In words, what was equal and what was not."""
    unit: str = "steps/s"
    """``steps/s``, more is better, or ``ms``, less is better."""
    quantiles: tuple[int, ...] = (50,)
    """Percentiles of a step's duration, where a stretch measures each step."""
    stretch_s: float = 0.4
    """About how long one side is timed in one round."""
    greatest_spread: float = 0.2
    """Of the ratios; with more than that the row is inconclusive, and is not published."""

    @property
    def sides(self) -> dict[str, Side]:
        """The sides by their names, in the order of a round."""
        return {"ours": self.ours, "peer": self.peer, "limit": self.limit}

    def row_name(self, quantile: int) -> str:
        """Return what the row for a quantile is called."""
        return self.name if len(self.quantiles) == 1 else f"{self.name} p{quantile}"


def measurements() -> list[Measurement]:
    """Return everything that there is to measure, in the order of the files' names."""
    package = importlib.import_module("benchmarks")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "__main__")
    groups = (getattr(importlib.import_module(f"benchmarks.{name}"), "MEASUREMENTS", ()) for name in names)
    return [measurement for group in groups for measurement in group]


def build(factory: str, options: Mapping[str, Any]) -> Stretch:
    """Return the stretch that ``module:function`` makes of the options."""
    module, _, function = factory.partition(":")
    stretch: Stretch = getattr(importlib.import_module(module), function)(**options)
    return stretch
