# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A toy task whose target is only to be seen in the image: the place of a red square, one of five columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.episode import Authority, Episode, ImageTrack, Record
from il_ros.core.types import Array

SIZE, SQUARE, STEPS = 24, 5, 4
PLACES = np.linspace(-0.2, 0.2, 5)
"""m/s, what is commanded for each column."""
CONTRACT = replace(
    Contract.load("panda_plane"),
    images=tuple(ImageComponent(name, f"{name}/image_raw", width=SIZE, height=SIZE) for name in ("front", "wrist")),
)


def image(place: int, rng: np.random.Generator) -> Array:
    """Return (H, W, 3) uint8: noise, a red square in one of five columns, and a blue one somewhere."""
    drawn = rng.integers(60, 140, (SIZE, SIZE, 3)).astype(np.uint8)
    row, column, other = rng.integers(0, SIZE - SQUARE, 3)
    drawn[row : row + SQUARE, column : column + SQUARE] = (0, 0, 255)
    left = round(place * (SIZE - SQUARE) / (len(PLACES) - 1))
    drawn[other : other + SQUARE, left : left + SQUARE] = (255, 0, 0)
    return drawn


def episodes(count: int, seed: int, shuffled: bool = False, lost: float = 0.0) -> list[Episode]:
    """Return demonstrations; ``shuffled`` gives each the images of another, ``lost`` is the share without an image."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, len(PLACES), count)
    shown = rng.permutation(places) if shuffled else places
    return [_episode(int(place), int(seen), rng, lost) for place, seen in zip(places, shown)]


def _episode(place: int, seen: int, rng: np.random.Generator, lost: float) -> Episode:
    action = np.full(2, PLACES[place])
    records = [Record(CONTRACT.step_ns * i, Authority.EXPERT, "steady", 0, action) for i in range(STEPS)]
    observations = rng.uniform(-1.0, 1.0, (STEPS, len(CONTRACT.observation)))
    episode = Episode.from_steps(observations, records, CONTRACT.step_ns, {})
    index = np.where(rng.random(STEPS) < lost, -1, np.arange(STEPS) // 2)  # a camera at half the rate
    front = np.stack([image(seen, rng) for _ in range(STEPS // 2)])
    images = {"front": ImageTrack(front, index), "wrist": ImageTrack(front[:, ::-1].copy(), np.maximum(index, 0))}
    return replace(episode, images=images)
