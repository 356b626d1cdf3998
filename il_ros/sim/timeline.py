# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The clock of a simulated world, and the facts of the episode that runs in it."""

from __future__ import annotations

from il_ros.signals import PAUSE_NS, EpisodeStart

UNKNOWN = "unknown"
"""The outcome of an episode that terminated, where nobody says whether that is good or bad."""


class Timeline:
    """What worlds have in common: stamps go on from episode to episode, which are counted."""

    def __init__(self, task: str) -> None:
        self._stamp_ns = 0
        self._start = EpisodeStart(task, 0, 0)

    @property
    def start(self) -> EpisodeStart:
        """The facts of the running episode."""
        return self._start

    @property
    def stamp_ns(self) -> int:
        """Time of what is seen now, in nanoseconds of the world's clock."""
        return self._stamp_ns

    def _begin(self, seed: int) -> None:
        """The next episode begins, a pause after the last one."""
        self._stamp_ns += PAUSE_NS
        self._start = EpisodeStart(self._start.task, seed, self._stamp_ns, self._start.number + 1)
