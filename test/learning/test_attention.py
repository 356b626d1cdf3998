# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a policy attends to: bright where its chunk depends on the image, dark elsewhere, and no step waits for it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from il_ros.learning.attention import CELLS, AttentionThread, ChunkInputs, attention, blurred
from il_ros.policies.encoding.encoded_policy import create_encoded
from il_ros.policies.vision.config import Vision

SIZES = {"front": (32, 48), "wrist": (24, 24)}


def images(seed):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8, generator=generator)
        for name, size in SIZES.items()
    }


def looking_at(camera, row, column, noise=0.0):
    """A policy whose chunk is what is in one part of an image, and noise."""

    def encode(observations, seen):
        image = dict(zip(SIZES, seen))[camera].to(torch.float32) / 255
        height, width = (side // CELLS for side in image.shape[1:3])
        part = image[:, row * height : (row + 1) * height, column * width : (column + 1) * width]
        return part[:, 0, 0, 0].reshape(-1, 1, 1).expand(-1, observations.shape[1], -1)

    def sample(observations, generator):
        drawn = torch.randn((len(observations), 4, 2), generator=generator)
        return observations[:, -1:] + noise * drawn

    return SimpleNamespace(encode=encode, sample=sample)


@pytest.mark.parametrize("camera", SIZES)
@pytest.mark.parametrize("seed", range(6))
def test_it_is_brightest_in_the_part_that_the_chunk_depends_on_and_dark_elsewhere(camera, seed):
    row, column = np.random.default_rng(seed).integers(0, CELLS, 2)
    seen = images(seed)
    seen[camera][:, row * seen[camera].shape[1] // CELLS, column * seen[camera].shape[2] // CELLS] = 255
    policy = looking_at(camera, row, column, noise=1.0)
    maps = attention(ChunkInputs(0, policy, torch.zeros(1, 2, 3), seen, seed))
    assert {name: (levels.shape, levels.dtype) for name, levels in maps.items()} == {
        name: (size, np.uint8) for name, size in SIZES.items()
    }
    height, width = (side / CELLS for side in SIZES[camera])
    at_y, at_x = np.unravel_index(maps[camera].argmax(), SIZES[camera])
    assert (int(at_y / height), int(at_x / width)) == (row, column) and maps[camera].max() > 150
    far = maps[camera].copy()
    rows, columns = np.indices(far.shape)
    near = (abs(rows / height - row - 0.5) < 1.5) & (abs(columns / width - column - 0.5) < 1.5)
    assert not far[~near].any()
    assert not any(levels.any() for name, levels in maps.items() if name != camera)


@pytest.mark.parametrize("name", ["deterministic", "mixture", "diffusion", "flow", "gaussian"])
@pytest.mark.parametrize("encoder", ["patch", "residual", "spatial_softmax"])
def test_every_class_and_encoder_has_maps_and_they_are_the_same_again(name, encoder):
    vision = Vision({"front": (32, 32)}, encoder, 8, 8)
    sizes = {"observation_dim": 3, "action_dim": 2, "horizon": 4, "width": 16, "depth": 1}
    policy = create_encoded(name, sizes, 0, vision=vision).frozen()
    image = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    inputs = ChunkInputs(0, policy, torch.zeros(1, 2, 3), {"front": image}, 5)
    first, again = attention(inputs)["front"], attention(inputs)["front"]
    assert first.shape == (32, 32) and np.array_equal(first, again)


@pytest.mark.parametrize("name", ["mixture", "diffusion", "flow"])
def test_a_policy_that_ignores_its_images_leaves_them_dark_whatever_it_draws(name):
    vision = Vision({"front": (32, 32)}, "patch", 8, 8)
    sizes = {"observation_dim": 3, "action_dim": 2, "horizon": 4, "width": 16, "depth": 1}
    policy = create_encoded(name, sizes, 0, vision=vision)
    policy.encode = lambda observations, _: torch.nn.functional.pad(observations, (0, vision.total))
    image = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    assert not attention(ChunkInputs(0, policy, torch.zeros(1, 2, 3), {"front": image}, 5))["front"].any()


@pytest.mark.parametrize("seed", range(4))
def test_each_copy_is_blurred_in_a_part_of_its_own_and_all_parts_make_the_image(seed):
    for image in images(seed).values():
        changed = (blurred(image) != image).any(-1)
        assert changed.shape == (CELLS**2, *image.shape[1:3]) and (changed.sum(0) <= 1).all()
        assert changed.any(dim=(1, 2)).all() and changed.sum() > 0.9 * changed[0].numel()


def test_no_step_waits_for_it_and_one_is_computed_at_a_time():
    shown, go_on = list[int](), threading.Event()

    def show(stamp_ns, maps):
        go_on.wait(20)
        shown.append(stamp_ns)

    thread = AttentionThread(show)
    assert thread.is_due(1e6)
    thread.begin(ChunkInputs(7, looking_at("front", 0, 0), torch.zeros(1, 2, 3), images(0), 0))
    assert not thread.is_due(1e6) and not shown, "it is still busy, and we are not"
    go_on.set()
    thread.close()
    assert shown == [7] and thread.took_ms > 0
    assert not thread.is_due(1e-3), "at this rate the next one is due later"
