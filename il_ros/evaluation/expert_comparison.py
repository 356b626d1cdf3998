# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Experts beside each other: how long they take, how smoothly they drive, and where they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.types import Array
from il_ros.learning.pipeline import experts_of
from il_ros.sim.timeline import UNKNOWN

SAME = 0.25
"""States count as the same when they are nearer than this, in standard deviations a component (root mean square)."""
MOST = 3000
"""So many states of an expert are looked at."""


def compare(episodes: Iterable[Episode], contract: Contract) -> list[dict[str, Any]]:
    """Return one row an expert, of the episodes that nobody else drove.

    ``duration_s`` is the median time that the expert drove in an episode; ``smoothness`` the median log dimensionless
    jerk of that driving (Balasubramanian et al. 2012, doi:10.1109/TBME.2011.2179545, equation 4), nearer to 0 is
    smoother; ``met`` the share of states that another expert was in, too; ``disagreement`` by how much their actions
    differed there, as a mean share of the range of actions.
    """
    by_name: dict[str, list[Episode]] = {}
    for episode in episodes:
        names = experts_of(episode)
        if len(names) == 1 and (episode.authority == Authority.EXPERT).any():
            by_name.setdefault(names[0], []).append(episode)
    driven = {name: _driven(theirs) for name, theirs in by_name.items()}
    scale = _scale([states for states, _ in driven.values()])
    rows = []
    for name, theirs in sorted(by_name.items()):
        others = [driven[other] for other in by_name if other != name]
        met, disagreement = _disagreement(driven[name], others, scale, contract.high - contract.low)
        rows.append(
            {
                "expert": name,
                "episodes": len(theirs),
                "success": _success(theirs),
                "interventions": sum(episode.interventions for episode in theirs),
                "duration_s": float(np.median([_steps(episode) * episode.step_ns / 1e9 for episode in theirs])),
                "smoothness": _median([smoothness(episode, contract) for episode in theirs]),
                "met": met,
                "disagreement": disagreement,
            }
        )
    return rows


def _success(episodes: Sequence[Episode]) -> float:
    """Return the share of those of known outcome that succeeded; NaN if none is known."""
    known = [episode.info.outcome for episode in episodes if episode.info.outcome != UNKNOWN]
    return known.count("success") / len(known) if known else float("nan")


def _median(values: Sequence[float]) -> float:
    """Return the median of those that are known."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.median(known)) if known else float("nan")


def _steps(episode: Episode) -> int:
    return int((episode.authority == Authority.EXPERT).sum())


def _driven(episodes: Sequence[Episode]) -> tuple[Array, Array]:
    """Return (N, Do) states and (N, Da) actions of the steps that were driven."""
    chosen = [episode.authority == Authority.EXPERT for episode in episodes]
    states = np.concatenate([episode.observations[which] for episode, which in zip(episodes, chosen)])
    actions = np.concatenate([episode.executed[which] for episode, which in zip(episodes, chosen)])
    few = np.linspace(0, len(states) - 1, min(MOST, len(states))).round().astype(int)
    return states[few], actions[few]


def _scale(states: Sequence[Array]) -> Array:
    """Return (Do,) what is one unit of each component."""
    spread = np.concatenate(states).std(axis=0) if states else np.ones(1)
    return np.where(spread > 1e-9, spread, 1.0)


def _disagreement(
    own: tuple[Array, Array], others: Sequence[tuple[Array, Array]], scale: Array, span: Array
) -> tuple[float, float]:
    """Return the share of own states that others were in, and how far actions differed there; NaN without any."""
    if not others:
        return 0.0, float("nan")
    states, actions = (np.concatenate([each[part] for each in others]) for part in (0, 1))
    differences = []
    for start in range(0, len(own[0]), 256):
        mine = own[0][start : start + 256]
        away = np.sqrt(np.mean(((mine[:, None] - states[None]) / scale) ** 2, axis=2))
        nearest = away.argmin(axis=1)
        same = away.min(axis=1) < SAME
        apart = np.abs(own[1][start : start + 256] - actions[nearest]) / span
        differences.append(apart[same].mean(axis=1))
    distances = np.concatenate(differences)
    return len(distances) / len(own[0]), float(distances.mean()) if len(distances) else float("nan")


def smoothness(episode: Episode, contract: Contract) -> float:
    """Return the log dimensionless jerk of the longest span that an expert drove; NaN if it is too short to tell."""
    spans = [(stop - start, start, stop) for start, stop, who in episode.spans() if who is Authority.EXPERT]
    length, start, stop = max(spans, default=(0, 0, 0))
    if length < 5:
        return float("nan")
    dt, moved = episode.step_ns / 1e9, episode.executed[start:stop].astype(np.float64)
    velocity = moved if contract.moves_tool else np.gradient(moved, dt, axis=0)
    jerk = np.gradient(np.gradient(velocity, dt, axis=0), dt, axis=0)
    peak = float((velocity**2).sum(axis=1).max())
    squared = float((jerk**2).sum() * dt)
    if peak <= 0.0 or squared <= 0.0:
        return float("nan")
    return -float(np.log((length * dt) ** 3 / peak * squared))
