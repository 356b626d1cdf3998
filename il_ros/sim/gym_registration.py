# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every task as an environment that gymnasium makes by its name, for other people's learners.

Importing this module is what registers them, as ``il_ros/Fork-v0`` and so on; gymnasium does so itself when it is asked
for ``il_ros.sim.gym_registration:il_ros/Fork-v0``. PyBullet is loaded when the first environment is made.
"""

from __future__ import annotations

import gymnasium

from il_ros.sim import tasks


def name_of(task: str) -> str:
    """Return gymnasium's name of the task in the file of that name: ``il_ros/Fork-v0`` for ``fork``."""
    return f"il_ros/{''.join(word.capitalize() for word in task.split('_'))}-v0"


for _task in tasks.available():
    # without max_episode_steps: the environment ends an episode by simulated time, at whatever rate the contract has
    gymnasium.register(name_of(_task), entry_point="il_ros.sim.env:ArmEnv", kwargs={"task": _task})
