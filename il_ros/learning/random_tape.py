# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The random draws of a policy: written down as they are made, and made again from what was written."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from il_ros.core.errors import ConfigError

DISTRIBUTIONS = {
    "normal": "normal, mean 0 and standard deviation 1",
    "uniform": "uniform, from 0 on and below 1",
    "exponential": "exponential, rate 1: minus the logarithm of a uniform number above 0",
}
"""What a policy may draw from, and how it is described to who makes the numbers elsewhere."""

KINDS: Mapping[Callable[..., Tensor], str] = {torch.randn: "normal", torch.rand: "uniform"}


class RandomTape(TorchFunctionMode, abc.ABC):
    """While it is entered, every call to which a generator is passed gets its numbers here.

    One of several is chosen by a race, as torch itself does it: of exponential numbers each divided by its probability,
    the least wins. So all randomness is plain numbers, drawn without regard to the network's output.

    Raises:
        ConfigError: if the policy draws in another way.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        generator = options.get("generator")
        if generator is None:
            return function(*args, **options)
        if function in KINDS:
            return self.numbers(KINDS[function], lambda: function(*args, **options))
        if function is torch.multinomial and args[1:] in ((1,), (1, False), (1, True)):
            odds = args[0]
            race = self.numbers("exponential", lambda: torch.empty_like(odds).exponential_(generator=generator))
            return (odds / race).argmax(-1, keepdim=True)
        raise ConfigError(
            f"the policy draws by torch's {function.__name__}, whose numbers cannot be given from outside; "
            "draw by randn, by rand, or by multinomial one at a time"
        )

    @abc.abstractmethod
    def numbers(self, kind: str, make: Callable[[], Tensor]) -> Tensor:
        """Return the numbers of one draw; ``make`` draws them from the generator."""


class RecordRandomness(RandomTape):
    """Draws from the generator, the same numbers as without it, and keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[tuple[str, Tensor]] = []
        """The kind and the numbers of each draw, in order."""

    def numbers(self, kind: str, make: Callable[[], Tensor]) -> Tensor:
        """Return what was drawn."""
        self.drawn.append((kind, make()))
        return self.drawn[-1][1]

    @property
    def plan(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The kind and the shape of each draw, in order."""
        return tuple((kind, tuple(values.shape)) for kind, values in self.drawn)

    def flat(self) -> dict[str, Tensor]:
        """Return all numbers of each kind in one row, in the order in which they were drawn."""
        kinds = dict.fromkeys(kind for kind, _ in self.drawn)
        return {kind: torch.cat([values.flatten() for k, values in self.drawn if k == kind]) for kind in kinds}


class ReplayRandomness(RandomTape):
    """Takes the numbers of a ``plan`` from rows like those of ``RecordRandomness.flat``, whatever the generator."""

    def __init__(self, plan: Iterable[tuple[str, tuple[int, ...]]], flat: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._given = self._cut(plan, flat)

    def numbers(self, kind: str, make: Callable[[], Tensor]) -> Tensor:
        """Return the next numbers of the plan."""
        return next(self._given)

    @staticmethod
    def _cut(plan: Iterable[tuple[str, tuple[int, ...]]], flat: Mapping[str, Tensor]) -> Iterator[Tensor]:
        at = dict.fromkeys(flat, 0)
        for kind, shape in plan:
            begin, at[kind] = at[kind], at[kind] + math.prod(shape)
            yield flat[kind][begin : at[kind]].reshape(shape)
