# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Commands of the contract's type: JointTrajectory, TwistStamped or Float64MultiArray, to read and to fill."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.messages.fields import getter
from il_ros.core.messages.headers import seconds, set_stamp, stamp_ns
from il_ros.core.types import Array


def fill_command(
    message: Any, stamp: int, action: Array, contract: Contract, point: type[Any], ahead: Sequence[Array] = ()
) -> None:
    """Write one action into a command of the contract's type; ``ahead`` are those after it, for a JointTrajectory."""
    if not has_stamp(contract):
        message.data = array("d", action.tolist())
        return
    set_stamp(message, stamp)
    if contract.command_type.endswith("JointTrajectory"):
        message.joint_names = list(contract.action_names)
        message.points = [point() for _ in range(1 + len(ahead))]
        for i, (element, values) in enumerate(zip(message.points, (action, *ahead)), 1):
            element.positions = array("d", values.tolist())
            element.time_from_start.sec, element.time_from_start.nanosec = seconds(i * contract.step_ns)
        return
    message.header.frame_id = contract.frame
    for part, value in zip(contract.action, action.tolist()):
        *parents, leaf = part.field.split(".")
        target = message
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, leaf, value)


def command_from(message: Any, contract: Contract) -> tuple[int | None, Array]:
    """Read ``(stamp_ns, action)`` of a command; the stamp is None for a Float64MultiArray, which has none.

    Of a trajectory it is the first point: the others are for when no command follows.

    Raises:
        MessageError: if the command is not the contract's, or is not finite.
    """
    stamp = stamp_ns(message) if has_stamp(contract) else None
    check_frame(message, contract)
    return stamp, command_of([getter(path)(message) for path in command_paths(message, contract)], contract)


def check_frame(message: Any, contract: Contract) -> None:
    """Raise if a TwistStamped is in another frame than the contract's; one that names no frame is taken to be in it.

    Raises:
        MessageError: naming both frames.
    """
    if contract.frame and contract.command_type.endswith("TwistStamped"):
        frame = str(message.header.frame_id)
        if frame not in ("", contract.frame):
            raise MessageError(f"command is in frame {frame!r}; turn it into the contract's, {contract.frame!r}")


def has_stamp(contract: Contract) -> bool:
    """Return whether a command of the contract's type has the stamp of the observation that it answers."""
    return not contract.command_type.endswith("Float64MultiArray")


def command_paths(message: Any, contract: Contract) -> list[str]:
    """Return the field paths of the action's components in a command.

    Raises:
        MessageError: if the command is not the contract's.
    """
    if not has_stamp(contract):
        return [f"data.{n}" for n in range(len(message.data))]
    if not contract.command_type.endswith("JointTrajectory"):
        return [part.field for part in contract.action]
    names = list(message.joint_names)
    if sorted(names) != sorted(contract.action_names):
        raise MessageError(f"command names {sorted(names)}; the contract's action is {sorted(contract.action_names)}")
    if not message.points or any(len(point.positions) != len(names) for point in message.points):
        raise MessageError(f"command has no points, or one without {len(names)} positions; send one position a name")
    return [f"points.0.positions.{names.index(n)}" for n in contract.action_names]


def command_of(values: Sequence[float], contract: Contract) -> Array:
    """Return the action (Da,) of the numbers of a command.

    Raises:
        MessageError: if they are too few or too many, or one is not finite.
    """
    if len(values) != len(contract.action) or not all(map(math.isfinite, values)):
        raise MessageError(f"command {list(values)} is not {len(contract.action)} finite numbers; it is refused")
    return np.array(values, dtype=np.float64)
