# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Stretches: how a step is repeated and timed. No more than torch is needed here, so that both environments have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from bench.measurement import Stretch


def together(step: Callable[[], Any]) -> Stretch:
    """All steps timed as one."""

    def stretch(steps: int) -> list[float]:
        started = time.perf_counter()
        for _ in range(steps):
            step()
        return [(time.perf_counter() - started) / steps]

    return stretch


def each(step: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> Stretch:
    """Each step by itself; what is called before it is not timed."""

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
    """The limit of a training: forward, backward and a fused Adam on one batch that never changes."""
    optimiser = torch.optim.Adam(list(parameters), lr=1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return together(step)
