# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Numbers of one quantity are shown at scales that can be compared, so that a small departure stays a small one."""

from __future__ import annotations

import numpy as np
import torch

from il_ros.core.contract import Contract, ObservationLayout
from il_ros.core.episode import Authority, Episode, Record
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.policies.base import Policy

CONTRACT = Contract.load("panda_reach")
CONFIG = TrainingConfig("deterministic", n_obs_steps=1, horizon=1, min_labels=1, width=32, depth=2, steps=500, batch=64)


def at_one_height(layout: ObservationLayout) -> Dataset:
    """Return what an expert does to targets half a metre around, whose tool is always within 0.3 mm of one height."""
    rng, episodes = np.random.default_rng(0), []
    for _ in range(10):
        seen = rng.uniform((0.3, -0.25, 0.0197), (0.8, 0.25, 0.0203), (40, 3))
        seen = np.concatenate([seen, np.tile([0.5, 0.0, 0.02], (40, 1))], axis=1)
        records = [
            Record(CONTRACT.step_ns * n, Authority.EXPERT, "steady", 0, (place[3:] - place[:3]) * (1, 1, 0))
            for n, place in enumerate(seen)
        ]
        episodes.append(Episode.from_steps(seen, records, CONTRACT.step_ns, {}))
    return Dataset.from_episodes(episodes, 1, 1, layout=layout)


def error(layout: ObservationLayout, above_m: float) -> float:
    """Return how far its velocities in the plane are from the expert's if the tool is so far above, m/s (median)."""
    data = at_one_height(layout)
    made = train(data, CONFIG)
    seen = data.observations[:100].copy()
    seen[..., 2] += above_m
    shown = torch.from_numpy(made.normaliser.observation.forward(seen))
    policy: Policy = made.policy
    answers = made.normaliser.action.inverse(policy.sample(policy.encode(shown, []), torch.Generator()).numpy())
    return float(np.median(np.abs(answers - data.actions[:100])[..., :2]))


def test_a_tool_a_few_millimetres_above_all_demonstrations_still_does_what_they_did() -> None:
    assert error(CONTRACT.layout, 0.0) < 0.01
    assert error(CONTRACT.layout, 0.005) < 0.02


def test_with_scales_of_their_own_it_does_not() -> None:
    assert error(ObservationLayout(), 0.0) < 0.01
    assert error(ObservationLayout(), 0.005) > 0.05
