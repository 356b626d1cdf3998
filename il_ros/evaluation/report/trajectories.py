# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From tasks, recorded episodes and rollouts to what the report draws."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.evaluation.report.svg import ToolPath, TopView
from il_ros.evaluation.rollouts import Rollout
from il_ros.sim.tasks import Task
from il_ros.sim.tasks.posts import PostsTask

SAME_M = 0.03
"""Starts that are closer to each other than this are drawn as one."""


def scene(task: Task) -> TopView:
    """Return the table of ``task``; with the start, if that is always about the same."""
    layout, *others = (task.layout(np.random.default_rng(seed)) for seed in range(20))
    posts = tuple(
        (float(pose[0]), float(pose[1]), body.size[0] / 2)
        for body, pose in zip(task.bodies, layout.poses)
        if body.solid
    )
    away = max(float(np.linalg.norm(other.tool_start - layout.tool_start)) for other in others)
    start = (float(layout.tool_start[0]), float(layout.tool_start[1]))
    if not isinstance(task, PostsTask):
        return TopView(0.2, 0.75, -0.3, 0.3, posts, start=start if away < SAME_M else None)
    if task.groove is not None:
        (x_low, y_low), (x_high, y_high) = task.groove.min(0) - 0.04, task.groove.max(0) + 0.04
        return TopView(x_low, x_high, y_low, y_high, posts, groove=tuple(map(tuple, task.groove.tolist())))
    wide = task.half_width_m
    return TopView(
        start[0] - 0.06, task.finish_x_m + 0.04, -wide, wide, posts, task.finish_x_m, start if away < SAME_M else None
    )


def recorded(episode: Episode, contract: Contract, label: str) -> ToolPath:
    """Return the path of a recorded episode, as the policy saw it."""
    columns = [contract.observation_names.index(name) for name in ("tool_x", "tool_y")]
    return ToolPath(episode.observations[:, columns], episode.authority, episode.info.outcome, label)


def rolled_out(rollout: Rollout) -> ToolPath:
    """Return the path of a rollout in the loop, its last point included."""
    authority = np.append(rollout.episode.authority, rollout.episode.authority[-1:])
    return ToolPath(rollout.positions, authority, rollout.outcome, f"episode {rollout.seed}")
