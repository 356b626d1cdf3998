# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A bound on the memory that making a network may take, before it is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from il_ros.core.errors import CheckpointError

MAKERS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.arange, torch.linspace)
SPARE = 16_000_000
"""Numbers that a network may have beside its weights: tables, and what its first weights are made of."""
SPARE_CALLS = 1000


class AllocationLimit(TorchFunctionMode):
    """While it is entered, no more numbers are made than a network needs whose weights are so many.

    Args:
        numbers: that the weights are.
        tensors: that they are in.

    Raises:
        CheckpointError: instead of making more.
    """

    def __init__(self, numbers: int, tensors: int) -> None:
        super().__init__()
        self._left, self._calls = 2 * numbers + SPARE, 10 * tensors + SPARE_CALLS

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function in MAKERS:
            self._left, self._calls = self._left - _count(args, kwargs or {}), self._calls - 1
            if self._left < 0 or self._calls < 0:
                raise CheckpointError("its sizes are those of a far larger network than its weights; copy it again")
        return function(*args, **(kwargs or {}))


def _count(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return how many numbers a call makes at most; of ``arange`` and ``linspace`` the largest argument bounds them."""
    shape = kwargs.get("size", args[0] if args and isinstance(args[0], Sequence) else args)
    return math.prod(abs(int(size)) for size in shape if isinstance(size, (int, float)) and size)
