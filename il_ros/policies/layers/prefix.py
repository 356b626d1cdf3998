# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Real-time chunking: the first rows of a chunk are given, since they are executed while it is being computed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


class Prefix:
    """Which rows of chunks are given, and what they are; the network sees both.

    Training with given rows: Black 2025, arXiv:2512.05964.

    Args:
        actions: (B, Ta, Da), of which the given rows count.
        given: (B, Ta) bool; None for a network that was not trained with given rows, and sees none.
    """

    def __init__(self, actions: Tensor, given: Tensor | None) -> None:
        self.actions, self.given = actions, given

    @classmethod
    def of(cls, actions: Tensor | None, chunks: Tensor, is_told: bool) -> Prefix:
        """Return that of chunks (B, Ta, Da) of which the first rows (B, n, Da), n < Ta, are given, or none.

        ``is_told`` says whether the network was trained with given rows.
        """
        if not is_told:
            return cls(chunks, None)
        actions = chunks[:, :0] if actions is None else actions
        rows, count = chunks.shape[1], actions.shape[1]
        given = torch.arange(rows, device=chunks.device) < count
        return cls(pad(actions, (0, 0, 0, rows - count)), given.expand(len(chunks), rows))

    @classmethod
    def drawn(cls, actions: Tensor, most: int, generator: torch.Generator) -> Prefix:
        """Return that of training chunks (B, Ta, Da): of each, 0 to ``most`` rows are given, all as likely."""
        if not most:
            return cls(actions, None)
        count = torch.randint(0, most + 1, (len(actions), 1), generator=generator, device=actions.device)
        return cls(actions, torch.arange(actions.shape[1], device=actions.device) < count)

    def keep(self, chunks: Tensor) -> Tensor:
        """Return chunks (B, Ta, Da) with the given rows in place."""
        return chunks if self.given is None else torch.where(self.given[..., None], self.actions, chunks)

    def free(self, mask: Tensor) -> Tensor:
        """Return a mask (B, Ta) without the rows that are given."""
        return mask if self.given is None else mask * ~self.given

    def inputs(self, chunks: Tensor) -> Tensor:
        """Return what the network sees of chunks: (B, Ta Da), or (B, Ta Da + Ta) with which rows are given."""
        flat = chunks.flatten(1)
        return flat if self.given is None else torch.cat([flat, self.given.to(flat.dtype)], dim=1)


def nearest(candidates: Tensor, actions: Tensor) -> Tensor:
    """Return of K candidates a history, (B K, Ta, Da), that which begins most like ``actions`` (B, n, Da), with these.

    Liu 2024, arXiv:2408.17355, section 4.2 (backward coherence).
    """
    rows = actions.shape[1]
    groups = candidates.reshape(len(actions), -1, *candidates.shape[1:])  # (B, K, Ta, Da)
    apart = (groups[:, :, :rows] - actions[:, None]).square().sum((2, 3))
    best = groups[torch.arange(len(actions)), apart.argmin(1)]
    return torch.cat([actions, best[:, rows:]], dim=1)
