# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The layers that all policies share."""

from __future__ import annotations

import pytest
import torch

from il_ros.core import plugins
from il_ros.policies.base import create
from il_ros.policies.layers import trunk as layers


@pytest.mark.parametrize("name", sorted(plugins.available("policy")))
def test_going_over_from_one_policy_to_the_next_makes_no_new_graph(name: str) -> None:
    """Torch never frees one."""
    sizes = {"observation_dim": 3, "action_dim": 2, "n_obs_steps": 2, "horizon": 3, "width": 24, "depth": 1}
    create(name, sizes, seed=0).frozen()
    before = len(layers._GRAPHS)
    x, answers = torch.randn(1, 2, 3), []
    for seed in range(3):
        policy = create(name, sizes, seed).eval()
        served = policy.frozen()
        with torch.no_grad():
            ours, theirs = (each.sample(x, torch.Generator().manual_seed(5)) for each in (policy, served))
        assert torch.equal(ours, theirs)
        answers.append(ours)
    assert len(layers._GRAPHS) == before
    assert len({answer.numpy().tobytes() for answer in answers}) == 3 or name == "categorical"  # its table is empty


def test_trunks_that_differ_in_more_than_their_weights_share_no_graph() -> None:
    one, other = layers.Trunk(4, 8, 1, 2), layers.Trunk(4, 8, 1, 2)
    other.norm.eps = 0.5
    x = torch.randn(1, 4)
    for trunk in (one, other):
        assert torch.equal(trunk.frozen()(x), trunk(x))
