# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images of many episodes, where they lie: mapped from files, or on the GPU where they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array

MOST_OF_GPU = 0.5
"""Share of the free memory of a GPU that the images of one camera may take."""


class Frames:
    """The images of one camera in all episodes, as if they were one array (K, H, W, 3) uint8, without a copy.

    Args:
        parts: one array an episode, mapped from a file.
    """

    def __init__(self, parts: Sequence[Array]) -> None:
        self._parts = tuple(parts)
        self.starts = np.cumsum([0, *map(len, parts)])
        """(E + 1,) int64, the first row of each episode, and the number of all rows."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self._parts[0].shape[1:3]
        return height, width

    def take(self, rows: Array) -> Array:
        """Return the images (B, H, W, 3) uint8 in these rows, (B,)."""
        images = np.empty((len(rows), *self._parts[0].shape[1:]), dtype=np.uint8)
        owners = np.searchsorted(self.starts, rows, side="right") - 1
        for image, owner, row in zip(images, owners.tolist(), (rows - self.starts[owners]).tolist()):
            image[:] = self._parts[owner][row]
        return images

    def digest(self) -> bytes:
        """Return the sha256 of all images."""
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(np.ascontiguousarray(part).data)
        return digest.digest()

    def on(self, device: str) -> DeviceFrames:
        """Return them for training on a device; on a GPU they are copied to it if they fit."""
        if device == "cpu":
            return HostFrames(self, device)
        count, free = int(self.starts[-1]) * self._parts[0][0].nbytes, torch.cuda.mem_get_info()[0]
        return GpuFrames(self, device) if count <= MOST_OF_GPU * free else HostFrames(self, device)


class HostFrames:
    """Images that stay where they are; those of a batch go to the device."""

    def __init__(self, frames: Frames, device: str) -> None:
        self._frames, self._device = frames, device

    def take(self, rows: Tensor) -> Tensor:
        """Return the images (B, H, W, 3) uint8 in these rows, (B,) on any device, on the device."""
        return torch.from_numpy(self._frames.take(rows.cpu().numpy())).to(self._device)


class GpuFrames:
    """Images that lie on the device, all of them."""

    def __init__(self, frames: Frames, device: str) -> None:
        parts = [frames.take(np.arange(start, stop)) for start, stop in zip(frames.starts, frames.starts[1:])]
        self._images = torch.cat([torch.from_numpy(part).to(device) for part in parts])

    def take(self, rows: Tensor) -> Tensor:
        """Return the images (B, H, W, 3) uint8 in these rows, (B,) on the device."""
        return self._images[rows]


DeviceFrames: TypeAlias = HostFrames | GpuFrames


@dataclass(frozen=True)
class WindowImages:
    """The newest image of one camera for each of N windows."""

    frames: Frames
    row: Array
    """(N,) int64, the row of ``frames``."""

    def rows(self, index: Any) -> WindowImages:
        """Return those of some of the windows."""
        return WindowImages(self.frames, self.row[index])


def frames_of(episodes: Sequence[Episode], camera: str) -> Frames:
    """Return the images of one camera in the episodes.

    Raises:
        DataError: if an episode has none of this camera, or they differ in size.
    """
    tracks = [episode.images.get(camera) for episode in episodes]
    found = [track.frames for track in tracks if track is not None]
    if len(found) < len(tracks):
        raise DataError(
            f"dataset: {len(tracks) - len(found)} of {len(tracks)} episodes have no images of camera {camera!r}; "
            "record them with the contract that names it, or train with 'encoder: none'"
        )
    sizes = {frames.shape[1:] for frames in found}
    if len(sizes) != 1:
        raise DataError(f"dataset: images of camera {camera!r} have sizes {sorted(sizes)}; keep one contract a set")
    return Frames(found)
