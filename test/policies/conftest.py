# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A toy that several classes must learn: two experts who disagree in one and the same state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from il_ros.policies.base import Policy, create

SIZES = {"observation_dim": 2, "action_dim": 1, "n_obs_steps": 1, "horizon": 3, "width": 64, "depth": 1}


@pytest.fixture
def taught_by_two() -> Callable[..., tuple[Policy, torch.Generator]]:
    """Gives a policy that has seen both, and the generator that its training drew from."""
    return _taught


def _taught(
    name: str, steps: int, rate: float, windows: int = 128, left: float = 0.8, **options: Any
) -> tuple[Policy, torch.Generator]:
    """One expert says ``left`` in every second window, the other ``-left`` in the rest."""
    torch.set_num_threads(1)
    policy = create(name, {**SIZES, **options}, seed=0)
    g = torch.Generator().manual_seed(0)
    actions = torch.ones(windows, 3, 1) * torch.where(torch.arange(windows) % 2 == 0, left, -left)[:, None, None]
    observations, mask = torch.zeros(windows, 1, 2), torch.ones(windows, 3)
    optimiser = torch.optim.Adam(policy.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        policy.loss(observations, actions, mask, g).mean().backward()
        optimiser.step()
    return policy, g
