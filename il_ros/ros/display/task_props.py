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
    return SceneProps(task.bodies, task.lines)
