# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trunks: residual MLPs, alone, with a condition, stacked, and what draws from their outputs."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from il_ros.policies.layers.fast_linear import Linear


class Residual(nn.Module):
    """``x + W2 silu(W1 norm(x))``: a pre-norm residual block, the identity at the start (He 2016, Xiong 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner: nn.Module = Linear(width, width)
        self.outer: nn.Module = Linear(width, width)
        for parameter in self.outer.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width) to (B, width)."""
        hidden: Tensor = self.outer(nn.functional.silu(self.inner(self.norm(x))))
        return x + hidden


class Trunk(nn.Module):
    """A residual MLP from ``inputs`` to ``outputs`` numbers; ``depth`` blocks of ``width`` units."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.sizes: tuple[tuple[int, ...], ...] = ((1, inputs),)
        """Shapes of the inputs for one history."""
        self.first: nn.Module = Linear(inputs, width)
        self.blocks = nn.ModuleList(Residual(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last: nn.Module = Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        return self.after(self.first(x))

    def after(self, x: Tensor) -> Tensor:
        """Map (B, width), the output of the first layer, to (B, outputs)."""
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last(self.norm(x))
        return out

    def example(self) -> tuple[Tensor, ...]:
        """Return inputs of the right shapes for one history."""
        like = next(self.parameters())
        return tuple(like.new_zeros(size) for size in self.sizes)

    def frozen(self) -> nn.Module:
        """Return a copy for inference: the same numbers in half the time."""
        return Frozen(self.eval())


class Frozen(nn.Module):
    """A trunk as a traced graph that takes the weights as inputs, beside those of the trunk.

    torch never frees what it has traced. So trunks of one architecture share one graph, and to go over from one
    checkpoint to the next costs no memory.
    """

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self._weights = tuple(tensor.detach() for _, _, tensor in _tensors(trunk))
        key = _architecture(trunk)
        if key not in _GRAPHS:
            _GRAPHS[key] = _traced(trunk, self._weights)
        self._graph = _GRAPHS[key]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return what the trunk gives."""
        out: Tensor = self._graph(*inputs, *self._weights)
        return out


OVERFLOW = 1e3
"""Numbers beyond it, in normalised units, are no actions; the data lie in [-1, 1]."""
_GRAPHS: dict[Hashable, Callable[..., Tensor]] = {}
"""The traced graphs, by architecture."""


