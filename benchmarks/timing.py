# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stretches: how a step is repeated and timed. No more than torch is needed here, so that both environments have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from benchmarks.measurement import Stretch


def together(step: Callable[[], Any]) -> Stretch:
    """Time all steps as one."""

    def stretch(steps: int) -> list[float]:
        started = time.perf_counter()
        for _ in range(steps):
            step()
        return [(time.perf_counter() - started) / steps]

    return stretch


def each(step: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> Stretch:
    """Time each step by itself; what is called before it is not timed."""

    def stretch(steps: int) -> list[float]:
        durations = []
        for _ in range(steps):
            before()
            started = time.perf_counter()
            step()
            durations.append(time.perf_counter() - started)
        return durations

    return stretch


def bare_training(parameters: Iterable[Tensor], loss: Callable[[], Tensor]) -> Stretch:
    """Measure the limit of a training: forward, backward and a fused Adam on one batch that never changes."""
    optimiser = torch.optim.Adam(list(parameters), lr=1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return together(step)
