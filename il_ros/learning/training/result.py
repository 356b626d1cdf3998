# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a training reports while it runs, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from il_ros.learning.data.normalizer import Normalizer
from il_ros.policies.base import Policy

if TYPE_CHECKING:
    from il_ros.learning.training.config import TrainingConfig

MAX_STATES = 1000
"""Observations that are kept of what a policy was trained on, to tell how far away another one is."""


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is; also a point of its curve."""

    step: int
    steps: int
    loss: float
    """Mean over the steps since the last report."""
    held_out: float
    """Loss of the averaged weights on the episodes that are held out; NaN without any."""
    steps_per_s: float


@dataclass(frozen=True)
class Trained:
    """What a training returns."""

    policy: Policy
    """With the averaged weights, on the processor, for evaluation."""
    normaliser: Normalizer
    states: Tensor
    """(N, Do) float32, normalised: observations that it was trained on, evenly thinned to at most ``MAX_STATES``."""
    config: TrainingConfig
    curve: tuple[TrainingProgress, ...]
    windows: int
    """Windows that were trained on."""
    wall_s: float
    stopped: bool = False
    """Whether it was stopped before its last step."""
    notes: tuple[str, ...] = ()
    """What whoever asked for the training should know of it."""
