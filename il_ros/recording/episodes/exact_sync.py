# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Time synchronization of several topics by exact stamp, for all messages of a bag at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.types import Array
from il_ros.recording.decode.field_columns import FieldColumns


@dataclass(frozen=True)
class Observations:
    """The observations of a bag, as the live policy would have joined them; row t of the arrays is the same stamp."""

    stamps_ns: Array
    """(T,) int64, strictly increasing."""
    values: Array
    """(T, Do) float64; NaN where a message lacks the field."""
    order: Array
    """(T,) int64, of the message that completed the observation."""
    all_stamps_ns: Array
    """(S,) int64, increasing: every stamp of any of the topics."""
    refused: MessageError | None = None
    """What is wrong with the first message that lacks a field, if one does."""

    @property
    def is_sound(self) -> Array:
        """(T,) bool, where all values are finite numbers."""
        return np.asarray(messages.is_finite(self.values).all(axis=1))


@dataclass(frozen=True)
class Merged:
    """The steps that joint states of several publishers make, as ``messages.JointStateMerger`` makes them; (n,) rows.

    Its fields are those of ``FieldColumns``, of the messages that make a step.
    """

    stamps_ns: Array
    values: Array
    """(n, F)"""
    order: Array
    refused: tuple[int, MessageError] | None
    every_ns: Array
    """The stamps of all messages that should have made a step, also where a joint was missing."""


Part = FieldColumns | Merged


def merged(contract: Contract, topic: str, columns: FieldColumns) -> Part:
    """Return the columns of a topic of the contract so that each message has every field."""
    if columns.refused is None or not messages.joints_of(contract, topic):
        return columns  # nearly always
    has, malformed = columns.has, columns.is_malformed
    count, fields = has.shape
    latest_of = np.maximum.accumulate(np.where(has, np.arange(count)[:, None], -1), axis=0)  # (n, F)
    stamps, values = columns.stamps_ns, columns.values[latest_of, np.arange(fields)]
    ages = stamps[:, None] - stamps[latest_of]
    is_stale = (latest_of < 0) | (np.abs(ages) > contract.stale_ns)
    steps, incomplete = has[:, 0], is_stale.any(axis=1)
    sound = steps & ~incomplete & ~malformed  # live, one that is malformed changes nothing
    refused = None
    for row in np.flatnonzero(malformed | (steps & incomplete))[:1].tolist():
        refused = int(columns.order[row]), _trouble(contract, columns, row, latest_of, ages)
    every = stamps[malformed | steps]
    return Merged(stamps[sound], values[sound], columns.order[sound], refused, every)


def _trouble(contract: Contract, columns: FieldColumns, row: int, latest_of: Array, ages: Array) -> MessageError:
    """Return why the message of a row makes no step."""
    if columns.is_malformed[row] and columns.malformed is not None:
        return columns.malformed
    joints = [str(messages.named_joint(path)) for path in columns.paths]
    age_of = {j: None if last < 0 else int(age) for j, last, age in zip(joints, latest_of[row], ages[row])}
    try:
        messages.check_ages(age_of, contract.stale_ns)
    except MessageError as error:
        return error
    raise AssertionError("a row that lacks nothing was refused")


def joined(contract: Contract, columns: Mapping[str, FieldColumns]) -> Observations:
    """Return what ``messages.ExactTimeSync`` makes of a contract's topics.

    Args:
        contract: names topics and fields.
        columns: of each topic, those of its ``messages.observation_fields``.
    """
    parts = [merged(contract, topic, columns[topic]) for topic in contract.topics]
    own = [part.stamps_ns for part in parts]
    stamps, order, rows = messages.exact_join(own, [part.order for part in parts])
    values = np.empty((len(stamps), len(contract.observation)))
    for topic, part, selected in zip(contract.topics, parts, rows):
        values[:, messages.observation_columns(contract, topic)] = part.values[selected]
    every = stamps
    if not messages.are_in_step(own) or any(isinstance(part, Merged) for part in parts):
        every = np.unique(np.concatenate([p.every_ns if isinstance(p, Merged) else p.stamps_ns for p in parts]))
    troubles = [part.refused for part in parts if part.refused is not None]
    first = min(troubles, key=lambda trouble: trouble[0])[1] if troubles else None
    return Observations(stamps, values, order, every, first)
