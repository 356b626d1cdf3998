"""The bounded hand-over: whoever speaks, the command never jumps by more than one step's limit."""

from __future__ import annotations

import numpy as np

from il_ros.signals import Array
from il_ros.specs import Contract


class Bound:
    """Limits each command to the contract's range, and its change to the contract's ``max_step``.

    It holds at every step, not at hand-overs alone, so there is no phase in which a jump could slip through.
    """

    def __init__(self, contract: Contract) -> None:
        self._low, self._high, self._max_step = contract.low, contract.high, contract.max_step
        self._last: Array | None = None

    def reset(self) -> None:
        """The next command starts from where the arm rests."""
        self._last = None

    def __call__(self, wanted: Array, rest: Array) -> Array:
        """(Da,) what the arm may be given when ``wanted`` is asked for; ``rest`` is where it stands at first."""
        last = np.clip(rest, self._low, self._high) if self._last is None else self._last
        change = np.clip(wanted - last, -self._max_step, self._max_step)
        self._last = np.clip(last + change, self._low, self._high)
        return self._last
