# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Our Adam and torch's take the same steps."""

from __future__ import annotations

import torch

from il_ros.learning.training.optimizer import AdamW


def test_it_steps_as_torch_does_with_clipping_and_weight_decay() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(50), torch.randn(20, 50) * torch.logspace(-3, 1, 20)[:, None]
    theirs = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.AdamW([theirs], lr=1e-2, weight_decay=0.1)
    ours, gradient = start.clone(), torch.zeros(50)
    adam = AdamW(ours, gradient, weight_decay=0.1, longest=1.0)
    for step, value in enumerate(gradients):
        optimiser.param_groups[0]["lr"] = rate = 1e-2 / (1 + step)
        theirs.grad = value.clone()
        torch.nn.utils.clip_grad_norm_([theirs], 1.0)
        optimiser.step()
        gradient.copy_(value)
        adam.step(rate)
        torch.testing.assert_close(ours, theirs.data, rtol=1e-5, atol=1e-6)


def test_its_state_is_all_that_the_next_step_depends_on() -> None:
    torch.manual_seed(0)
    weights, gradient = torch.randn(9), torch.randn(9)
    first = AdamW(weights, gradient, 0.0, 1.0)
    first.step(0.1)
    copied, gone_on = weights.clone(), gradient.clone()
    second = AdamW(copied, gone_on, 0.0, 1.0)
    second.load_state({name: value.clone() for name, value in first.state().items()})
    gone_on.copy_(gradient.normal_())
    first.step(0.1)
    second.step(0.1)
    assert torch.equal(weights, copied)
