# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pictures of what the arm did, drawn as SVG: the scene from above, seen from behind the robot, and paths over it.

Colours are names of CSS variables and classes that ``report.html`` defines, for light and dark alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from il_ros.core.episode import Authority
from il_ros.core.errors import DataError
from il_ros.core.types import Array

WIDTH, TALLEST = 340.0, 440.0
"""Size of a picture in units of its SVG; it scales to the room that the page gives."""
MOST_PATHS = 100
"""More paths than this in one picture are ink, not information; evenly spaced ones are drawn instead."""


@dataclass(frozen=True)
class StartArea:
    """Where a thing lies when an episode starts, if that is another place each time; metres in the base frame."""

    name: str
    x_low: float
    x_high: float
    y_low: float
    y_high: float


@dataclass(frozen=True)
class TopView:
    """What stands on the table of a task: metres in the robot's base frame, x forward and y to the left."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    obstacles: tuple[tuple[float, float, float], ...] = ()
    """``(x, y, radius)`` of each that always stands there."""
    lines: tuple[tuple[tuple[float, float], ...], ...] = ()
    """The points of each line that the task draws on the table, such as the finish."""
    start: tuple[float, float] | None = None
    areas: tuple[StartArea, ...] = ()

    def __post_init__(self) -> None:
        if not (self.x_low < self.x_high and self.y_low < self.y_high):
            raise DataError(
                f"scene spans x {self.x_low} to {self.x_high}, y {self.y_low} to {self.y_high}; give low < high"
            )


@dataclass(frozen=True)
class ToolPath:
    """The path of the tool in one episode, and who drove it."""

    positions: Array
    """(T, 2) float, m: x and y in the base frame."""
    authority: Array
    """(T,) uint8, an ``Authority`` value per step."""
    outcome: str
    """``success``, or how it failed."""
    label: str
    """The expert's name for a demonstration; what to call the episode otherwise."""

    def __post_init__(self) -> None:
        if np.shape(self.positions) != (len(self.authority), 2):
            raise DataError(
                f"track {self.label!r}: positions are {np.shape(self.positions)}; give ({len(self.authority)}, 2), "
                "one row for each step of authority"
            )

    @property
    def succeeded(self) -> bool:
        """Whether the episode reached its goal."""
        return self.outcome == "success"


class MapProjection:
    """Maps the base frame to a picture: forward is up, left is left."""

    def __init__(self, scene: TopView) -> None:
        across, along = scene.y_high - scene.y_low, scene.x_high - scene.x_low
        self.scale = min(WIDTH / across, TALLEST / along)
        """Units of the picture a metre."""
        self.height = along * self.scale
        self._left = scene.y_high + (WIDTH / self.scale - across) / 2
        self._top = scene.x_high

    def points(self, positions: Array) -> Array:
        """Return (T, 2) picture units of (T, 2) metres."""
        x, y = np.asarray(positions, dtype=np.float64).reshape(-1, 2).T
        return np.column_stack([(self._left - y) * self.scale, (self._top - x) * self.scale])

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the picture units of one point."""
        across, down = self.points(np.array([[x, y]]))[0].tolist()
        return across, down


def line(points: Array, nearest: float = 0.6) -> str:
    """Return the SVG path through (T, 2) points; points nearer than ``nearest`` to the last one drawn are left out."""
    selected: list[tuple[float, float]] = []
    rows = [(x, y) for x, y in points.tolist() if np.isfinite(x) and np.isfinite(y)]
    for x, y in rows:
        if not selected or abs(x - selected[-1][0]) + abs(y - selected[-1][1]) >= nearest:
            selected.append((x, y))
    if rows and selected[-1] != rows[-1]:
        selected.append(rows[-1])
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in selected) if selected else ""


def evenly(tracks: Sequence[ToolPath], most: int = MOST_PATHS) -> list[ToolPath]:
    """Return at most ``most`` of the tracks, evenly spaced in their order."""
    if len(tracks) <= most:
        return list(tracks)
    return [tracks[i] for i in np.linspace(0, len(tracks) - 1, most).round().astype(int)]


def demonstrations(scene: TopView, tracks: Sequence[ToolPath]) -> str:
    """Draw paths coloured by expert, from the rightmost one's colour to the leftmost one's."""
    view, shades = MapProjection(scene), expert_shades(tracks)
    paths = [
        _path(view, track, expert_class(track.label, shades), f"--of:{100 * shades[track.label]:.0f}%")
        for track in evenly(tracks)
    ]
    return _picture(scene, view, paths, f"{len(tracks)} demonstrations seen from above")


def rollouts(scene: TopView, tracks: Sequence[ToolPath]) -> str:
    """Draw the paths of a policy alone: solid where it succeeded; dashed, with a cross at the end, where it failed."""
    view, drawn = MapProjection(scene), evenly(tracks)
    drawn.sort(key=lambda track: not track.succeeded)
    paths = [_path(view, track, "won" if track.succeeded else "lost") for track in drawn]
    return _picture(scene, view, [*paths, _crosses(view, drawn)], f"{len(tracks)} rollouts seen from above")


def corrected(scene: TopView, tracks: Sequence[ToolPath]) -> str:
    """Draw the paths of a round: thin where the policy drove, thick where the expert did; a cross marks a failure."""
    view, drawn = MapProjection(scene), evenly(tracks)
    spans = [(track, *span) for track in drawn for span in spans_of(track.authority)]
    spans.sort(key=lambda span: span[3] is Authority.EXPERT)
    paths = [
        f'<path class="by-{who.name.lower()}" d="{line(view.points(track.positions[start : stop + 1]))}">'
        f"<title>{escape(track.label)}: {who.name.lower()} drives steps {start} to {stop - 1}</title></path>"
        for track, start, stop, who in spans
    ]
    return _picture(scene, view, [*paths, _crosses(view, drawn)], f"{len(tracks)} corrected rollouts from above")


def expert_shades(tracks: Sequence[ToolPath]) -> dict[str, float]:
    """Return where each label lies between right (0) and left (1), evenly spaced in the order of the paths' mean y."""
    means: dict[str, list[float]] = {}
    for track in tracks:
        means.setdefault(track.label, []).append(float(np.mean(track.positions[:, 1])) if len(track.positions) else 0.0)
    order = sorted(means, key=lambda label: float(np.mean(means[label])))
    return {label: i / max(1, len(order) - 1) for i, label in enumerate(order)}


