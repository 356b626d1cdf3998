# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The rate limiter (slew-rate limit) of the command: bounds its range, rate and distance from the measured position."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.types import Array

PUSH_STEPS = 4
"""A position is pushed off by as much, at most, as it may change in so many steps."""


class CommandLimiter:
    """Limits the range of each command, its rate, and its distance from the measured position.

    Every command begins at an anchor: the command before, brought to within ``contract.tracking`` of where the arm is
    measured. From there it goes no further than the limit allows in the time that has really passed, and in one control
    step at most. So a command of a position is never further from the arm than one step and the tracking allowance,
    whatever has moved the arm meanwhile. At first, after ``contract.blind_ns`` without a command, and where the clock
    went back, the anchor is where the arm rests.

    A gripper rests where it was commanded last, which ``rest`` says then, whatever is measured.

    An arm that stands outside the contract's range may stay where it is and come back, and go no further out.
    """

    def __init__(self, contract: Contract) -> None:
        self._low, self._high, self._max_step = contract.low, contract.high, contract.max_step
        self._step_ns, self._silence_ns = contract.step_ns, contract.blind_ns
        self._tracking = contract.tracking
        fastest = np.where(contract.is_position, PUSH_STEPS * contract.max_step, (contract.high - contract.low) / 2)
        self._reach = np.where(contract.is_gripper, 0.0, fastest)
        self._is_measured = contract.is_measured & ~contract.is_gripper
        self._measures = bool(self._is_measured.any())
        self.reset()

    def reset(self) -> None:
        """Begin the next command at where the arm rests."""
        self.last: Array | None = None
        """(Da,) the last command since then."""
        self._stamp_ns = 0

    def is_tracked(self, rest: Array) -> bool:
        """Return whether what is measured in ``rest`` (Da,) is within the tracking allowance of the last command."""
        if not self._measures:
            return True
        return self.last is not None and bool((np.abs(rest - self.last) <= self._tracking).all())

    def __call__(self, command: Array, rest: Array, stamp_ns: int, is_tracked: bool = False) -> Array:
        """Return (Da,) what the arm may be given at ``stamp_ns`` for the action ``command``.

        Args:
            command: (Da,) the action.
            rest: (Da,) where the arm rests now: measured positions, and numbers of the contract.
            stamp_ns: the time of that measurement.
            is_tracked: the result of ``is_tracked``, if that was called.
        """
        passed_ns = stamp_ns - self._stamp_ns
        if self.last is None or not 0 < passed_ns <= self._silence_ns:
            anchor, share = self._at_rest(rest), 1.0
        else:
            anchor, share = self.last, min(1.0, passed_ns / self._step_ns)
            if not is_tracked:
                anchor = np.minimum(np.maximum(anchor, rest - self._tracking), rest + self._tracking)
        self.last, self._stamp_ns = self._limited(anchor, command, share), stamp_ns
        return self.last

    def _at_rest(self, rest: Array) -> Array:
        """Return the anchor at rest: numbers of the contract within its range; a measured position may be outside."""
        return np.where(self._is_measured, rest, np.minimum(np.maximum(rest, self._low), self._high))

    def pushed(self, command: Array, push: Array) -> Array:
        """Return (Da,) the action pushed off by shares (Da,) of the fastest motion; a gripper is not pushed."""
        result: Array = command + push * self._reach
        return result

    def ahead(self, commands: Sequence[Array]) -> list[Array]:
        """Return what the arm may be given after the last command, step by step, for these next actions."""
        allowed = [] if self.last is None else list(itertools.accumulate(commands, self._limited, initial=self.last))
        return allowed[1:]

    def _limited(self, anchor: Array, command: Array, share: float = 1.0) -> Array:
        reach = self._max_step if share == 1.0 else self._max_step * share
        least = np.minimum(np.maximum(anchor - reach, self._low), anchor)
        most = np.maximum(np.minimum(anchor + reach, self._high), anchor)
        limited: Array = np.minimum(np.maximum(command, least), most)
        return limited
