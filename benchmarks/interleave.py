# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sides timed in turn, and what the rounds say when they are put together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measurement import Measurement

Run = Callable[[str, int], list[float]]
"""Times the side of that name over so many steps; seconds a step."""
TRIAL = 1
"""Steps of the first stretch, which only wakes things up, and of the second, which measures how long a step is."""


@dataclass(frozen=True)
class InterleavedRounds:
    """What was timed: for each side, the durations of each round."""

    measurement: Measurement
    durations: dict[str, list[list[float]]]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of the table for each quantile."""
        return [self._row(quantile) for quantile in self.measurement.quantiles]

    def _row(self, quantile: int) -> dict[str, Any]:
        step_s = {
            side: np.array([np.percentile(durations, quantile) for durations in rounds])  # (rounds,)
            for side, rounds in self.durations.items()
        }
        ratios = step_s["peer"] / step_s["ours"]
        shares = step_s["limit"] / step_s["ours"]
        low, ratio, high = np.percentile(ratios, (25, 50, 75))
        return {
            "name": self.measurement.row_name(quantile),
            "ours": self._value(step_s["ours"]),
            "peer": self._value(step_s["peer"]),
            "ratio": _digits(ratio),
            "spread": _digits((high - low) / ratio, 2),
            "limit_fraction": _digits(np.median(shares)),
            "unit": self.measurement.unit,
            "rounds": len(ratios),
            "compared": self.measurement.compared,
        }

    def _value(self, step_s: Any) -> float:
        value = float(np.median(step_s))
        return _digits(1 / value if self.measurement.unit == "steps/s" else 1000 * value)


def rounds_of(
    measurement: Measurement, run: Run, rounds: int, tick: Callable[[], None] = lambda: None
) -> InterleavedRounds:
    """Time the sides of a measurement in turn.

    Every other round goes backwards, so that a machine which grows slower or faster favours nobody, and the ratios are
    those of stretches that were neighbours.

    Args:
        measurement: what to time.
        run: times one stretch.
        rounds: how often each side has its turn.
        tick: called after each round.
    """
    steps = {name: _steps(measurement, run, name) for name in measurement.sides}
    durations: dict[str, list[list[float]]] = {name: [] for name in steps}
    for number in range(rounds):
        for name in list(steps)[:: 1 if number % 2 == 0 else -1]:
            durations[name].append(run(name, steps[name]))
        tick()
    return InterleavedRounds(measurement, durations)


def _steps(measurement: Measurement, run: Run, name: str) -> int:
    """Return how many steps make a stretch of the length that is wanted."""
    run(name, TRIAL)
    trial = run(name, TRIAL)
    longer = max(TRIAL, math.ceil(measurement.stretch_s / 8 / (sum(trial) / len(trial))))
    known = run(name, longer) if longer > TRIAL else trial
    return max(TRIAL, math.ceil(measurement.stretch_s / (sum(known) / len(known))))


def _digits(value: Any, digits: int = 4) -> float:
    """Round to so many significant digits: more would pretend."""
    return float(f"{float(value):.{digits}g}")
