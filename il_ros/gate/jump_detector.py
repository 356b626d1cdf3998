# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether a measured position can be: one reading that is far from those before it is not acted on."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import ABSURD, Contract
from il_ros.core.types import Array

FAST = 5.0
"""How many times faster than the command's limit an arm may be moved by others, and is still believed."""


class JumpDetector:
    """Recognises a measured position that no arm can have reached since the last one.

    A gripper is not looked at, since what it holds may keep it anywhere.

    A reading is refused until one that follows agrees with it; one that is alone, such as a glitch of an encoder, is
    never acted on. After ``contract.blind_ns`` of refused readings the arm is where they say.
    """

    def __init__(self, contract: Contract) -> None:
        self._names = contract.action_names
        self._reach, self._tracking = FAST * contract.max_step, contract.tracking
        self._middle, width = (contract.low + contract.high) / 2, contract.high - contract.low
        self._absurd = np.where(contract.is_gripper, np.inf, ABSURD * width)
        self._step_ns, self._blind_ns = contract.step_ns, contract.blind_ns
        self.reset()

    def reset(self) -> None:
        """Believe the next reading."""
        self._trusted: Array | None = None
        self._suspect: Array | None = None
        self._trusted_ns = 0

    def trust(self, rest: Array, stamp_ns: int) -> None:
        """Believe a reading: the measured components of ``rest`` (Da,) at ``stamp_ns``."""
        self._trusted, self._suspect, self._trusted_ns = rest, None, stamp_ns

    def complaint(self, rest: Array, stamp_ns: int) -> str:
        """Return what is wrong with a reading; empty if nothing is, and it is accepted then."""
        passed_ns = stamp_ns - self._trusted_ns
        if self._trusted is None or passed_ns > self._blind_ns:
            wrong = np.abs(rest - self._middle) > self._absurd
        else:
            near = self._reach * max(1.0, passed_ns / self._step_ns) + self._tracking
            wrong = np.abs(rest - self._trusted) > near
            if self._suspect is not None and wrong.any():
                wrong = np.abs(rest - self._suspect) > near
        if wrong.any():
            self._suspect, worst = rest, int(wrong.argmax())
            return f"implausible reading, {self._names[worst]} at {rest[worst]:.4g}"
        self.trust(rest, stamp_ns)
        return ""
