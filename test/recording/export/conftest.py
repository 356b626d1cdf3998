# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes in which everything happens: both sides drive, nobody does, stamps jitter, and steps are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.messages import DOUBTS

FIRST_NS = 1_700_000_000_123_456_789


def episode(contract: Contract, offsets_ns: np.ndarray, seed: int = 0, **facts: Any) -> Episode:
    """One with a step at each of ``offsets_ns`` (T,) after it began; who drives changes every few steps."""
    rng, count = np.random.default_rng(seed), len(offsets_ns)
    width = len(contract.action)
    authority = np.repeat(rng.integers(0, 3, count), rng.integers(1, 6, count))[:count].astype(np.uint8)
    starts = np.flatnonzero(np.diff(authority, prepend=255) != 0)
    takes_over = authority[starts] == Authority.EXPERT
    numbers = np.where(takes_over, np.cumsum(takes_over) * rng.integers(0, 2), 0)  # a rollout, or a demonstration
    wanted = rng.uniform(contract.low, contract.high, (3, count, width)).astype(np.float32)
    wanted[1:][rng.random((2, count)) < 0.3] = np.nan
    return Episode(
        stamps_ns=FIRST_NS + offsets_ns.astype(np.int64),
        observations=rng.normal(size=(count, len(contract.observation))).astype(np.float32),
        executed=wanted[0],
        policy=wanted[1],
        expert=wanted[2],
        authority=authority,
        intervention=np.repeat(numbers, np.diff([*starts, count])).astype(np.int32),
        doubts=np.where(rng.random((count, 1)) < 0.5, np.nan, rng.random((count, len(DOUBTS)))).astype(np.float32),
        step_ns=contract.step_ns,
        facts={"task": "fork", "seed": seed, "outcome": "success", "expert": "left", "partial": False, **facts},
    )


def jittered(
    contract: Contract, count: int, seed: int, jitter: float = 0.2, gaps: int = 2, pace: float = 1.0
) -> np.ndarray:
    """(count,) when steps were, ns: each off by at most ``jitter`` steps, and with as many gaps of 2 to 5 steps."""
    rng = np.random.default_rng(seed)
    late = np.zeros(count)
    for place in rng.choice(np.arange(1, count), gaps, replace=False):
        late[place:] += rng.uniform(2.0, 5.0)
    steps = pace * np.arange(count) + late + rng.uniform(-jitter, jitter, count)
    return np.round((steps - steps[0]) * contract.step_ns)


@pytest.fixture
def make_episode(contract: Contract) -> Callable[..., Episode]:
    """``make_episode(offsets_ns, seed, **facts)``."""
    return lambda offsets_ns, seed=0, **facts: episode(contract, offsets_ns, seed, **facts)


@pytest.fixture
def offsets(contract: Contract) -> Callable[..., np.ndarray]:
    """``offsets(count, seed, jitter, gaps, pace)``."""
    return lambda count, seed=0, **how: jittered(contract, count, seed, **how)


@pytest.fixture
def even(contract: Contract) -> Callable[[int], np.ndarray]:
    """``even(count)``: steps as lockstep makes them."""
    return lambda count: np.arange(count) * contract.step_ns
