# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstrations that every training of the bench learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OBSERVATION_DIM, ACTION_DIM = 19, 7
"""As in robomimic's low-dimensional Lift: pose of the hand, fingers, object; a pose's change and the gripper."""
EPISODES, STEPS = 50, 200

Array = NDArray[Any]


def transitions() -> tuple[Array, Array]:
    """Return (N, Do) observations and (N, Da) actions in [-1, 1], float32, of episodes of 200 steps; ever the same."""
    rng = np.random.default_rng(0)
    observations = rng.uniform(-1, 1, (EPISODES * STEPS, OBSERVATION_DIM))
    actions = np.tanh(observations @ rng.normal(size=(OBSERVATION_DIM, ACTION_DIM)) / 3)
    return observations.astype(np.float32), actions.astype(np.float32)
