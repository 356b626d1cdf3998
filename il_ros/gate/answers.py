# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Answers of policy and expert on their way into the gate: their age, their delay, and whether they make sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from il_ros.core.contract import ABSURD, Contract
from il_ros.core.types import Array, Chunk


@dataclass
class AnswerAge:
    """When the last answer of one source was received, and to which observation it was."""

    timeout_ns: int
    stamp_ns: int = -1
    received_ns: int = -1

    def is_fresh(self, stamp_ns: int, now_ns: int) -> bool:
        """Return whether the last answer is young enough, by the arm's clock and by the steady one."""
        known = self.stamp_ns >= 0 and self.stamp_ns <= stamp_ns
        return known and stamp_ns - self.stamp_ns <= self.timeout_ns and now_ns - self.received_ns <= self.timeout_ns

    def refusal(self, stamp_ns: int, newest_ns: int) -> str:
        """Return why an answer to ``stamp_ns`` is refused, "early" or "late"; empty if it is not.

        Args:
            stamp_ns: of the observation that was answered.
            newest_ns: of the last step; negative if there was none.
        """
        if newest_ns >= 0 and stamp_ns > newest_ns + self.timeout_ns:
            return "early"
        return "late" if stamp_ns <= self.stamp_ns else ""


class DelayLine:
    """Delivers answers a number of steps after the observation that they answer; for studies of slow links."""

    def __init__(self, step_ns: int) -> None:
        self._step_ns = step_ns
        self._pending: list[tuple[int, Callable[[], None]]] = []

    def add(self, steps: int, stamp_ns: int, deliver: Callable[[], None]) -> None:
        """Deliver an answer to ``stamp_ns`` so many steps later; at once without a delay."""
        if steps:
            self._pending.append((stamp_ns + steps * self._step_ns, deliver))
        else:
            deliver()

    def deliver(self, stamp_ns: int) -> None:
        """Deliver the answers that are due at ``stamp_ns``."""
        if not self._pending:
            return
        due = [deliver for due_ns, deliver in self._pending if due_ns <= stamp_ns]
        self._pending = [waiting for waiting in self._pending if waiting[0] > stamp_ns]
        for deliver in due:
            deliver()


class ChunkCheck:
    """Finds chunks of the wrong shape, and numbers that are not finite or absurdly far outside the contract's range."""

    def __init__(self, contract: Contract) -> None:
        self._parts, self._is_gripper = contract.action, contract.is_gripper
        self._middle, self._absurd = (contract.low + contract.high) / 2, ABSURD * (contract.high - contract.low)

    def fault(self, chunk: Chunk, is_expert: bool = False) -> str:
        """Return what is wrong with the chunk; empty if nothing is. An expert may leave a gripper as it is, by NaN."""
        actions = chunk.actions
        if actions.ndim != 2 or actions.shape[1] != len(self._parts):
            return f"a chunk of {' x '.join(map(str, actions.shape))} numbers, where a row has {len(self._parts)}"
        away = np.abs(actions - self._middle)
        if not len(actions) or bool((away <= self._absurd).all()):  # NaN is not
            return ""
        if is_expert:
            away[np.isnan(actions) & self._is_gripper] = 0.0
        return "" if (away <= self._absurd).all() else self._what_is_absurd(actions, away)

    def _what_is_absurd(self, actions: Array, away: Array) -> str:
        """Name the first absurd number; ``away`` is how far all are from the middle of their ranges."""
        row, column = map(int, np.argwhere(~(away <= self._absurd))[0])
        part, value = self._parts[column], actions[row, column]
        return f"action {part.name!r} is {value:.4g}, more than {ABSURD:g} widths outside {part.low:g} to {part.high:g}"
