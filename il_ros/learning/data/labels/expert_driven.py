# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""HG-DAgger: learn from every step that the expert drove, and from no other.

Kelly et al. 2019, arXiv:1810.02890, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.episode import Authority, Episode
from il_ros.learning.data.labels.base import Labels, Scheme, is_driven_by, wanted


class ExpertDriven(Scheme):
    """Demonstrations whole, of rollouts the interventions."""

    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """Weigh all labels alike."""
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> Labels:
        driven = is_driven_by(episode, Authority.EXPERT)
        return Labels(wanted(episode), driven, np.ones(len(episode), dtype=np.float32), driven, driven)
