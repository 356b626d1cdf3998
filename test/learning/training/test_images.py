# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies learn from images what is nowhere else, resume with the same bits, and leave out what was not seen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from il_ros.core import plugins
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import Trained
from il_ros.learning.training.trainer import train

sys.path.insert(0, str(Path(__file__).parent))
from pictured import CONTRACT, PLACES, SIZE, episodes, image

CAMERAS = ("front", "wrist")
SMALL: dict[str, Any] = {"n_obs_steps": 2, "horizon": 2, "min_labels": 1, "width": 48, "depth": 1, "batch": 48}
QUICK = {"steps": 160, "learning_rate": 4e-3, "warmup_steps": 20, "ema_decay": 0.9, "val_fraction": 0.0}
VISION = {"encoder_width": 16, "encoder_features": 16, "shift_pixels": 1}


def windows(shuffled: bool = False, lost: float = 0.0) -> Dataset:
    made = episodes(80, seed=1, shuffled=shuffled, lost=lost)
    return Dataset.from_episodes(made, SMALL["n_obs_steps"], SMALL["horizon"], cameras=CAMERAS)


def config(policy: str = "deterministic", **changes: Any) -> TrainingConfig:
    return TrainingConfig(policy=policy, **{**SMALL, **QUICK, **VISION, **changes})


def accuracy(trained: Trained) -> float:
    """Return the share of new images for which the nearest place to what the policy does is the right one."""
    rng, generator = np.random.default_rng(7), torch.Generator().manual_seed(0)
    places = rng.integers(0, len(PLACES), 100)
    front = np.stack([image(int(place), rng) for place in places])
    seen = [torch.from_numpy(front), torch.from_numpy(front[:, ::-1].copy())]
    numbers = torch.from_numpy(rng.uniform(-1, 1, (100, 2, len(CONTRACT.observation))).astype(np.float32))
    with torch.no_grad():
        served = trained.policy.frozen()
        chunks = served.sample(served.encode(numbers, seen), generator).numpy()
    commands = trained.normaliser.action.inverse(chunks[:, 0])[:, 0]
    return float((np.abs(commands[:, None] - PLACES).argmin(1) == places).mean())


@pytest.mark.parametrize("policy", plugins.available("policy"))
def test_every_policy_class_learns_what_is_only_in_the_image(policy: str) -> None:
    assert accuracy(train(windows(), config(policy))) >= 0.8


@pytest.mark.parametrize("policy", ["deterministic", "flow"])
def test_images_that_are_shuffled_between_episodes_teach_nothing(policy: str) -> None:
    assert accuracy(train(windows(shuffled=True), config(policy))) <= 0.45  # chance is 0.2


@pytest.mark.parametrize("encoder", plugins.available("image encoder"))
def test_every_encoder_finds_the_square(encoder: str) -> None:
    assert accuracy(train(windows(), config(encoder=encoder))) >= 0.8
