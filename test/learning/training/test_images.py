# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies learn from images what is nowhere else, resume with the same bits, and leave out what was not seen."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from il_ros.core import plugins
from il_ros.core.errors import ConfigError, DataError
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import Trained
from il_ros.learning.training.trainer import train
from il_ros.policies.vision.random_shift import random_shift

sys.path.insert(0, str(Path(__file__).parent))
from pictured import CONTRACT, PLACES, episodes, image

CAMERAS = ("front",)
SMALL: dict[str, Any] = {"n_obs_steps": 2, "horizon": 2, "min_labels": 1, "width": 48, "depth": 1, "batch": 32}
QUICK = {"steps": 100, "learning_rate": 4e-3, "warmup_steps": 10, "ema_decay": 0.9, "val_fraction": 0.0}
SLOW = {"mixture": {"steps": 260}, "flow": {"steps": 180}, "mip": {"steps": 300}}
"""Changes for classes that take longer: components must move apart, velocities be learned at all times, and the first
of two regressions weighs little."""
VISION = {"encoder_width": 16, "encoder_features": 16, "shift_pixels": 1}


def windows(shuffled: bool = False, lost: float = 0.0) -> Dataset:
    made = episodes(80, seed=1, shuffled=shuffled, lost=lost)
    return Dataset.from_episodes(made, SMALL["n_obs_steps"], SMALL["horizon"], cameras=CAMERAS)


def config(policy: str = "deterministic", **changes: Any) -> TrainingConfig:
    return TrainingConfig(policy=policy, **{**SMALL, **QUICK, **VISION, **SLOW.get(policy, {}), **changes})


def accuracy(trained: Trained) -> float:
    """Return the share of new images for which the nearest place to what the policy does is the right one."""
    rng, generator = np.random.default_rng(7), torch.Generator().manual_seed(0)
    places = rng.integers(0, len(PLACES), 100)
    front = np.stack([image(int(place), rng) for place in places])
    seen = [torch.from_numpy(front)]
    numbers = torch.from_numpy(rng.uniform(-1, 1, (100, 2, len(CONTRACT.observation))).astype(np.float32))
    with torch.no_grad():
        served = trained.policy.frozen()
        chunks = served.sample(served.encode(numbers, seen), generator).numpy()
    commands = trained.normaliser.action.inverse(chunks[:, 0])[:, 0]
    return float((np.abs(commands[:, None] - PLACES).argmin(1) == places).mean())


@pytest.mark.parametrize("policy", plugins.available("policy"))
def test_every_policy_class_learns_what_is_only_in_the_image(policy: str) -> None:
    assert accuracy(train(windows(), config(policy))) >= 0.8


@pytest.mark.parametrize("policy", ["deterministic", "gaussian"])
def test_images_that_are_shuffled_between_episodes_teach_nothing(policy: str) -> None:
    assert accuracy(train(windows(shuffled=True), config(policy))) <= 0.45  # chance is 0.2


@pytest.mark.parametrize("encoder", [name for name in plugins.available("image encoder") if name != "patch"])
def test_the_other_encoders_find_the_square(encoder: str) -> None:
    assert accuracy(train(windows(), config(encoder=encoder))) >= 0.8


def test_windows_whose_newest_image_is_missing_are_left_out_and_counted() -> None:
    made = episodes(20, seed=3, lost=0.4)
    data = Dataset.from_episodes(made, 2, 2, cameras=("front", "wrist"))
    seen = sum(int((episode.images["front"].index >= 0).sum()) for episode in made)
    assert (len(data), data.blind) == (seen, 20 * 4 - seen)
    part = data.images["front"]
    for number, row, image_of in zip(data.episode, part.row, part.frames.take(part.row)):
        frames = made[number].images["front"].frames
        assert (frames[row - part.frames.starts[number]] == image_of).all()
    assert train(data, config(steps=1)).notes[0].startswith(f"{data.blind} of 80 windows lack a fresh image")


def test_an_episode_without_a_camera_is_refused_by_its_name() -> None:
    made = [*episodes(2, seed=3), replace(episodes(1, seed=4)[0], images={})]
    with pytest.raises(DataError, match="1 of 3 episodes have no images of camera 'front'"):
        Dataset.from_episodes(made, 2, 2, cameras=CAMERAS)
    with pytest.raises(DataError, match="each of 8 windows lacks a fresh image of front"):
        Dataset.from_episodes(episodes(2, seed=3, lost=1.0), 2, 2, cameras=CAMERAS)


def test_a_killed_training_with_images_resumes_to_the_same_bits(tmp_path: Path) -> None:
    data, settings = windows(), config("flow", steps=12, log_every=4, val_fraction=0.1)
    whole = train(data, settings)
    steps = iter(range(100))
    train(data, settings, should_stop=lambda: next(steps) == 8, savepoint=tmp_path / "unfinished")
    resumed = train(data, settings, savepoint=tmp_path / "unfinished")
    pairs = zip(whole.policy.state_dict().items(), resumed.policy.state_dict().items())
    assert all(name == other and torch.equal(a, b) for (name, a), (other, b) in pairs)
    train(data, settings, should_stop=lambda: next(steps) == 15, savepoint=tmp_path / "unfinished")
    with pytest.raises(ConfigError, match="encoder was 'patch', now 'residual'"):
        train(data, config("flow", steps=12, encoder="residual"), savepoint=tmp_path / "unfinished")


def test_random_shifts_move_whole_images_by_a_few_pixels_and_repeat_their_edges() -> None:
    images = torch.randint(0, 256, (200, 9, 11, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    moved = random_shift(images, 2, torch.Generator().manual_seed(0))
    padded = np.pad(images.numpy(), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    offsets = [
        next((y, x) for y in range(5) for x in range(5) if (one[y : y + 9, x : x + 11] == after).all())
        for one, after in zip(padded, moved.numpy())
    ]
    assert set(offsets) == {(y, x) for y in range(5) for x in range(5)}
    assert random_shift(images, 0, torch.Generator()) is images
