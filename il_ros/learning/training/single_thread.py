# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training on one thread of the processor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread inside the context, on which numbers below 1e-38 are zeros.

    On a busy machine two threads are many times slower, for they spin at barriers. And the components of a mixture that
    do not explain a chunk have such numbers for gradients, with which Intel's processors are a hundred times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
