# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""HG-DAgger: learn from every step that the expert drove, and from no other.

Kelly et al. 2019, arXiv:1810.02890, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from il_ros.episode import Authority, Episode
from il_ros.learning.labels import Labels, Scheme, is_driven_by, wanted


class ExpertDriven(Scheme):
    """Demonstrations whole, of rollouts the interventions."""

    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """All count alike."""
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> Labels:
        driven = is_driven_by(episode, Authority.EXPERT)
        return Labels(wanted(episode), driven, np.ones(len(episode), dtype=np.float32), driven, driven)
