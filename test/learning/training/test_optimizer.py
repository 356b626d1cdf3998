# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The fused AdamW, the plain one and torch's own take the same steps."""

from __future__ import annotations

import pytest
import torch

from il_ros.learning.training import optimizer
from il_ros.learning.training.optimizer import AdamW, FusedAdamW, flatten_parameters, make_adamw

KINDS = [AdamW, *([FusedAdamW] if hasattr(torch, "_fused_adamw_") else [])]


@pytest.mark.parametrize("kind", KINDS)
def test_it_steps_as_torch_does_with_clipping_and_weight_decay(kind: type[AdamW]) -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(50), torch.randn(20, 50) * torch.logspace(-3, 1, 20)[:, None]
    theirs = torch.nn.Parameter(start.clone())
    reference = torch.optim.AdamW([theirs], lr=1e-2, weight_decay=0.1)
    ours, gradient = start.clone(), torch.zeros(50)
    adam = kind(ours, gradient, weight_decay=0.1, max_norm=1.0)
    for step, value in enumerate(gradients):
        reference.param_groups[0]["lr"] = rate = 1e-2 / (1 + step)
        theirs.grad = value.clone()
        torch.nn.utils.clip_grad_norm_([theirs], 1.0)
        reference.step()
        gradient.copy_(value)
        adam.step(rate)
        torch.testing.assert_close(ours, theirs.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kinds", [(kind, other) for kind in KINDS for other in KINDS])
def test_its_state_is_all_that_the_next_step_depends_on(kinds: tuple[type[AdamW], type[AdamW]]) -> None:
    """Also where a training that one of them began is continued by the other."""
    torch.manual_seed(0)
    weights, gradient = torch.randn(9), torch.randn(9)
    first = kinds[0](weights, gradient, 0.01, 1.0)
    first.step(0.1)
    copied, continued = weights.clone(), gradient.clone()
    second = kinds[1](copied, continued, 0.01, 1.0)
    second.load_state({name: value.clone() for name, value in first.state().items()})
    continued.copy_(gradient.normal_())
    first.step(0.1)
    second.step(0.1)
    torch.testing.assert_close(
        weights, copied, rtol=0 if kinds[0] is kinds[1] else 1e-5, atol=0 if kinds[0] is kinds[1] else 1e-6
    )


def test_without_the_kernel_the_plain_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.randn(9), torch.randn(9)
    assert type(make_adamw(*weights, 0.0, 1.0)) is KINDS[-1]
    monkeypatch.delattr(optimizer.torch, "_fused_adamw_", raising=False)
    assert type(make_adamw(*weights, 0.0, 1.0)) is AdamW


def test_weights_without_a_gradient_stay_as_they_are_and_are_not_decayed() -> None:
    """A pretrained encoder that is kept shall be what it was, however long the training."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    network[0].requires_grad_(False)
    kept, learned = network[0].weight.clone(), network[1].weight.detach().clone()
    weights, gradient = flatten_parameters(network)
    assert len(weights) == 4 * 2 + 2
    adam = make_adamw(weights, gradient, 0.1, 1.0)
    for _ in range(5):
        gradient.zero_()
        network(torch.ones(1, 3)).sum().backward()
        adam.step(0.1)
    assert torch.equal(network[0].weight, kept) and not torch.equal(network[1].weight, learned)
