# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Our side of every training: the trainer as it is, and the limit of what it trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.measurement import Stretch
from benchmarks.timing import bare_training
from benchmarks.transitions import ACTION_DIM, EPISODES, OBSERVATION_DIM, STEPS, Array, transitions

if TYPE_CHECKING:
    from il_ros.learning.data.dataset import Dataset

WARM = 20
"""Steps before the clock starts: a training begins with work that is done once."""


def dataset() -> Dataset:
    """Return the demonstrations as windows of one step."""
    import numpy as np

    from il_ros.learning.data.dataset import Dataset

    observations, actions = transitions()
    ones: Array = np.ones(len(actions), dtype=np.float32)
    return Dataset(
        observations=observations[:, None],
        actions=actions[:, None],
        mask=ones[:, None],
        weight=ones,
        episode=np.repeat(np.arange(EPISODES), STEPS),
    )


def ours(policy: str, batch: int, width: int, depth: int, **options: Any) -> Stretch:
    """Run our trainer, with all that it does in a step; only held-out episodes are left out, as the peers have none."""
    from il_ros.learning.training.config import TrainingConfig
    from il_ros.learning.training.trainer import train

    data = dataset()

    def stretch(steps: int) -> list[float]:
        config = TrainingConfig(
            policy=policy,
            n_obs_steps=1,
            horizon=1,
            min_labels=1,
            width=width,
            depth=depth,
            options=options,
            steps=steps + WARM,
            batch=batch,
            weight_decay=0.0,  # then AdamW is Adam
            val_fraction=0.0,
            log_every=steps + WARM,
        )
        clock = Clock()
        train(data, config, should_stop=clock)
        return [clock.seconds_of_last(steps) / steps]

    return stretch


def limit(policy: str, batch: int, width: int, depth: int, **options: Any) -> Stretch:
    """Run forward, backward and optimiser on one batch of the same network and loss."""
    from il_ros.policies.base import create

    sizes = {"observation_dim": OBSERVATION_DIM, "action_dim": ACTION_DIM, "n_obs_steps": 1, "horizon": 1}
    made = create(policy, {**sizes, "width": width, "depth": depth, **options}, seed=0)
    observations, actions = (torch.from_numpy(rows[:batch]) for rows in transitions())
    judged: Callable[..., torch.Tensor] | None = getattr(made, "judged", None)
    if judged is not None:
        return bare_training(made.parameters(), lambda: judged(observations, actions).mean())
    windows = (observations[:, None], actions[:, None], torch.ones(batch, 1), torch.Generator())
    return bare_training(made.parameters(), lambda: made.loss(*windows).mean())


class Clock:
    """Asked after every step whether to stop, which it never wants; it notes when it was asked."""

    def __init__(self) -> None:
        self._asked_s: list[float] = []

    def __call__(self) -> bool:
        """Note the time."""
        self._asked_s.append(time.perf_counter())
        return False

    def seconds_of_last(self, steps: int) -> float:
        """Return how long the last steps took."""
        return self._asked_s[-1] - self._asked_s[-1 - steps]
