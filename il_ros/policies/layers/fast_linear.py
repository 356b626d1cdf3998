# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A linear layer whose large products of a training go through oneDNN, by a private interface of torch.

Where torch's own library, MKL, has no fast path for the processor, oneDNN does the product and the activation in the
same pass: half the time on AMD's processors, but a third more on Intel's. Everywhere else, and always without
gradients, the layer is torch's own; a test holds both ways equal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

LARGE = 1_000_000
"""Multiplications from which on the way through oneDNN, which has more overhead, is the faster one."""
TALL = 8192
"""Rows from which on MKL multiplies the transposed gradient faster: oneDNN first copies what is transposed."""
CPU = Path("/proc/cpuinfo")
ONEDNN = hasattr(torch.ops.mkldnn, "_linear_pointwise") and not (CPU.exists() and "GenuineIntel" in CPU.read_text())
"""Whether this build of torch has the interface, and the processor gains by it."""


class Linear(nn.Linear):
    """A linear layer and what follows it: nothing, ``tanh`` or ``relu``."""

    def __init__(self, inputs: int, outputs: int, activation: str = "none") -> None:
        super().__init__(inputs, outputs)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        if torch.is_grad_enabled() and x.device.type == "cpu" and x.numel() * self.out_features >= LARGE and ONEDNN:
            rows = x if x.dim() == 2 else x.flatten(0, -2)
            product = OneDnnLinear.apply
            out: Tensor = product(rows, self.weight, self.bias, self.activation)  # type: ignore[no-untyped-call]
            return out if x.dim() == 2 else out.reshape(*x.shape[:-1], self.out_features)
        return self.plain(x)

    def plain(self, x: Tensor) -> Tensor:
        """Return the same by torch's public operations."""
        out = super().forward(x)
        return out if self.activation == "none" else getattr(torch, self.activation)(out)


class OneDnnLinear(torch.autograd.Function):
    """``activation(x W^T + b)`` by oneDNN, and its gradient."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, activation: str) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
        context.save_for_backward(x, weight, out)
        context.activation = activation
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """Return the gradients of the input, the weights and the bias."""
        x, weight, out = context.saved_tensors
        if context.activation == "tanh":
            gradient = torch.ops.aten.tanh_backward(gradient, out)
        elif context.activation == "relu":
            gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        product = torch.ops.mkldnn._linear_pointwise
        of_x = product(gradient, weight.t(), None, "none", [], "") if context.needs_input_grad[0] else None
        turned = gradient.t()
        of_weight = turned @ x if len(x) >= TALL else product(turned, x.t(), None, "none", [], "")
        return of_x, of_weight, gradient.sum(0), None
