# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Action chunks: JointTrajectory messages on ``policy/action`` and ``expert/action``, to read and to fill."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.messages.headers import nanoseconds, seconds, set_stamp, stamp_ns
from il_ros.core.messages.observations import are_finite
from il_ros.core.types import Array, Chunk, PolicyUncertainty

ENGAGE = "engage"
"""A component that an expert may add to a chunk: 1 while they ask to drive, 0 when they let go, -1 when contact with
their device was lost."""
EXECUTE = "execute_steps"
"""A component that a policy may add to its chunk: how many of its rows are to be executed before a newer chunk."""
DOUBTS = tuple(field.name for field in dataclasses.fields(PolicyUncertainty))
"""Components that a policy may add to its chunk: its uncertainty."""


def fill_chunk(message: Any, chunk: Chunk, contract: Contract, point: type[Any]) -> None:
    """Write a chunk into a JointTrajectory; ``point`` makes its elements. The author is sent as ``frame_id``."""
    set_stamp(message, chunk.stamp_ns)
    message.header.frame_id = chunk.author
    message.joint_names, rows = chunk_table(chunk, contract)
    message.points = [point() for _ in rows]
    for i, (element, row) in enumerate(zip(message.points, rows)):
        element.positions = array("d", row)
        element.time_from_start.sec, element.time_from_start.nanosec = seconds(i * contract.step_ns)


def chunk_table(chunk: Chunk, contract: Contract) -> tuple[list[str], list[list[float]]]:
    """Return the column names and the rows of a chunk; one without actions has one row, for its other components."""
    more = {ENGAGE: 1.0 if chunk.engaged else -1.0 if chunk.lost else 0.0}
    more |= {name: value for name, value in vars(chunk.doubts).items() if not math.isnan(value)}
    more |= {EXECUTE: float(chunk.execute)} if chunk.execute else {}
    if not len(chunk.actions):
        return [*more], [[*more.values()]]
    return [*contract.action_names, *more], [[*row, *more.values()] for row in chunk.actions.tolist()]


def chunk_from(message: Any, contract: Contract, is_expert: bool = False) -> Chunk:
    """Read a chunk; a message without the ``engage`` component asks to drive, as in twist_mux.

    NaN leaves a gripper as it is, if an expert sends it.

    Raises:
        MessageError: if the names are not the contract's, a row has another number of values than there are names, a
            number is not finite, or the points are not one control step apart.
    """
    names, points = list(message.joint_names), list(message.points)
    _check_names(names, contract)
    _check_points(points, len(names), contract.step_ns)
    table = np.array([p.positions for p in points], dtype=np.float64).reshape(len(points), len(names))
    return chunk_of(stamp_ns(message), names, table, str(message.header.frame_id), contract, is_expert)


def chunk_of(
    stamp: int, names: Sequence[str], table: Array, author: str, contract: Contract, is_expert: bool = False
) -> Chunk:
    """Return the chunk of a table (Ta, N) of numbers with these N column names; see ``chunk_from``.

    Raises:
        MessageError: if a number is not finite.
    """
    if not are_finite(table) and not (is_expert and _are_as_they_are(names, table, contract)):
        raise MessageError("chunk holds NaN or infinity; it is refused, check the network and its normaliser")
    engage = float(table[0, names.index(ENGAGE)]) if ENGAGE in names else 1.0
    doubts = PolicyUncertainty(**{name: float(table[0, names.index(name)]) for name in DOUBTS if name in names})
    required = contract.action_names
    actions = table[:, [names.index(n) for n in required]] if required[0] in names else np.empty((0, len(required)))
    execute = table[0, names.index(EXECUTE)] if EXECUTE in names else 0.0
    steps = int(min(max(execute, 0.0), len(actions)))
    return Chunk(stamp, actions, author, engage > 0.5, doubts, lost=engage < -0.5, execute=steps)


def _are_as_they_are(names: Sequence[str], table: Array, contract: Contract) -> bool:
    """Return whether nothing but NaN in grippers' columns is not finite."""
    is_free = np.isnan(table) & np.isin(names, contract.grippers)
    return are_finite(np.where(is_free, 0.0, table))


def _check_names(names: Sequence[str], contract: Contract) -> None:
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise MessageError(f"chunk names {', '.join(twice)} more than once; name each component once")
    required, given = set(contract.action_names), set(names) - {ENGAGE, EXECUTE, *DOUBTS}
    if given != required and (given or ENGAGE not in names):
        raise MessageError(f"chunk names {sorted(given)}; the contract's action is {sorted(required)}")


def _check_points(points: Sequence[Any], width: int, step_ns: int) -> None:
    if not points:
        raise MessageError("chunk has no points; send at least one, or stop publishing to be silent")
    if any(len(point.positions) != width for point in points):
        raise MessageError(f"chunk has a point whose positions are not {width} numbers; send one a name")
    times = [nanoseconds(point.time_from_start.sec, point.time_from_start.nanosec) for point in points]
    for i, at in enumerate(times):
        if abs(at - i * step_ns) > step_ns // 2 and any(times):  # all zero: the publisher does not set them
            raise MessageError(f"chunk point {i} is at {at / 1e9:.3f} s; points must be {step_ns / 1e9:g} s apart")
