# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Adam on one vector: torch's fused kernel without the bookkeeping around it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8


def as_one(network: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """Move all weights of ``network`` into one vector, and their gradients into another; returns both, (N,) each."""
    parameters = list(network.parameters())
    weights = torch.cat([p.detach().flatten() for p in parameters])
    gradient = torch.zeros_like(weights)
    sizes = [p.numel() for p in parameters]
    for p, values, changes in zip(parameters, torch.split(weights, sizes), torch.split(gradient, sizes)):
        p.data, p.grad = values.view_as(p), changes.view_as(p)
    return weights, gradient


class AdamW:
    """Adam with decoupled weight decay (Loshchilov 2019, arXiv:1711.05101, algorithm 2) and gradient clipping.

    What ``torch.optim.AdamW`` does around its kernel takes as long as the backward pass of a small network; over a
    single vector none of it is needed. The gradient is shortened inside the kernel, too, so clipping costs a norm.

    Args:
        weights: (N,), changed in place.
        gradient: (N,), read at every step.
        weight_decay: of the decoupled decay.
        longest: longer gradients are shortened to this length.
    """

    def __init__(self, weights: Tensor, gradient: Tensor, weight_decay: float, longest: float) -> None:
        self._weights, self._gradient = weights, gradient
        self._weight_decay, self._longest = weight_decay, longest
        self._first, self._second = torch.zeros_like(weights), torch.zeros_like(weights)
        self._step = torch.zeros((), device=weights.device)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take one step along the gradient as it stands."""
        torch._fused_adamw_(
            [self._weights],
            [self._gradient],
            [self._first],
            [self._second],
            [],
            [self._step.add_(1)],
            lr=learning_rate,
            beta1=FIRST,
            beta2=SECOND,
            weight_decay=self._weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=(self._gradient.norm() / self._longest).clamp(min=1.0),
        )

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on, beside weights and gradient."""
        return {"first": self._first, "second": self._second, "step": self._step}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` gave."""
        for name, value in self.state().items():
            value.copy_(state[name])
