# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""AdamW on one vector: by torch's fused kernel, which is a private interface, or by plain operations.

What ``torch.optim.AdamW`` does around its kernel takes as long as the backward pass of a small network; over a single
vector none of it is needed, so the kernel is called directly. Where a version of torch lacks it, ``make_adamw`` gives
the plain one; a test holds both equal to ``torch.optim.AdamW``.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def flatten_parameters(network: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """Move all weights of ``network`` into one vector, and their gradients into another; return both, (N,) each.

    Weights without a gradient, as of a pretrained encoder that is kept, stay where they are: nothing decays them.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    weights = torch.cat([p.detach().flatten() for p in parameters])
    gradient = torch.zeros_like(weights)
    sizes = [p.numel() for p in parameters]
    for p, values, changes in zip(parameters, torch.split(weights, sizes), torch.split(gradient, sizes)):
        p.data, p.grad = values.view_as(p), changes.view_as(p)
    return weights, gradient


class AdamW:
    """Adam with decoupled weight decay (Loshchilov 2019, arXiv:1711.05101, algorithm 2) and gradient clipping.

    Args:
        weights: (N,), changed in place.
        gradient: (N,), read at every step.
        weight_decay: of the decoupled decay.
        max_norm: longer gradients are shortened to this length.
    """

    def __init__(self, weights: Tensor, gradient: Tensor, weight_decay: float, max_norm: float) -> None:
        self._weights, self._gradient = weights, gradient
        self._weight_decay, self._max_norm = weight_decay, max_norm
        self._first, self._second = torch.zeros_like(weights), torch.zeros_like(weights)
        self._step = torch.zeros((), device=weights.device)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take one step along the gradient as it stands."""
        self._step.add_(1)
        self._update(learning_rate, (self._gradient.norm() / self._max_norm).clamp(min=1.0))

    def _update(self, learning_rate: float, shorten: Tensor) -> None:
        """Change the weights by the gradient divided by ``shorten``."""
        gradient = self._gradient / shorten
        self._first.lerp_(gradient, 1 - BETA1)
        self._second.lerp_(gradient.square(), 1 - BETA2)
        first, second = self._first / (1 - BETA1**self._step), self._second / (1 - BETA2**self._step)
        self._weights.mul_(1 - learning_rate * self._weight_decay)
        self._weights.addcdiv_(first, second.sqrt_().add_(EPSILON), value=-learning_rate)

    def state(self) -> dict[str, Tensor]:
        """Return all that the next step depends on, beside weights and gradient."""
        return {"first": self._first, "second": self._second, "step": self._step}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` returned."""
        for name, value in self.state().items():
            value.copy_(state[name])


class FusedAdamW(AdamW):
    """The same steps by torch's fused kernel, which shortens the gradient, too, so that clipping costs a norm."""

    def _update(self, learning_rate: float, shorten: Tensor) -> None:
        torch._fused_adamw_(
            [self._weights],
            [self._gradient],
            [self._first],
            [self._second],
            [],
            [self._step],
            lr=learning_rate,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=self._weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=shorten,
        )


def make_adamw(weights: Tensor, gradient: Tensor, weight_decay: float, max_norm: float) -> AdamW:
    """Return the fused optimizer where this version of torch has its kernel, else the plain one."""
    cls = FusedAdamW if hasattr(torch, "_fused_adamw_") else AdamW
    return cls(weights, gradient, weight_decay, max_norm)
