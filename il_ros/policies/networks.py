"""The networks that the policy classes share."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """``x + W2 silu(W1 norm(x))``: a pre-norm residual block, the identity at the start (He 2016, Xiong 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) to (B, width)."""
        hidden: Tensor = self.outer(nn.functional.silu(self.inner(self.norm(x))))
        return x + hidden


class Trunk(nn.Module):
    """A residual MLP from ``inputs`` to ``outputs`` numbers; ``depth`` blocks of ``width`` units."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Residual(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        return self.after(self.first(x))

    def after(self, x: Tensor) -> Tensor:
        """(B, width), the output of the first layer, to (B, outputs)."""
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last(self.norm(x))
        return out

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the right shapes for one."""
        return (self.first.weight.new_zeros(1, self.first.in_features),)

    def frozen(self) -> nn.Module:
        """A copy for inference: the same numbers in half the time."""
        with torch.no_grad(), warnings.catch_warnings():
            # torch would rather compile, which takes a compiler, seconds, and is no faster at this size
            warnings.simplefilter("ignore", DeprecationWarning)
            copy: nn.Module = torch.jit.freeze(torch.jit.trace(self.eval(), self.example()))  # type: ignore[no-untyped-call]
            for _ in range(3):  # the first calls are slow: they optimise
                copy(*self.example())
        return copy


class ConditionedTrunk(Trunk):
    """A trunk that is told something beside its input: (B, width), added to the first layer's output."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """(B, inputs) and (B, width) to (B, outputs)."""
        return self.after(self.first(x) + condition)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the right shapes for one."""
        return (*super().example(), self.first.weight.new_zeros(1, self.first.out_features))


def sinusoids(values: Tensor, size: int, longest: float = 100.0) -> Tensor:
    """(N,) numbers as (N, size) waves of geometrically growing length; Vaswani 2017, section 3.5."""
    rates = torch.logspace(0, -1, size // 2, base=longest, device=values.device)
    angles = values[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
