# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Random shifts of images while training."""

from __future__ import annotations

import torch
from torch import Tensor


def random_shift(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Return (B, H, W, C) images, each moved by up to so many ``pixels`` in both directions, their edges repeated.

    DrQ (Kostrikov 2020, arXiv:2004.13649, section 3.1). The draws come from ``generator``, on the images' device.
    """
    if not pixels:
        return images
    height, width = images.shape[1:3]
    draws = torch.randint(0, 2 * pixels + 1, (len(images), 2), generator=generator, device=images.device)
    padded = _repeat_edges(_repeat_edges(images, 1, pixels), 2, pixels).unbind(0)
    return torch.stack([one[y : y + height, x : x + width] for one, (y, x) in zip(padded, draws.tolist())])


def _repeat_edges(images: Tensor, dim: int, pixels: int) -> Tensor:
    """Return the images with first and last row (``dim`` 1) or column (2) repeated so many times."""
    size = list(images.shape)
    size[dim] = pixels
    first, last = (images.narrow(dim, place, 1).expand(size) for place in (0, images.shape[dim] - 1))
    return torch.cat([first, images, last], dim)
