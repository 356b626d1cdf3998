# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Normalised windows on the device, and the shuffled batches of them that training steps see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.normalizer import Normalizer
from il_ros.policies.base import Policy


@dataclass(frozen=True)
class Windows:
    """Normalised windows on the device."""

    observations: Tensor
    actions: Tensor
    mask: Tensor
    weight: Tensor | None
    """None if every window counts alike, as they mostly do."""

    def __len__(self) -> int:
        return len(self.mask)

    @classmethod
    def of(cls, data: Dataset, rows: Any, normaliser: Normalizer, device: str) -> Windows:
        """Normalise the windows ``rows`` of the data and put them on the device."""
        mask, weight = data.mask[rows], data.weight[rows]
        actions = normaliser.action.forward(data.actions[rows]) * mask[..., None]
        arrays = (normaliser.observation.forward(data.observations[rows]), actions, mask, weight)
        observations, targets, shown, counts = (
            torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)).to(device) for a in arrays
        )
        return cls(observations, targets, shown, None if (weight == 1).all() else counts)

    def rows(self, index: Any) -> Windows:
        """Return some of the windows."""
        weight = None if self.weight is None else self.weight[index]
        return Windows(self.observations[index], self.actions[index], self.mask[index], weight)

    def split(self, size: int) -> list[Windows]:
        """Return pieces of ``size`` windows, without a copy."""
        observations, actions, masks = (
            torch.split(part, size) for part in (self.observations, self.actions, self.mask)
        )
        weights = repeat(None) if self.weight is None else torch.split(self.weight, size)
        return [Windows(*piece) for piece in zip(observations, actions, masks, weights)]

    def loss(self, policy: Policy, generator: torch.Generator, shift: float = 0.0) -> Tensor:
        """Return the mean loss, with histories shifted by noise of the standard deviation ``shift``."""
        observations = self.observations
        if shift:
            size = (len(self), 1, observations.shape[2])  # one shift a window, so that differences stay true
            observations = observations + shift * torch.randn(size, generator=generator, device=observations.device)
        losses = policy.loss(observations, self.actions, self.mask, generator)
        return (losses if self.weight is None else losses * self.weight).mean()


class Batches:
    """The windows in batches: each pass shuffles them anew, so that a batch is a slice and costs nothing.

    What a step sees depends on the seed and on the step alone. Fewer windows than make a batch are repeated.
    """

    def __init__(self, windows: Windows, batch: int, seed: int) -> None:
        self._windows, self._batch, self._seed = windows, batch, seed
        self._per_pass = max(1, len(windows) // batch)
        self._pass, self._shuffled = -1, [windows]

    def of_step(self, step: int) -> Windows:
        """Return the batch of a step, counted from 0."""
        number, place = divmod(step, self._per_pass)
        if number != self._pass:
            self._pass, self._shuffled = number, self._windows.rows(self._order(number)).split(self._batch)
        return self._shuffled[place]

    def _order(self, number: int) -> Tensor:
        rng = np.random.default_rng([self._seed, number])
        size = self._per_pass * self._batch
        orders = [rng.permutation(len(self._windows)) for _ in range(-(-size // len(self._windows)))]
        return torch.from_numpy(np.concatenate(orders)[:size]).to(self._windows.mask.device)
