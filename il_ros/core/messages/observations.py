# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The observation vector: which numbers of which topics make it, in which order, and whether they are finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.messages.fields import getter
from il_ros.core.types import Array

MAX_FLOAT32 = float(np.finfo(np.float32).max)
"""Greater numbers are infinite as float32, which observations and actions are stored as."""


def observation_fields(contract: Contract, topic: str) -> list[str]:
    """Return the field paths of a topic that the contract's observation reads, in its order."""
    return [part.field for part in contract.observation if part.topic == topic]


def observation_columns(contract: Contract, topic: str) -> list[int]:
    """Return where the numbers of ``observation_fields`` stand in the observation."""
    return [n for n, part in enumerate(contract.observation) if part.topic == topic]


def observation(contract: Contract, messages: Mapping[str, object]) -> Array:
    """Return the observation that the contract makes of one message per topic: (Do,) float32.

    Raises:
        MessageError: if a field is missing or is not a finite number.
    """
    return observation_of(contract, [getter(part.field)(messages[part.topic]) for part in contract.observation])


def observation_of_topics(contract: Contract, numbers: Mapping[str, Sequence[float]]) -> Array:
    """Return the observation (Do,) float32 of the numbers of each topic's ``observation_fields``.

    Raises:
        MessageError: if one is not finite.
    """
    remaining = {topic: iter(part) for topic, part in numbers.items()}
    return observation_of(contract, [next(remaining[part.topic]) for part in contract.observation])


def observation_of(contract: Contract, numbers: Sequence[float]) -> Array:
    """Return the observation of these numbers: (Do,) float32.

    Raises:
        MessageError: if one is not finite.
    """
    values = np.array(numbers)
    if not are_finite(values):
        raise not_finite(contract, values)
    return values.astype(np.float32)


def is_finite(values: Array) -> Array:
    """Return which of some numbers are finite, also as float32."""
    finite: Array = np.abs(values) <= MAX_FLOAT32
    return finite


def are_finite(values: Array) -> bool:
    """Return whether all of some numbers are finite, also as float32."""
    return bool(np.abs(values).max(initial=0.0) <= MAX_FLOAT32)


def not_finite(contract: Contract, values: Array) -> MessageError:
    """Return the error for an observation (Do,) that holds NaN or infinity."""
    bad = contract.observation_names[int(np.flatnonzero(~is_finite(values))[0])]
    return MessageError(f"observation {bad!r} is not a finite number; the step is dropped, check its publisher")
