# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""PandaStack-v3 whose success is a stack: ``examples.panda_gym.stacked:PandaStacked-v0``.

panda-gym's own counts two cubes that lie side by side (``findings/panda_gym_stack_without_a_stack.sh``).
"""

from __future__ import annotations

from typing import Any

import gymnasium

NEAR_M = 0.045
"""The places of both cubes may differ from their goals by so much together: two that touch side by side do by more."""


def make(**options: Any) -> gymnasium.Env[Any, Any]:
    """Make it, with the options of ``PandaStack-v3``."""
    from panda_gym.envs import PandaStackEnv  # type: ignore[import-not-found]

    env: Any = PandaStackEnv(**options)
    env.task.distance_threshold = NEAR_M
    return env  # type: ignore[no-any-return]


gymnasium.register("PandaStacked-v0", entry_point=make, max_episode_steps=100)
