# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What grippers are commanded: as they were where nobody says otherwise, and all the way where they are binary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.types import Array

CLOSES, OPENS = 2.0 / 3.0, 1.0 / 3.0
"""The shares closed above which an open binary gripper closes, and below which a closed one opens: hysteresis, so that
answers that waver about the middle do not let go of anything."""


class GripperCommands:
    """Completes actions by their grippers, so that what is recorded is what these were commanded.

    NaN stands for a gripper as it is: as it was commanded last. A binary gripper is commanded an end of its range.
    """

    def __init__(self, contract: Contract) -> None:
        self._are_there = bool(contract.grippers)
        self._is_binary = np.array([part.binary for part in contract.action])
        self._open, self._shut = (np.array([part.at(grip) for part in contract.action]) for grip in (0.0, 1.0))
        self.reset()

    def reset(self) -> None:
        """Forget what was commanded, as where an episode begins."""
        self.last: Array | None = None
        """(Da,) the last command; only its grippers count."""
        self._is_closed: Array | None = None
        """(Da,) bool, which grippers the last action closed; None before the first."""

    def completed(self, action: Array | None, rest: Array) -> Array | None:
        """Return (Da,) what an action means where ``rest`` (Da,) holds the grippers as they are; None of None."""
        if action is None or not self._are_there:
            return action
        stays = np.isnan(action)
        action = np.where(stays, rest, action)
        before = self._shares(rest) > 0.5 if self._is_closed is None else self._is_closed
        return np.where(self._is_binary & ~stays, self._end(self._switched(action, before)), action)

    def drive(self, action: Array) -> None:
        """Note that a completed action (Da,) is what the grippers go to now."""
        if self._are_there:
            before = self._shares(action) > 0.5 if self._is_closed is None else self._is_closed
            self._is_closed = self._switched(action, before)

    def ahead(self, actions: Iterable[Array]) -> list[Array]:
        """Return what actions (Da,) mean that follow the one that is driven, each after the other."""
        if self._is_closed is None:
            return list(actions)
        closed, completed = self._is_closed, []
        for action in actions:
            closed = self._switched(action, closed)
            completed.append(np.where(self._is_binary, self._end(closed), action))
        return completed

    def _switched(self, action: Array, is_closed: Array) -> Array:
        shares = self._shares(action)
        switched: Array = (shares > CLOSES) | (is_closed & (shares >= OPENS))
        return switched

    def _shares(self, action: Array) -> Array:
        """Return (Da,) by which shares an action closes: 0 for open, 1 for closed."""
        shares: Array = (action - self._open) / (self._shut - self._open)
        return shares

    def _end(self, is_closed: Array) -> Array:
        return np.where(is_closed, self._shut, self._open)
