# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pictures of the study of policy classes: paths from above, and what each class may do at the fork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from il_ros.core.episode import Episode
from il_ros.core.types import Array, EpisodeStart
from il_ros.evaluation.report.svg import TopView
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.inference import PolicyRunner

RIGHT, LEFT, LOST, OBSTACLE, SOFT = "#0a6ab0", "#8a3fa8", "#c84a05", "#4a4f57", "#5b626b"
SIDES = LinearSegmentedColormap.from_list("sides", [RIGHT, "#12a08a", "#d9a400", LEFT])
"""From the way that keeps to the right to the one that keeps to the left."""
BEFORE_M = 0.095
"""So far before the post no expert has begun to swerve, but within a chunk they all do."""
CM = 100.0


@dataclass(frozen=True)
class Drive:
    """One drive from above."""

    positions: Array
    """(T, 2) m, x forward and y to the left."""
    won: bool


@dataclass(frozen=True)
class Panel:
    """One picture of a grid."""

    title: str
    paths: Sequence[Drive]


def from_above(rows: Mapping[str, Sequence[Panel]], scenes: Sequence[TopView], file: Path) -> None:
    """Draw a row of panels for each name, all over the row's scene, seen from behind the robot."""
    columns = max(len(panels) for panels in rows.values())
    tallest = max((scene.x_high - scene.x_low) / (scene.y_high - scene.y_low) for scene in scenes)
    figure, grid = new_grid(len(rows), columns, 1.25 * tallest + 0.35)
    for axes, (name, panels), scene in zip(grid, rows.items(), scenes):
        axes[0].set_ylabel(name.replace(", ", ",\n"), fontsize=10)
        widest = 2.1 * max(abs(float(np.mean(path.positions[:, 1]))) for path in panels[0].paths)
        for place, panel in zip(axes, panels):
            draw_table(place, scene)
            for path in panel.paths:
                x, y = path.positions.T
                shade = SIDES(0.5 + float(np.mean(y)) / widest) if path.won else LOST
                place.plot(-CM * y, CM * x, color=shade, lw=0.8, alpha=0.7 if path.won else 0.9)
                if not path.won:
                    place.plot(-CM * y[-1], CM * x[-1], "x", color=LOST, ms=4)
            place.set_title(panel.title, fontsize=8.5)
        for place in axes[len(panels) :]:
            place.set_visible(False)
    save(figure, file)


def at_the_fork(
    demonstrations: Sequence[Episode],
    checkpoints: Mapping[str, Checkpoint],
    scene: TopView,
    file: Path,
    draws: int = 300,
) -> None:
    """Draw what the experts did from a state where they still agreed, and what each class draws there.

    Above, the paths that the chunks would lead along; below, how far to the left they would end.
    """
    horizon = next(iter(checkpoints.values())).policy.config.horizon
    sampled = {"experts": np.array([_chunk_from_fork(episode, horizon) for episode in demonstrations])}
    for name, checkpoint in checkpoints.items():
        sampled[name] = draw_chunks(
            checkpoint, fork_history(demonstrations[0], checkpoint.policy.config.n_obs_steps), draws
        )
    figure, (above, below) = new_grid(2, len(sampled), 1.9)
    (post_x, post_y, radius) = scene.obstacles[0]
    edges = np.linspace(-8, 8, 33)
    for over, under, (name, chunks) in zip(above, below, sampled.items()):
        paths = _integrated(chunks, post_x - BEFORE_M, demonstrations[0].step_ns / 1e9)
        for path in paths:
            over.plot(-CM * path[:, 1], CM * path[:, 0], color=SIDES(0.5 + path[-1, 1] / 0.12), lw=0.5, alpha=0.35)
        over.add_patch(Circle((-CM * post_y, CM * post_x), CM * radius, color=OBSTACLE))
        over.set(xlim=(-9, 9), ylim=(CM * (post_x - BEFORE_M) - 1, CM * post_x + 5), aspect="equal")
        over.set_title(name, fontsize=8.5)
        ends = -CM * paths[:, -1, 1]
        counts, _ = np.histogram(ends, edges)
        middles = (edges[1:] + edges[:-1]) / 2
        under.bar(middles, counts / len(ends), width=edges[1] - edges[0], color=SIDES(0.5 - middles / 12))
        under.set(xlim=(-9, 9), ylim=(0, 0.6))
        under.set_yticks([])
        under.set_xticks([-5, 0, 5], ["5", "0", "5"], fontsize=8)
        under.set_xlabel("left    cm    right", fontsize=8)
    above[0].set_ylabel("paths of chunks", fontsize=10)
    below[0].set_ylabel("share of chunks", fontsize=10)
    save(figure, file)


def fork_history(episode: Episode, history: int) -> Array:
    """Return (To, Do), what was observed just before the place where experts part."""
    step = _step_at_fork(episode)
    return episode.observations[step - history + 1 : step + 1]


def draw_chunks(checkpoint: Checkpoint, observations: Array, draws: int) -> Array:
    """Return (draws, Ta, Da), chunks that answer one history (To, Do), each with noise of its own."""
    actor, step_ns, chunks = PolicyRunner(checkpoint), checkpoint.contract.step_ns, []
    for seed in range(draws):
        actor.reset(EpisodeStart("", seed, 0))
        for step, observation in enumerate(observations):
            actor.observe(step * step_ns, observation)
        chunks.append(actor.chunk().actions)
    return np.array(chunks)


def _step_at_fork(episode: Episode) -> int:
    tool_x, post_x = episode.observations[:, 0], episode.observations[:, 2]
    return int(np.argmax(tool_x >= post_x - BEFORE_M))


def _chunk_from_fork(episode: Episode, horizon: int) -> Array:
    step = _step_at_fork(episode)
    return episode.expert[step : step + horizon]


def _integrated(chunks: Array, x: float, step_s: float) -> Array:
    """Return (N, Ta + 1, 2) m, where velocities (N, Ta, 2) lead from (x, 0)."""
    moved = np.cumsum(chunks * step_s, axis=1)
    return np.concatenate([np.zeros_like(moved[:, :1]), moved], axis=1) + [x, 0.0]


def draw_table(axes: Axes, scene: TopView) -> None:
    """Draw what stands and lies on the table, from above, with the robot below."""
    for x, y, radius in scene.obstacles:
        axes.add_patch(Circle((-CM * y, CM * x), CM * radius, color=OBSTACLE))
    for points in scene.lines:
        x, y = CM * np.array(points).T
        axes.plot(-y, x, color=SOFT, lw=0.8, ls="--")
    axes.set(xlim=(-CM * scene.y_high, -CM * scene.y_low), ylim=(CM * scene.x_low, CM * scene.x_high), aspect="equal")


def new_grid(rows: int, columns: int, height: float) -> tuple[Figure, Array]:
    """Make a figure and its (rows, columns) axes, without ticks."""
    figure, grid = plt.subplots(rows, columns, figsize=(1.42 * columns, height * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color("#c9c4b8")
    return figure, grid


def save(figure: Figure, file: Path) -> None:
    """Write the figure as PNG."""
    if figure.get_layout_engine() is None:
        figure.tight_layout(pad=0.6)
    figure.savefig(file, dpi=150, facecolor="white", metadata={"Software": None})
    plt.close(figure)
