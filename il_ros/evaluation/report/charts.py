# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Charts of numbers, drawn as SVG: success by round, counts by round, training curves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.types import Array
from il_ros.evaluation.report.svg import line

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 18, 36


@dataclass(frozen=True)
class Curve:
    """How the loss of one training run fell."""

    name: str
    steps: Sequence[float]
    """(N,) optimiser steps."""
    train: Sequence[float]
    """(N,) loss on the training data."""
    held_out: Sequence[float] = ()
    """(N,) loss on the held-out episodes, NaN where it was not measured; empty if nothing was held out."""

    @classmethod
    def of(cls, name: str, checkpoint: Path) -> Curve:
        """Return the curve of the training that made a checkpoint."""
        points = json.loads((checkpoint / "checkpoint.json").read_text(encoding="utf-8"))["curve"]
        held_out = [math.nan if p["held_out"] is None else p["held_out"] for p in points]
        return cls(name, [p["step"] for p in points], [p["loss"] for p in points], held_out)


class Axes:
    """The frame of a chart, which maps data to picture units; the vertical axis may be logarithmic."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], log: bool = False) -> None:
        self._x, self._log = x, log
        self._y = (math.log10(y[0]), math.log10(y[1])) if log else y

    def across(self, x: float) -> float:
        """Return where ``x`` lies."""
        low, high = self._x
        return LEFT + (x - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def down(self, y: float) -> float:
        """Return where ``y`` lies."""
        low, high = self._y
        value = math.log10(max(y, 1e-300)) if self._log else y
        return HEIGHT - BOTTOM - (value - low) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    def points(self, x: Sequence[float], y: Sequence[float]) -> Array:
        """Return (N, 2) picture units; without the points that are not finite."""
        pairs = [(self.across(a), self.down(b)) for a, b in zip(x, y) if math.isfinite(b)]
        return np.array(pairs).reshape(-1, 2)

    def frame(self, x_ticks: Sequence[float], y_ticks: Sequence[float], x_title: str, unit: str = "") -> str:
        """Draw grid lines, the numbers beside them, and the title of the horizontal axis."""
        rows = [
            f'<path class="mesh" d="M{LEFT} {self.down(y):.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 7}" y="{self.down(y) + 4:.1f}" text-anchor="end">{_short(y)}{unit}</text>'
            for y in y_ticks
        ]
        columns = [
            f'<text x="{self.across(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_short(x)}</text>'
            for x in x_ticks
        ]
        title = f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x_title)}</text>'
        return "".join([*rows, *columns, title])


def success_by_round(rounds: Sequence[dict[str, Any]], target: float | None = None) -> str:
    """Return the success of the policy alone after each round, with its interval, and the target as a line."""
    numbers, rates = [int(r["round"]) for r in rounds], [100 * r["success"] for r in rounds]
    axes = Axes((min(numbers) - 0.35, max(numbers) + 0.35), (0.0, 100.0))
    parts = [axes.frame(numbers, [0, 25, 50, 75, 100], "round", " %")]
    if target is not None:
        y = axes.down(100 * target)
        parts.append(f'<path class="target" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="target-text" x="{LEFT + 4}" y="{y + 14:.1f}">target {100 * target:g} %</text>')
    parts.append(f'<path class="trend" d="{line(axes.points(numbers, rates))}"/>')
    parts += [_whisker(axes, r) for r in rounds]
    return _chart(parts, "success of the policy alone by round")


def count_by_round(rounds: Sequence[dict[str, Any]], key: str, kind: str) -> str:
    """Draw bars of ``rounds[i][key]``, each with its number on top; ``kind`` is the CSS class of the bars."""
    counted = [(int(r["round"]), r[key]) for r in rounds if r.get(key) is not None]
    numbers = [int(r["round"]) for r in rounds]
    ticks = nice_ticks(0.0, max([1.0, *(float(n) for _, n in counted)]), 4)
    axes = Axes((min(numbers) - 0.6, max(numbers) + 0.6), (0.0, ticks[-1]))
    parts = [axes.frame(numbers, ticks, "round")]
    parts += [_bar(axes, number, count, kind) for number, count in counted]
    return _chart(parts, f"{key} by round")


def training_curve(curve: Curve) -> str:
    """Draw training loss solid and held-out loss dashed; logarithmic if all are positive and far apart."""
    values = [v for v in [*curve.train, *curve.held_out] if math.isfinite(v)]
    if not values:
        return _chart([], f"no loss was recorded for {curve.name}")
    low, high = min(values), max(values)
    log = low > 0 and high / low > 15
    ticks = _decades(low, high) if log else nice_ticks(low, high if high > low else low + 1, 4)
    axes = Axes((0.0, max(curve.steps)), (min(low, ticks[0]), max(high, ticks[-1])), log)
    parts = [axes.frame(nice_ticks(0.0, max(curve.steps), 3, inside=True), ticks, "training step")]
    parts.append(f'<path class="train" d="{line(axes.points(curve.steps, curve.train), 1.2)}"/>')
    parts.append(f'<path class="held-out" d="{line(axes.points(curve.steps, curve.held_out), 1.2)}"/>')
    return _chart(parts, f"training curve of {curve.name}")


def nice_ticks(low: float, high: float, about: int, inside: bool = False) -> list[float]:
    """Return about so many round numbers that enclose ``low`` to ``high``, or lie inside."""
    rough = max(high - low, 1e-12) / about
    size = 10.0 ** math.floor(math.log10(rough))
    size *= next(m for m in (1, 2, 5, 10) if m * size >= rough * 0.999)
    first, last, slack = (math.ceil, math.floor, -1e-9) if inside else (math.floor, math.ceil, 1e-9)
    return [i * size for i in range(first(low / size + slack), last(high / size - slack) + 1)]


def _decades(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [10.0**e for e in exponents]


def _whisker(axes: Axes, r: dict[str, Any]) -> str:
    x, y, (low, high) = axes.across(r["round"]), axes.down(100 * r["success"]), r["interval"]
    title = f"round {r['round']}: {100 * r['success']:.1f} % of {r['episodes']} episodes"
    return (
        f'<path class="whisker" d="M{x:.1f} {axes.down(100 * low):.1f}V{axes.down(100 * high):.1f}"/>'
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{title}</title></circle>'
    )


def _bar(axes: Axes, number: int, count: int, kind: str) -> str:
    half = min(20.0, 0.32 * (axes.across(1) - axes.across(0)))
    x, y = axes.across(number), axes.down(count)
    size = f'width="{2 * half:.1f}" height="{axes.down(0) - y:.1f}"'
    return (
        f'<rect class="{kind}" x="{x - half:.1f}" y="{y:.1f}" {size} rx="2"/>'
        f'<text class="strong" x="{x:.1f}" y="{y - 5:.1f}" text-anchor="middle">{count:,}</text>'
    )


def _short(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 10000:
        return f"{value / 1000:g}k"
    return f"{value:g}" if abs(value) >= 0.001 else f"{value:.0e}".replace("e-0", "e-")


def _chart(parts: Sequence[str], label: str) -> str:
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
    return f"{head}{''.join(parts)}</svg>"
