# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""DAgger: learn the expert's action for every state that was visited, whoever drove there.

Ross, Gordon and Bagnell 2011, arXiv:1011.0686, algorithm 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.core.episode import Authority, Episode
from il_ros.learning.data.labels.base import Labels, Scheme, asked, is_driven_by, wanted


class Relabelled(Scheme):
    """Label every state with an answer of the expert, and every step that the expert drove.

    Where the policy drove, a label stands alone: the expert was not followed, so the answer to the next state is not
    how the expert's own chunk would have gone on. Policies with one action a chunk lose nothing by that.
    """

    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """Weigh all labels alike."""
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> Labels:
        driven = is_driven_by(episode, Authority.EXPERT)
        labelled = driven | asked(episode)
        return Labels(wanted(episode), labelled, np.ones(len(episode), dtype=np.float32), labelled, driven)
