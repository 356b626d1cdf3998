# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Steps in order: complete observations, the first of an episode together with its announcement.

Two topics have no order between them, so the first observation of an episode may come before the announcement that says
which seed it has. In lockstep it waits for it; with a real arm nobody need announce anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from il_ros.messages import Aligner
from il_ros.signals import EpisodeStart


@dataclass(frozen=True)
class Turn:
    """One step to be answered."""

    stamp_ns: int
    parts: dict[str, Any]
    """What came of each topic."""
    start: EpisodeStart | None
    """The episode's announcement, if this is its first step."""


class Turns:
    """Puts observations and announcements into one order that does not depend on which came first."""

    def __init__(self, topics: Sequence[str], step_ns: int, lockstep: bool) -> None:
        self._aligner, self._step_ns, self._lockstep = Aligner(topics), step_ns, lockstep
        self._last_ns: int | None = None
        self._start: EpisodeStart | None = None
        self._early: tuple[int, dict[str, Any]] | None = None

    @property
    def dropped(self) -> int:
        """Observations that never became complete."""
        return self._aligner.dropped

    def announce(self, start: EpisodeStart) -> Turn | None:
        """An episode begins; returns the turn that was waiting for this, if any."""
        self._start = start
        if self._early is None:
            return None
        stamp, parts = self._early
        return self._take(stamp, parts)

    def add(self, topic: str, stamp_ns: int, part: Any) -> Turn | None:
        """A message has come, or what it says; returns the turn that it completes, if any."""
        complete = self._aligner.add(topic, stamp_ns, part)
        return None if complete is None else self._take(*complete)

    def _take(self, stamp: int, parts: dict[str, Any]) -> Turn | None:
        begins = self._start is not None and stamp >= self._start.first_stamp_ns
        jumped = self._last_ns is None or stamp - self._last_ns > 1.5 * self._step_ns
        if self._lockstep and jumped and not begins:
            self._early = (stamp, parts)
            return None
        start = self._start if begins else None
        self._last_ns, self._early = stamp, None
        if begins:
            self._start = None
        return Turn(stamp, parts, start)
