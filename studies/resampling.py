# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Intervals that know that trainings differ more than the episodes of one do."""

from __future__ import annotations

import numpy as np

from il_ros.core.types import Array


def means(values: Array, resamples: int = 2000) -> Array:
    """Map (S, E, ...), S seeds and E episodes of each, to (resamples, ...): seeds are drawn, then their episodes."""
    rng = np.random.default_rng(0)
    seeds, episodes = values.shape[:2]
    chosen = rng.integers(seeds, size=(resamples, seeds))
    within = rng.integers(episodes, size=(resamples, seeds, episodes))
    drawn: Array = values[chosen[..., None], within].mean((1, 2))
    return drawn