def expert_class(label: str, shades: dict[str, float]) -> str:
    """Return the CSS class of an expert's paths; of two experts the left one's are dashed as well as coloured."""
    return "expert-path second" if len(shades) == 2 and shades[label] > 0 else "expert-path"


def steps_by(tracks: Sequence[ToolPath]) -> dict[Authority, int]:
    """Return how many steps each authority drove."""
    return {who: sum(int((track.authority == who).sum()) for track in tracks) for who in reversed(Authority)}


def spans_of(authority: Array) -> list[tuple[int, int, Authority]]:
    """Return the spans ``(start, stop, authority)`` in which the authority does not change."""
    if not len(authority):
        return []
    edges = [0, *(np.flatnonzero(np.diff(np.asarray(authority, dtype=int))) + 1).tolist(), len(authority)]
    return [(start, stop, Authority(int(authority[start]))) for start, stop in zip(edges, edges[1:])]


def _path(view: MapProjection, track: ToolPath, kind: str, style: str = "") -> str:
    title = f"<title>{escape(track.label)}: {escape(track.outcome)}, {len(track.positions)} steps</title>"
    return f'<path class="{kind}" style="{style}" d="{line(view.points(track.positions))}">{title}</path>'


def _crosses(view: MapProjection, tracks: Sequence[ToolPath]) -> str:
    ends = [view.points(track.positions)[-1] for track in tracks if not track.succeeded and len(track.positions)]
    marks = "".join(f"M{x - 3:.1f} {y - 3:.1f}l6 6m-6 0l6-6" for x, y in ends)
    return f'<path class="cross" d="{marks}"/>' if marks else ""


def _picture(scene: TopView, view: MapProjection, paths: Sequence[str], label: str) -> str:
    return (
        f'<svg class="scene" viewBox="0 0 {WIDTH:.0f} {view.height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{_ground(scene, view)}<g>{''.join(paths)}</g>{_marks(scene, view)}</svg>"
    )


def _ground(scene: TopView, view: MapProjection) -> str:
    ten_cm = 0.1 * view.scale
    parts = [
        f'<path class="mesh" d="M0 {y:.1f}H{WIDTH:.0f}"/>' for y in np.arange(view.height % ten_cm, view.height, ten_cm)
    ]
    parts += [
        f'<path class="mesh" d="M{x:.1f} 0V{view.height:.0f}"/>' for x in np.arange((WIDTH / 2) % ten_cm, WIDTH, ten_cm)
    ]
    parts += [f'<path class="finish" d="{line(view.points(np.array(points)), 4.0)}"/>' for points in scene.lines]
    parts += [_area(view, area) for area in scene.areas]
    return "".join(parts)


def _area(view: MapProjection, area: StartArea) -> str:
    (left, top), (right, bottom) = view.point(area.x_high, area.y_high), view.point(area.x_low, area.y_low)
    return (
        f'<rect class="area" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
        f'rx="8"/><text x="{(left + right) / 2:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">'
        f"{escape(area.name)}</text>"
    )


def _marks(scene: TopView, view: MapProjection) -> str:
    parts = []
    for x, y, radius in scene.obstacles:
        across, down = view.point(x, y)
        parts.append(
            f'<circle class="obstacle" cx="{across:.1f}" cy="{down:.1f}" r="{radius * view.scale:.1f}">'
            f"<title>obstacle, {200 * radius:.0f} cm wide</title></circle>"
        )
    if scene.start is not None:
        across, down = view.point(*scene.start)
        parts.append(f'<circle class="start" cx="{across:.1f}" cy="{down:.1f}" r="4.5"/>')
        parts.append(f'<text x="{across + 10:.1f}" y="{down + 4:.1f}">start</text>')
    ten_cm, foot = 0.1 * view.scale, view.height - 10
    parts.append(f'<path class="rule" d="M{WIDTH - 10 - ten_cm:.1f} {foot - 3:.1f}v3h{ten_cm:.1f}v-3"/>')
    parts.append(f'<text x="{WIDTH - 10 - ten_cm / 2:.1f}" y="{foot - 7:.1f}" text-anchor="middle">10 cm</text>')
    parts.append(f'<path class="rule" d="M14 {foot:.1f}v-22m-4 6l4-6l4 6"/><text x="24" y="{foot:.1f}">forward</text>')
    return "".join(parts)
