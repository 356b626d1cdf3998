# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of what does the work of a DAgger run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from il_ros.learning.training.config import TrainingConfig


class Backend(Protocol):
    """Where a run collects, trains and measures: in this process, or in a running graph."""

    def prepare(self, rule: str, device: str, checkpoint: Path | None) -> None:
        """Get ready for episodes under this rule, with the expert at this device and this policy."""

    def episode(self, seed: int) -> Path:
        """Run one; return its closed bag."""

    def train(self, config: TrainingConfig) -> dict[str, Any]:
        """Train on all episodes of the run; return what ``TrainingPipeline.train`` does."""

    def measure(self, checkpoint: Path, seeds: range) -> dict[str, Any]:
        """Return how well the policy does alone: ``success``, ``interval``, ``episodes``."""
