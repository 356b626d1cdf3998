# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The layers that all policies share."""

from __future__ import annotations

import pytest
import torch

from il_ros.core import plugins
from il_ros.policies import layers
from il_ros.policies.base import create
from il_ros.policies.layers import Linear


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this build of torch has no oneDNN")
@pytest.mark.parametrize("activation", ["none", "tanh", "relu"])
@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_large_products_have_the_values_and_gradients_of_small_ones(
    activation: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer, x = Linear(40, 24, activation), torch.randn(*shape, 40, requires_grad=True)
    answers, asked, apply = [], [], layers._Product.apply
    monkeypatch.setattr(layers, "ONEDNN", True)
    monkeypatch.setattr(layers._Product, "apply", lambda *given: asked.append(1) or apply(*given))
    for large in (0, 10**9):
        monkeypatch.setattr(layers, "LARGE", large)
        out = layer(x)
        answers.append((out.detach(), *torch.autograd.grad(out.square().sum(), [x, *layer.parameters()])))
    assert len(asked) == 1
    for one, other in zip(*answers):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_without_gradients_every_product_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """So what is evaluated eagerly and what is frozen are equal to the bit."""
    monkeypatch.setattr(layers, "ONEDNN", True)
    monkeypatch.setattr(layers, "LARGE", 0)
    layer, x = Linear(40, 24), torch.randn(5, 40)
    with torch.no_grad():
        assert torch.equal(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))


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
