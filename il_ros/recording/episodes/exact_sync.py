# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exact-stamp synchronisation of several topics, for all messages of a bag at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Return what ``messages.ExactTimeSync`` makes of a contract's topics; ``columns`` hold ``paths`` of each."""
    parts = [merged(contract, topic, columns[topic]) for topic in contract.topics]
    stamps, order = complete(parts)
    values = np.empty((len(stamps), len(contract.observation)))
    for topic, part in zip(contract.topics, parts):
        mine = [n for n, component in enumerate(contract.observation) if component.topic == topic]
        values[:, mine] = part.values[latest(part, stamps, order)]
    every = stamps
    if not _are_in_step(parts) or any(isinstance(part, Merged) for part in parts):
        every = np.unique(np.concatenate([p.every_ns if isinstance(p, Merged) else p.stamps_ns for p in parts]))
    troubles = [part.refused for part in parts if part.refused is not None]
    first = min(troubles, key=lambda trouble: trouble[0])[1] if troubles else None
    return Observations(stamps, values, order, every, first)


def paths(contract: Contract, topic: str) -> list[str]:
    """Return the fields of a topic that an observation reads, in its order."""
    return [component.field for component in contract.observation if component.topic == topic]


def complete(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Return the stamps with a message of every topic, (T,), and the order of the message that completed each, (T,).

    A stamp that is overtaken by a later one which is complete sooner is none of them.
    """
    if _are_in_step(parts):
        return parts[0].stamps_ns, np.max([part.order for part in parts], axis=0)
    first = [np.unique(part.stamps_ns, return_index=True) for part in parts]
    stamps = first[0][0]
    for others, _ in first[1:]:
        stamps = np.intersect1d(stamps, others, assume_unique=True)
    orders = [part.order[index[np.searchsorted(own, stamps)]] for part, (own, index) in zip(parts, first)]
    order = np.max(orders, axis=0)  # (T,)
    by_order = order.argsort()
    in_time = stamps[by_order]
    newest = np.maximum.accumulate(np.concatenate(([-1], in_time)))[:-1]
    rows = np.sort(by_order[in_time > newest])
    return stamps[rows], order[rows]


def _are_in_step(parts: Sequence[Part]) -> bool:
    """Return whether each stamp occurs once on every topic, in order of time, as nearly always."""
    stamps = parts[0].stamps_ns
    is_increasing = bool((np.diff(stamps, prepend=-1) > 0).all())
    return is_increasing and all(np.array_equal(part.stamps_ns, stamps) for part in parts[1:])


def latest(part: Part, stamps: Array, order: Array) -> Array:
    """Return (T,) which of a topic's messages of each stamp came last and not after ``order``; there must be one."""
    if np.array_equal(part.stamps_ns, stamps):
        return np.arange(len(stamps))
    own, number = np.unique(part.stamps_ns, return_inverse=True)
    apart = int(part.order.max(initial=0)) + 1
    keys = number * apart + part.order  # a stamp's messages lie together, in their order
    by_key = keys.argsort()
    selected = np.searchsorted(own, stamps) * apart + np.minimum(order, apart - 1)
    rows: Array = by_key[np.searchsorted(keys[by_key], selected, side="right") - 1]
    return rows
