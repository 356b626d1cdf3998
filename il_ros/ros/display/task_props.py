# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What stands on the table of a task, for those who draw it."""

from __future__ import annotations

from il_ros.sim import tasks
from il_ros.web_ui.scene_props import SceneProps


def task_props(name: str) -> SceneProps:
    """Return what stands on the table in a task; no name is no task.

    Raises:
        ConfigError: if there is no such task.
    """
    if not name:
        return SceneProps()
    task = tasks.load(name)
    finish = None if task.groove is not None else task.finish_x_m
    width = getattr(task, "half_width_m", SceneProps.half_width)
    radius = getattr(task, "post_radius_m", SceneProps.post_radius)
    return SceneProps(radius, task.post_height_m, finish, width, task.groove)
