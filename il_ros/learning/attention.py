# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a policy attends to in its images: how far its chunk changes when a part of an image is blurred away.

Occlusion sensitivity (Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2), for every encoder and policy class alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from il_ros.core.types import Array
from il_ros.learning.random_tape import RandomTape
from il_ros.policies.base import Policy

CELLS = 8
"""Parts on each side of an image, each of which is blurred away in turn."""
MOST_TIME = 0.2
"""The share of the time, at most, that the thread computes."""
FAINT = 0.02
"""A change of the chunk that is not shown at full brightness: a hundredth of the range of what was trained on."""


@dataclass(frozen=True)
class ChunkInputs:
    """What a chunk is drawn from."""

    stamp_ns: int
    policy: Policy
    """Frozen."""
    observations: Tensor
    """(1, To, Do), normalised."""
    images: Mapping[str, Tensor]
    """The newest image (1, H, W, 3) uint8 of each camera, by name, in the policy's order."""
    seed: int
    """Of the noise."""


class SharedRandomness(RandomTape):
    """Draws the same numbers for each history of a batch, so that chunks differ by what was seen alone."""

    def numbers(self, kind: str, make: Callable[[], Tensor]) -> Tensor:
        """Return the numbers of the first history for all of them."""
        drawn = make()
        return drawn[:1].expand_as(drawn)


def attention(inputs: ChunkInputs) -> dict[str, Array]:
    """Return what the policy attends to in the image of each camera, (H, W) uint8, brighter for more.

    The brightness of a part is the root mean square of how far all actions of the chunk change, drawn with the same
    noise, when that part is blurred. The largest change in the images of all cameras has full brightness, unless it is
    less than ``FAINT``.

    Raises:
        ConfigError: if the policy draws its noise in a way that cannot be shared.
    """
    with torch.inference_mode():
        changes = {name: _changes(inputs, name) for name in inputs.images}
        largest = max(FAINT, *(float(change.max()) for change in changes.values()))
        return {name: _drawn(change / largest, inputs.images[name]) for name, change in changes.items()}


def _changes(inputs: ChunkInputs, camera: str) -> Tensor:
    """Return (CELLS, CELLS), how far the chunk changes when a part of a camera's image is blurred."""
    image = inputs.images[camera]
    batch = torch.cat([image, blurred(image)])
    images = {name: one.expand(len(batch), -1, -1, -1) for name, one in inputs.images.items()} | {camera: batch}
    encoded = inputs.policy.encode(inputs.observations.expand(len(batch), -1, -1), list(images.values()))
    with SharedRandomness():
        chunks = inputs.policy.sample(encoded, torch.Generator().manual_seed(inputs.seed))
    changes: Tensor = (chunks[1:] - chunks[0]).square().mean((1, 2)).sqrt()
    return changes.nan_to_num(nan=0.0, posinf=0.0).reshape(CELLS, CELLS)


def blurred(image: Tensor) -> Tensor:
    """Return copies (CELLS^2, H, W, 3) of an image (1, H, W, 3) uint8, each with another part of it blurred."""
    height, width = image.shape[1:3]
    pixels = image.permute(0, 3, 1, 2).to(torch.float32)
    coarse = functional.adaptive_avg_pool2d(pixels, CELLS // 2)
    smooth = functional.interpolate(coarse, (height, width), mode="bilinear").round().to(torch.uint8)[0]
    copies = image.repeat(CELLS**2, 1, 1, 1)
    for number, copy in enumerate(copies):
        row, column = divmod(number, CELLS)
        part = (
            slice(row * height // CELLS, (row + 1) * height // CELLS),
            slice(column * width // CELLS, (column + 1) * width // CELLS),
        )
        copy[part] = smooth.permute(1, 2, 0)[part]
    return copies


def _drawn(shares: Tensor, image: Tensor) -> Array:
    """Return shares (CELLS, CELLS) from 0 to 1 as levels (H, W) uint8 of the image's size."""
    large = functional.interpolate(shares[None, None], tuple(image.shape[1:3]), mode="bilinear")[0, 0]
    levels: Array = (255.0 * large).round().to(torch.uint8).numpy()
    return levels


class AttentionThread:
    """Computes maps of attention one after the other in a thread of its own, so that no step waits for them.

    Args:
        show: takes the stamp of the step and the maps by the camera's name, in that thread.
    """

    def __init__(self, show: Callable[[int, Mapping[str, Array]], None]) -> None:
        self._show = show
        self._pool = ThreadPoolExecutor(1, "attention")
        self._running: Future[None] | None = None
        self._began_s = 0.0
        self.took_ms = 0.0
        """How long the last maps took."""

    def is_due(self, rate_hz: float) -> bool:
        """Return whether new maps may be begun, at so many a second; raises what went wrong with the last ones."""
        if self._running is not None:
            if not self._running.done():
                return False
            running, self._running = self._running, None
            running.result()
        return time.monotonic() - self._began_s >= max(1.0 / rate_hz, 1e-3 * self.took_ms / MOST_TIME)

    def begin(self, inputs: ChunkInputs) -> None:
        """Begin to compute the maps of a chunk that was drawn from these."""
        self._began_s = time.monotonic()
        self._running = self._pool.submit(self._compute, inputs)

    def _compute(self, inputs: ChunkInputs) -> None:
        self._show(inputs.stamp_ns, attention(inputs))
        self.took_ms = 1e3 * (time.monotonic() - self._began_s)

    def close(self) -> None:
        """End the thread, after the maps that it computes."""
        self._pool.shutdown()
