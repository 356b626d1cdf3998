# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Intervals that know that trainings differ more than the episodes of one do."""

from __future__ import annotations

import numpy as np

from il_ros.signals import Array


def means(values: Array, resamples: int = 2000) -> Array:
    """(S, E, ...), S seeds and E episodes of each, to (resamples, ...): seeds are drawn anew, then their episodes."""
    rng = np.random.default_rng(0)
    seeds, episodes = values.shape[:2]
    chosen = rng.integers(seeds, size=(resamples, seeds))
    within = rng.integers(episodes, size=(resamples, seeds, episodes))
    drawn: Array = values[chosen[..., None], within].mean((1, 2))
    return drawn
