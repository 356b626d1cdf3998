# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From tasks, recorded episodes and rollouts to what the report draws."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.types import Array
from il_ros.evaluation.report.svg import StartArea, ToolPath, TopView
from il_ros.evaluation.rollouts import Rollout
from il_ros.sim.tasks import Body, Task

SAME_M = 0.03
"""Starts that are closer to each other than this are drawn as one."""
EDGE_M = 0.05
"""What is drawn of the table beyond everything that lies on it."""
LAYOUTS = 50
"""Starts of episodes by which it is told where things are."""


def scene(task: Task) -> TopView:
    """Return the table of ``task``: what is in the same place always, and where the other things are at the start."""
    layouts = [task.layout(np.random.default_rng(seed)) for seed in range(LAYOUTS)]
    places = np.array([layout.poses[:, :2] for layout in layouts]).reshape(LAYOUTS, len(task.bodies), 2)
    starts = np.array([layout.tool_start[:2] for layout in layouts])
    spots = [(body, places[:, number]) for number, body in enumerate(task.bodies)]
    posts = tuple((*_mean(spot), body.size[0] / 2) for body, spot in spots if body.solid and _is_one(spot))
    areas = [_area(body, spot) for body, spot in spots if not _is_one(spot)]
    around = np.vstack([starts, *(spot + [[d, d]] for b, spot in spots for d in (-b.size[0] / 2, b.size[0] / 2))])
    around = np.vstack([around, *(points[:, :2] for points in task.lines)])
    (x_low, y_low), (x_high, y_high) = (around.min(0) - EDGE_M).tolist(), (around.max(0) + EDGE_M).tolist()
    lines = tuple(tuple((float(x), float(y)) for x, y in points) for points in task.lines)
    start = _mean(starts) if _is_one(starts) else None
    return TopView(x_low, x_high, y_low, y_high, posts, lines, start, tuple(areas))


def _is_one(spot: Array) -> bool:
    """Return whether places (N, 2), m, are about the same."""
    return bool(np.linalg.norm(spot - spot[0], axis=1).max() < SAME_M)


def _mean(spot: Array) -> tuple[float, float]:
    x, y = spot.mean(0).tolist()
    return x, y


def _area(body: Body, spot: Array) -> StartArea:
    (x_low, y_low), (x_high, y_high) = (
        (spot.min(0) - body.size[0] / 2).tolist(),
        (spot.max(0) + body.size[0] / 2).tolist(),
    )
    return StartArea(body.name.replace("_", " "), x_low, x_high, y_low, y_high)


def recorded(episode: Episode, contract: Contract, label: str) -> ToolPath:
    """Return the path of a recorded episode, as the policy saw it."""
    columns = [contract.observation_names.index(name) for name in ("tool_x", "tool_y")]
    return ToolPath(episode.observations[:, columns], episode.authority, episode.info.outcome, label)


def rolled_out(rollout: Rollout) -> ToolPath:
    """Return the path of a rollout in the loop, its last point included."""
    authority = np.append(rollout.episode.authority, rollout.episode.authority[-1:])
    return ToolPath(rollout.positions, authority, rollout.outcome, f"episode {rollout.seed}")
