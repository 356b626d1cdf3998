# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The mixture of Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create

Taught = Callable[..., tuple[Policy, torch.Generator]]
SIZES = {"observation_dim": 2, "action_dim": 1, "n_obs_steps": 1, "horizon": 3, "width": 16, "depth": 1}


def test_its_loss_is_the_log_density_of_the_mixture() -> None:
    policy = create("mixture", {**SIZES, "components": 3}, seed=1).double()
    observations = torch.zeros((1, 1, 2), dtype=torch.float64)
    actions = torch.tensor([[[0.3], [-0.2], [0.8]]], dtype=torch.float64)
    logits, means, raw = policy._split(policy.trunk(observations.flatten(1)))
    deviations = policy.config.min_std + torch.nn.functional.softplus(raw)
    weights = logits.softmax(-1)[0]
    parts = [torch.distributions.Normal(m, s) for m, s in zip(means[0], deviations[0])]
    density = sum(w * p.log_prob(actions[0]).sum().exp() for w, p in zip(weights, parts))
    loss = policy.loss(observations, actions, torch.ones(1, 3), torch.Generator())
    assert loss.item() == pytest.approx(-math.log(density.item()) / 3)


@pytest.mark.parametrize("far", [1e3, 1e6])
def test_its_loss_and_gradient_stay_finite_far_from_every_component(far: float) -> None:
    policy = create("mixture", SIZES, seed=1)
    loss = policy.loss(torch.zeros(1, 1, 2), torch.full((1, 3, 1), far), torch.ones(1, 3), torch.Generator()).mean()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in policy.parameters())


def test_one_choice_of_component_holds_for_the_whole_chunk(taught_by_two: Taught) -> None:
    """Two experts, all left or all right: no drawn chunk mixes them, and both are drawn."""
    policy, g = taught_by_two("mixture", 300, 1e-2, windows=64, left=1.0, width=16, components=4)
    drawn = policy.sample(torch.zeros(400, 1, 2), g)[..., 0]
    assert (drawn.abs() - 1).abs().max() < 0.1
    assert (drawn.sign() == drawn[:, :1].sign()).all()
    assert 0.35 < (drawn[:, 0] > 0).float().mean() < 0.65


def test_a_component_that_stands_for_nobody_is_never_drawn() -> None:
    policy = create("mixture", {**SIZES, "components": 4}, seed=0)
    weights = torch.tensor([0.495, 0.01, 0.495, 1e-9]).log()
    policy.trunk.last.weight.data.zero_()
    policy.trunk.last.bias.data[:4] = weights
    policy.trunk.last.bias.data[4:16] = torch.arange(4).repeat_interleave(3).float()
    drawn = policy.sample(torch.zeros(2000, 1, 2), torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0.0, 2.0}


def test_a_floor_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="min_std is 0.0"):
        create("mixture", {**SIZES, "min_std": 0}, seed=0)
