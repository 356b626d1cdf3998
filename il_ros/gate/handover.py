# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The bounded hand-over: whoever speaks, the command never jumps by more than one step's limit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

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
        self._last = self._limited(last, wanted)
        return self._last

    def ahead(self, wanted: Sequence[Array]) -> list[Array]:
        """What the arm may be given after the last command, step by step, if that is asked for then."""
        allowed = [] if self._last is None else list(itertools.accumulate(wanted, self._limited, initial=self._last))
        return allowed[1:]

    def _limited(self, last: Array, wanted: Array) -> Array:
        change = np.clip(wanted - last, -self._max_step, self._max_step)
        limited: Array = np.clip(last + change, self._low, self._high)
        return limited
