# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The layers of the study of the trunk: the shipped ones with one thing changed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from il_ros.policies.layers import ConditionedTrunk, Linear, Residual


class Started(Residual):
    """A block that is not the identity at the start."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.outer = Linear(width, width)


class Plain(Started):
    """As many layers without the sum."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width) to (B, width)."""
        silu = nn.functional.silu
        out: Tensor = silu(self.outer(silu(self.inner(self.norm(x)))))
        return out


class Concatenated(ConditionedTrunk):
    """The condition is input beside the input."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__(inputs, width, depth, outputs)
        self.first = Linear(inputs + width, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, inputs) and (B, width) to (B, outputs)."""
        return self.after(self.first(torch.cat([x, condition], dim=-1)))


class Modulated(ConditionedTrunk):
    """The condition scales and shifts what each block has normalised (Perez 2018, Peebles and Xie 2023)."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__(inputs, width, depth, outputs)
        self.scales = nn.ModuleList(Linear(width, 2 * width) for _ in range(depth))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, inputs) and (B, width) to (B, outputs)."""
        x = self.first(x)
        for block, scales in zip(self.blocks, self.scales):
            scale, shift = scales(condition).chunk(2, dim=-1)
            normed = block.norm(x) * (1 + scale) + shift  # type: ignore[operator]
            x = x + block.outer(nn.functional.silu(block.inner(normed)))  # type: ignore[operator]
        out: Tensor = self.last(self.norm(x))
        return out


def one_layer(inputs: int, width: int, depth: int, outputs: int) -> nn.Module:
    """Return one linear layer in the place of a trunk."""
    return Linear(inputs, outputs)
