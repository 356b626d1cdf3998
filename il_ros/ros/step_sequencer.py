# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Orders complete observations (time-synchronized) and episode starts: the first of an episode with its announcement.

Two topics have no order between them, so the first observation of an episode may come before the announcement with its
seed. In lockstep it waits for it; with a real arm no announcement is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from il_ros.core.contract import gap_ns
from il_ros.core.messages import ExactTimeSync
from il_ros.core.types import EpisodeStart

ANEW_NS = 1_000_000_000
"""Stamps that advance by more than this without an announcement start over."""
ALONE = 0.75
"""An observation that comes this share of a control period after the one before it always makes a step."""


@dataclass(frozen=True)
class SequencedStep:
    """One step to be answered."""

    stamp_ns: int
    parts: dict[str, Any]
    """The content of each topic's message."""
    start: EpisodeStart | None
    """The episode's announcement, if this is its first step."""
    begins_anew: bool = False
    """Whether the clock was set or nothing was received for long, so that no answer to an earlier step counts."""


class StepSequencer:
    """Puts observations and announcements into one order that does not depend on which came first."""

    def __init__(self, topics: Sequence[str], step_ns: int, lockstep: bool) -> None:
        self._topics, self._step_ns, self._lockstep = tuple(topics), step_ns, lockstep
        self._sync = ExactTimeSync(topics, step_ns=step_ns)
        self._last_ns: int | None = None
        self._seen_ns = -(10**18)
        """The stamp of the last complete observation."""
        self._start: EpisodeStart | None = None
        self._early: tuple[int, dict[str, Any]] | None = None
        self._standing: dict[str, Any] = {}
        self.jump = ""
        """From where to where the stamps went when everything last started over."""
        self.thinned = 0
        """Observations within a control period of one that was taken."""

    @property
    def dropped(self) -> int:
        """Count the observations that never became complete."""
        return self._sync.dropped

    @property
    def newest(self) -> Mapping[str, int]:
        """The newest stamp of each topic, ns."""
        return self._sync.newest

    def announce(self, start: EpisodeStart) -> SequencedStep | None:
        """Announce an episode; return the step that was waiting for this, if any."""
        self._start = start
        if self._early is None:
            return None
        stamp, parts = self._early
        return self._take(stamp, parts)

    def add(self, topic: str, stamp_ns: int, part: Any) -> SequencedStep | None:
        """Add a message, or its content; return the step that it completes, if any."""
        if stamp_ns == self._last_ns:
            self._standing[topic] = part
        complete = self._sync.add(topic, stamp_ns, part)
        return None if complete is None else self._take(*complete)

    def take_standing(self) -> dict[str, Any] | None:
        """Return what came of every topic since the last call, or the last step, with the stamp of that step again."""
        if len(self._standing) < len(self._topics):
            return None
        parts, self._standing = self._standing, {}
        return parts

    def is_due(self, step: SequencedStep) -> bool:
        """Return whether an observation makes a step: a driver faster than the contract makes one per control period.

        It does if it is the first in its period, which is the same for every node, or if it comes alone, so that none
        is lost of a driver that keeps the contract's rate with some jitter.
        """
        last_ns, self._seen_ns = self._seen_ns, step.stamp_ns
        if step.start is None and not step.begins_anew and not self._lockstep:
            is_dense = step.stamp_ns - last_ns < ALONE * self._step_ns
            if is_dense and step.stamp_ns // self._step_ns == last_ns // self._step_ns:
                self.thinned += 1
                return False
        return True

    def _take(self, stamp: int, parts: dict[str, Any]) -> SequencedStep | None:
        last_ns = stamp if self._last_ns is None else self._last_ns
        begins = self._start is not None and stamp >= self._start.first_stamp_ns
        jumped = self._last_ns is None or not 0 < stamp - last_ns <= gap_ns(self._step_ns)
        if self._lockstep and jumped and not begins:
            self._early = (stamp, parts)
            return None
        begins_anew = stamp < last_ns or (stamp - last_ns > ANEW_NS and not begins)
        if begins_anew:
            self.jump = f"from {last_ns / 1e9:.3f} to {stamp / 1e9:.3f} s"
        start = self._start if begins else None
        self._last_ns, self._early = stamp, None
        self._standing.clear()
        if begins:
            self._start = None
        return SequencedStep(stamp, parts, start, begins_anew)
