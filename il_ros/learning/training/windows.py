# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Normalised windows on the device, and the shuffled batches of them that training steps see."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from il_ros.core.contract import EqualObjects
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.images import DeviceFrames
from il_ros.learning.data.normalizer import Normalizer
from il_ros.policies.base import Policy
from il_ros.policies.vision.random_shift import random_shift


@dataclass(frozen=True)
class Windows:
    """Normalised windows on the device."""

    observations: Tensor
    actions: Tensor
    mask: Tensor
    """(N, Ta), how much an action counts as a label; 0 where it is padding."""
    weight: Tensor | None
    """None if every window counts alike, as they mostly do."""
    frames: tuple[DeviceFrames, ...] = ()
    """The images of each camera."""
    newest: Tensor | None = None
    """(N, cameras), which of them is the newest; None without cameras."""

    def __len__(self) -> int:
        return len(self.mask)

    @classmethod
    def of(
        cls,
        data: Dataset,
        rows: Any,
        normaliser: Normalizer,
        device: str,
        frames: tuple[DeviceFrames, ...] = (),
        discount: float = 1.0,
    ) -> Windows:
        """Normalise the windows ``rows`` of the data and put them on the device, beside the ``frames`` of cameras.

        A label counts ``discount`` times as much as the one before it in its chunk.
        """
        mask, weight = data.mask[rows], data.weight[rows]
        actions = normaliser.action.forward(data.actions[rows]) * mask[..., None]
        counting = mask * discount ** np.arange(mask.shape[1])
        arrays = (normaliser.observation.forward(data.observations[rows]), actions, counting, weight)
        observations, targets, shown, counts = (
            torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)).to(device) for a in arrays
        )
        columns = [data.images[camera].row[rows] for camera in data.images] if frames else []
        newest = torch.from_numpy(np.stack(columns, axis=1)).to(device) if columns else None
        return cls(observations, targets, shown, None if (weight == 1).all() else counts, frames, newest)

    def rows(self, index: Any) -> Windows:
        """Return some of the windows."""
        weight, newest = (None if part is None else part[index] for part in (self.weight, self.newest))
        return Windows(self.observations[index], self.actions[index], self.mask[index], weight, self.frames, newest)

    def taken_from(self, source: Tensor) -> Windows:
        """Return the windows with the components of their observations taken from ``source`` (N, Do)."""
        places = source[:, None].expand(self.observations.shape)
        return dataclasses.replace(self, observations=self.observations.gather(2, places))

    def split(self, size: int) -> list[Windows]:
        """Return pieces of ``size`` windows, without a copy."""
        observations, actions, masks = (
            torch.split(part, size) for part in (self.observations, self.actions, self.mask)
        )
        weights, newest = (
            repeat(None) if part is None else torch.split(part, size) for part in (self.weight, self.newest)
        )
        parts = zip(observations, actions, masks, weights, repeat(self.frames), newest)
        return [Windows(*piece) for piece in parts]

    def images(self, shift_pixels: int, generator: torch.Generator) -> list[Tensor]:
        """Return the newest images of each camera, (N, H, W, 3) uint8, moved at random by up to so many pixels."""
        if self.newest is None:
            return []
        taken = [frames.take(rows) for frames, rows in zip(self.frames, self.newest.unbind(1))]
        return [random_shift(images, shift_pixels, generator) for images in taken]

    def loss(self, policy: Policy, generator: torch.Generator, shift: float = 0.0, shift_pixels: int = 0) -> Tensor:
        """Return the mean loss, with histories shifted by noise of the standard deviation ``shift``.

        Images are moved by up to ``shift_pixels``.
        """
        observations = self.observations
        if shift:
            size = (len(self), 1, observations.shape[2])  # one shift a window, so that differences stay true
            observations = observations + shift * torch.randn(size, generator=generator, device=observations.device)
        observations = policy.encode(observations, self.images(shift_pixels, generator))
        losses = policy.loss(observations, self.actions, self.mask, generator)
        return (losses if self.weight is None else losses * self.weight).mean()

    def mean_loss(self, policy: Policy, generator: torch.Generator, size: int) -> Tensor:
        """Return the mean loss; with images in pieces of ``size`` windows, since all at once may not fit."""
        if self.newest is None:
            return self.loss(policy, generator)
        pieces = self.split(size)
        return torch.stack([piece.loss(policy, generator) * len(piece) for piece in pieces]).sum() / len(self)


class Batches:
    """The windows in batches: each pass shuffles them anew, so that a batch is a slice and costs nothing.

    In each pass objects that are equal are exchanged anew, too, window by window.
    What a step sees depends on the seed and on the step alone. Fewer windows than make a batch are repeated.
    """

    def __init__(self, windows: Windows, batch: int, seed: int, equal: EqualObjects) -> None:
        self._windows, self._batch, self._seed, self._equal = windows, batch, seed, equal
        self._per_pass = max(1, len(windows) // batch)
        self._pass, self._shuffled = -1, [windows]

    def of_step(self, step: int) -> Windows:
        """Return the batch of a step, counted from 0."""
        number, place = divmod(step, self._per_pass)
        if number != self._pass:
            rng = np.random.default_rng([self._seed, number])
            shuffled = self._windows.rows(self._order(rng))
            if self._equal.groups:
                exchanged = torch.from_numpy(self._equal.exchanged(len(shuffled), rng))
                shuffled = shuffled.taken_from(exchanged.to(shuffled.mask.device))
            self._pass, self._shuffled = number, shuffled.split(self._batch)
        return self._shuffled[place]

    def _order(self, rng: np.random.Generator) -> Tensor:
        size = self._per_pass * self._batch
        orders = [rng.permutation(len(self._windows)) for _ in range(-(-size // len(self._windows)))]
        return torch.from_numpy(np.concatenate(orders)[:size]).to(self._windows.mask.device)
