# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The linear layer by oneDNN equals torch's own."""

from __future__ import annotations

import pytest
import torch

from il_ros.policies.layers import fast_linear
from il_ros.policies.layers.fast_linear import Linear, OneDnnLinear


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this build of torch has no oneDNN")
@pytest.mark.parametrize("activation", ["none", "tanh", "relu"])
@pytest.mark.parametrize("shape", [(64,), (8, 8), (fast_linear.TALL,)])
def test_products_by_onednn_have_the_values_and_gradients_of_the_plain_ones(
    activation: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer, x = Linear(40, 24, activation), torch.randn(*shape, 40, requires_grad=True)
    answers, asked, apply = [], [], OneDnnLinear.apply
    monkeypatch.setattr(fast_linear, "ONEDNN", True)
    monkeypatch.setattr(OneDnnLinear, "apply", lambda *given: asked.append(1) or apply(*given))
    for large in (0, 10**9):
        monkeypatch.setattr(fast_linear, "LARGE", large)
        out = layer(x)
        answers.append((out.detach(), *torch.autograd.grad(out.square().mean(), [x, *layer.parameters()])))
    assert len(asked) == 1
    for one, other in zip(*answers):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_without_gradients_every_product_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """So what is evaluated eagerly and what is frozen are equal to the bit."""
    monkeypatch.setattr(fast_linear, "ONEDNN", True)
    monkeypatch.setattr(fast_linear, "LARGE", 0)
    layer, x = Linear(40, 24), torch.randn(5, 40)
    with torch.no_grad():
        assert torch.equal(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))