def _tensors(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    """Return every parameter and buffer, with the dictionary and the key under which its module finds it."""
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            yield from ((table, key, tensor) for key, tensor in table.items() if tensor is not None)


def _architecture(trunk: Trunk) -> Hashable:
    """Return what two trunks have in common if they differ in the values of their weights alone."""
    plain = (bool, int, float, str, tuple, type(None))
    parts = (
        (name, type(part), tuple((key, value) for key, value in vars(part).items() if isinstance(value, plain)))
        for name, part in trunk.named_modules()
    )
    return (*parts, *((key, tensor.shape, tensor.dtype, tensor.device) for _, key, tensor in _tensors(trunk)))


def _traced(trunk: Trunk, weights: tuple[Tensor, ...]) -> Callable[..., Tensor]:
    shell = copy.deepcopy(trunk).requires_grad_(False)
    places = [(table, key) for table, key, _ in _tensors(shell)]
    count = len(trunk.sizes)

    def call(*given: Tensor) -> Tensor:
        for (table, key), weight in zip(places, given[count:]):
            table[key] = weight
        out: Tensor = shell(*given[:count])
        return out

    with torch.no_grad(), warnings.catch_warnings():
        # torch would rather compile, which takes a compiler, seconds, and is no faster at this size
        warnings.simplefilter("ignore", DeprecationWarning)
        given = (*trunk.example(), *weights)
        graph: Callable[..., Tensor] = torch.jit.trace(call, given, check_trace=False)  # type: ignore[no-untyped-call]
        for _ in range(3):  # the first calls are slow: they optimise
            graph(*given)
    return graph


class ConditionedTrunk(Trunk):
    """A trunk with a condition beside its input: (B, width), added to the first layer's output."""

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__(inputs, width, depth, outputs)
        self.sizes = ((1, inputs), (1, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, inputs) and (B, width) to (B, outputs)."""
        return self.after(self.first(x) + condition)


class Head(Trunk):
    """What follows the first layer of a trunk: (B, width) to (B, outputs)."""

    def __init__(self, width: int, depth: int, outputs: int) -> None:
        super().__init__(width, width, depth, outputs)
        self.first = nn.Identity()


class AutoregressiveHead(nn.Module):
    """``p(s_1 | c) p(s_2 | c, s_1) ...``: N symbols out of K, drawn one after the other, each given those before it.

    What was drawn enters by a sum of one learned vector for each place and symbol, as in NADE (Larochelle and Murray
    2011, equation 4), so that training sees all places at once.
    """

    def __init__(self, places: int, symbols: int, width: int, outputs: int) -> None:
        super().__init__()
        self.places = places
        self.said = nn.Parameter(torch.randn(places, symbols, width) * places**-0.5)
        self.place = nn.Parameter(torch.randn(places, width))
        self.head = Head(width, 1, outputs)

    def forward(self, condition: Tensor, symbols: Tensor) -> Tensor:
        """Map (B, width) and symbols (B, N) to the outputs of each place, given those before it: (B, N, outputs)."""
        embedded = self.said[torch.arange(self.places, device=symbols.device), symbols]  # (B, N, width)
        out: Tensor = self.head(condition[:, None] + (embedded.cumsum(1) - embedded) + self.place)
        return out

    def draw(self, condition: Tensor, choose: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Return the symbols (B, N) that ``choose`` makes, place by place, from the outputs of each, (B, outputs)."""
        drawn = []
        for i in range(self.places):
            drawn.append(choose(i, self.head(condition + self.place[i])))
            condition = condition + self.said[i, drawn[i]]
        return torch.stack(drawn, dim=1)


class Stacked(nn.Module):
    """M linear layers in one product: (M, B, inputs) to (M, B, outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int, zero: bool = False) -> None:
        super().__init__()
        bound = 0.0 if zero else inputs**-0.5  # as torch begins its linear layers
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Return each member's own product."""
        return torch.baddbmm(self.bias, x, self.weight)


class StackedTrunk(Trunk):
    """M trunks side by side: (M, B, inputs) to (M, B, outputs), in as many products as one of them takes."""

    def __init__(self, members: int, inputs: int, width: int, depth: int, outputs: int) -> None:
        nn.Module.__init__(self)
        self.sizes = ((members, 1, inputs),)
        self.first = Stacked(members, inputs, width)
        self.blocks = nn.ModuleList(StackedResidual(members, width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last = Stacked(members, width, outputs)


class StackedResidual(Residual):
    """M residual blocks side by side."""

    def __init__(self, members: int, width: int) -> None:
        nn.Module.__init__(self)
        self.norm = nn.LayerNorm(width)
        self.inner = Stacked(members, width, width)
        self.outer = Stacked(members, width, width, zero=True)


def draw(logits: Tensor, least: float, generator: torch.Generator) -> Tensor:
    """Draw one of K for each row of ``logits`` (B, K), by its probability; none is less likely than ``least``."""
    probabilities = logits.softmax(-1)
    probabilities = probabilities * (probabilities >= least)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]


def without_overflow(chunk: Tensor, unbounded: Tensor) -> Tensor:
    """Return ``chunk``, NaN where it was clipped from values out of all proportion, so that nobody uses it."""
    return chunk.masked_fill(unbounded.abs() > OVERFLOW, torch.nan)


def sinusoids(values: Tensor, size: int, longest: float = 100.0) -> Tensor:
    """Encode (N,) numbers as (N, size) waves of geometrically growing length; Vaswani 2017, section 3.5."""
    rates = torch.logspace(0, -1, size // 2, base=longest, device=values.device)
    angles = values[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
