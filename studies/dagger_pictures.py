# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pictures of the study of corrections: cost by horizon, states that are visited, what labels buy."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from il_ros.core.types import Array
from il_ros.evaluation.report.trajectories import scene
from il_ros.sim.tasks import Task
from studies import delay
from studies.pictures import CM, SOFT, draw_table, new_grid, save

if TYPE_CHECKING:
    from studies.dagger import Growth

COLOURS = ("#c84a05", "#0a6ab0", "#12a08a", "#8a3fa8", "#d9a400", "#4a4f57", "#a83f5d")
MARKERS = "os^"
"""With each of them all colours are used once."""
BINS = 60


def growth(horizons: Array, grown: Sequence[Growth], file: Path) -> None:
    """Plot cost over horizon, both logarithmic, with lines of slope one and two to compare."""
    figure, axes = plt.subplots(figsize=(5.6, 4.0))
    for colour, g in zip(COLOURS, grown):
        axes.plot(horizons, g.mean, "o-", color=colour, lw=1.6, ms=4, label=g.arm)
        axes.fill_between(horizons, g.low, g.high, color=colour, alpha=0.15, lw=0)
    start, middle = float(np.mean([g.mean[0] for g in grown])), len(horizons) // 2
    for power, name in ((1, "T"), (2, "T²")):
        line = start * (horizons / horizons[0]) ** power
        axes.plot(horizons, line, color=SOFT, lw=0.8, ls=":")
        axes.annotate(
            name, (horizons[middle], line[middle]), (-4, 5), textcoords="offset points", color=SOFT, ha="right"
        )
    axes.set(xscale="log", yscale="log", xlabel="horizon T, steps", ylabel="cost, steps outside the groove")
    axes.set_xticks(horizons, [f"{h:.0f}" for h in horizons])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    save(figure, file)


def visited(first: Mapping[str, Mapping[str, Any]], task: Task, file: Path) -> None:
    """Plot where the expert was, and where each policy is: how often each square of the table is visited."""
    shown = {"expert": np.array(next(iter(first.values()))["demonstrated"])}
    shown |= {arm: np.concatenate([np.array(path) for path in result["paths"]]) for arm, result in first.items()}
    ground = scene(task)
    edges = [np.linspace(-ground.y_high, -ground.y_low, BINS), np.linspace(ground.x_low, ground.x_high, BINS)]
    figure, grid = new_grid(1, len(shown), 1.9)
    for axes, (name, places) in zip(grid[0], shown.items()):
        counts, _, _ = np.histogram2d(-places[:, 1], places[:, 0], edges)
        share = np.log10(np.where(counts > 0, counts / counts.sum(), np.nan)).T
        axes.imshow(
            share,
            origin="lower",
            extent=[CM * edges[0][0], CM * edges[0][-1], CM * edges[1][0], CM * edges[1][-1]],
            cmap="viridis_r",
            vmin=-4.5,
            vmax=-2,
        )
        draw_table(axes, ground)
        axes.set_title(name, fontsize=8.5)
    save(figure, file)


def away(first: Mapping[str, Mapping[str, Any]], rate_hz: int, file: Path) -> None:
    """Plot how far the states that are visited are from the nearest demonstrated one, as the episode goes on."""
    figure, axes = plt.subplots(figsize=(5.6, 3.2))
    for colour, (arm, result) in zip(COLOURS, first.items()):
        steps = max(map(len, result["away_m"]))
        table = np.full((len(result["away_m"]), steps), np.nan)
        for row, values in zip(table, result["away_m"]):
            row[: len(values)] = values
        seconds = np.arange(steps) / rate_hz
        axes.plot(seconds, CM * table.T, color=colour, lw=0.4, alpha=0.35)
        axes.plot(seconds, CM * np.nanmean(table, axis=0), color=colour, lw=1.8, label=arm)
    axes.set(xlabel="time in the episode, s", ylabel="cm from the nearest\ndemonstrated state", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    save(figure, file)


def frontier(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Plot success over what it cost the expert: labels, take-overs, seconds at the controls.

    Costs are drawn by their logarithms from some value on, and what lies far below all ends is left to the tables.
    """
    names = list(dict.fromkeys(row["task"] for row in rows))
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    spent = {
        "labels": ("labels added", 100),
        "takeovers": ("take-overs", 10),
        "expert_s": ("seconds at the controls", 5),
    }
    size = (9.0, 2.9 * len(names) + 0.9)
    figure, grid = plt.subplots(len(names), len(spent), figsize=size, squeeze=False, sharey="row", layout="constrained")
    looks = dict(zip(arms, itertools.product(MARKERS, COLOURS)))
    for line, name in zip(grid, names):
        for axes, (key, (words, straight)) in zip(line, spent.items()):
            for arm, (marker, colour) in looks.items():
                selected = [row for row in rows if row["task"] == name and row["arm"] == arm]
                x, y = [row[key] for row in selected], [100 * row["success"] for row in selected]
                axes.plot(x, y, marker + "-", color=colour, lw=1.1, ms=3.5, label=arm, alpha=0.85)
            axes.set_xlabel(words)
            axes.set_xscale("symlog", linthresh=straight)
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_xlim(left=0)
            _plain(axes)
        ends = [[row["success"] for row in rows if row["task"] == name and row["arm"] == arm][-1:] for arm in arms]
        line[0].set(ylabel=f"{name}: success, %", ylim=(100 * min(min(end) for end in ends if end) - 15, None))
    handles, words = grid[-1][0].get_legend_handles_labels()
    figure.legend(handles, words, frameon=False, fontsize=8, ncols=4, loc="outside lower center")
    save(figure, file)


def delayed(rows: Sequence[Mapping[str, Any]], step_ms: int, file: Path) -> None:
    """Plot success over the delay: of a policy, with chunks anchored and not, and of the expert who watches one."""
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.0), sharey=True)
    late = ((0, delay.ANCHORED, "anchored"), (0, delay.NOT_ANCHORED, "not anchored"), (1, delay.EXPERT_LATE, "watched"))
    for colour, (panel, case, name) in zip((COLOURS[1], COLOURS[0], COLOURS[2]), late):
        selected = [row for row in rows if row["case"] == case]
        x, y = [step_ms * row["delay"] for row in selected], np.array([100 * row["success"] for row in selected])
        bounds = 100 * np.array([row["interval"] for row in selected]).T
        panels[panel].errorbar(x, y, abs(bounds - y), fmt="o-", color=colour, lw=1.6, ms=4, elinewidth=0.8, label=name)
    (alone,) = (100 * row["success"] for row in rows if row["case"] == delay.ALONE)
    panels[1].axhline(alone, color="#6b6b6b", lw=1.2, ls="--", label="not watched")
    for axes, whose in zip(panels, ("policy", "expert who watches one that lapses")):
        axes.set(xlabel=f"delay of the {whose}, ms", ylim=(0, 103))
        axes.legend(frameon=False, fontsize=8, loc="lower left")
        _plain(axes)
    panels[0].set_ylabel("success, %")
    save(figure, file)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e2d8", lw=0.6)
    axes.set_axisbelow(True)
