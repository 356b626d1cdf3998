# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks, one file each: scene, reset distribution, success rule and scripted experts."""

from il_ros.sim.tasks.base import SceneLayout, ScriptedExpert, Task, available, load

__all__ = ["SceneLayout", "ScriptedExpert", "Task", "available", "load"]
