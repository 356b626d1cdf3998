# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks, one file each: scene, reset distribution, success rule and scripted experts."""

from il_ros.sim.tasks.base import Body, SceneLayout, ScriptedExpert, StepState, Task, available, load

__all__ = ["Body", "SceneLayout", "ScriptedExpert", "StepState", "Task", "available", "load"]
