# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether a policy's answer makes sense, looked at before any limit hides what it is."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import ABSURD, Contract
from il_ros.core.errors import MessageError
from il_ros.core.types import Array


def sound_actions(actions: Array, contract: Contract) -> Array:
    """Return actions (Ta, Da) in real units as they are, if all are finite and none is absurdly far outside its limits.

    Raises:
        MessageError: for the first that is not.
    """
    reach = ABSURD * (contract.high - contract.low)
    inside = (actions >= contract.low - reach) & (actions <= contract.high + reach)  # false of a NaN
    if not inside.all():
        row, column = np.argwhere(~inside)[0]
        part = contract.action[column]
        raise MessageError(
            f"policy: action {part.name!r} of step {row} is {actions[row, column]:.3g}; refused, as more than "
            f"{ABSURD:g} widths outside {part.low:g} to {part.high:g}: check what the policy sees, or train it again"
        )
    return actions
