# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The learning-rate schedule (LR warm-up and decay), and early stopping."""

from __future__ import annotations

import math

from torch import Tensor


def warmup_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Return the share of the highest learning rate at ``step``: a linear warm-up, then a cosine to zero."""
    if step < warmup_steps:
        return step / warmup_steps
    return 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / max(1, steps - warmup_steps)))


class EarlyStopping:
    """Ends a training after ``patience`` reports without a lower held-out loss, and keeps the weights of the lowest.

    Args:
        patience: 0 never ends a training early and keeps nothing.
        weights: (N,), copied at each report with a lower loss.
    """

    def __init__(self, patience: int, weights: Tensor) -> None:
        self._patience, self._weights = patience, weights
        self.best, self.lowest, self.reports_since = weights.clone(), math.inf, 0

    def report(self, held_out_loss: float) -> None:
        """Take note of a report."""
        if not self._patience:
            return
        if held_out_loss < self.lowest:
            self.best.copy_(self._weights)
            self.lowest, self.reports_since = held_out_loss, 0
        else:
            self.reports_since += 1

    @property
    def is_due(self) -> bool:
        """Whether patience is at its end; without held-out episodes it never is."""
        return 0 < self._patience <= self.reports_since and self.lowest < math.inf

    def restore(self, best: Tensor, lowest: float, reports_since: int) -> None:
        """Take up the state of an interrupted training."""
        self.best.copy_(best)
        self.lowest, self.reports_since = lowest, reports_since

    def use_best(self) -> None:
        """Set the weights to those of the lowest loss, if there was a report."""
        if self.lowest < math.inf:
            self._weights.copy_(self.best)
