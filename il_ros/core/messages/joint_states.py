# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Joint states of one publisher or of several, merged by the names of the joints."""

from __future__ import annotations

import copy
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.messages.fields import named_joint
from il_ros.core.messages.observations import observation_fields
from il_ros.core.topics import JOINT_STATE

MAX_SOURCES = 16
"""Publishers of one topic that are distinguished by the joints that they name; of more, the oldest are forgotten."""
COLUMNS = ("position", "velocity", "effort")


def joints_of(contract: Contract, topic: str) -> tuple[str, ...]:
    """Return the joints of a topic that the contract's observation names, in its order; the first one makes a step.

    There are none unless it is a topic of joint states all of whose fields name a joint.
    """
    joints = [named_joint(path) for path in observation_fields(contract, topic)]
    if contract.topics.get(topic) != JOINT_STATE or None in joints:
        return ()
    return tuple(dict.fromkeys(joint for joint in joints if joint is not None))


def check_joints(message: Any) -> None:
    """Raise if a JointState does not say which number belongs to which joint.

    Raises:
        MessageError: if it names no joint or one twice, or has another number of values than of names.
    """
    names = message.name
    count = len(set(names))
    if not count or count < len(names):
        named = ", ".join(names) or "no joint"
        raise MessageError(f"joint states name {named}; their publisher must name each joint once")
    for column in COLUMNS:
        values = len(getattr(message, column, ()))
        if values not in (0, count):
            raise MessageError(f"joint states have {count} names and {values} numbers of {column}; send one a name")


def check_ages(ages_ns: Mapping[str, int | None], stale_ns: int) -> None:
    """Raise if a joint was never received, or was received too long before (or after) the others.

    Args:
        ages_ns: how much older each joint is than the newest message; None for one that was never received.
        stale_ns: the greatest age.

    Raises:
        MessageError: naming the joint, its age and the limit.
    """
    for joint, age_ns in ages_ns.items():
        if age_ns is None:
            raise MessageError(f"joint {joint!r} is not in the joint states; start its publisher, or check its name")
        if abs(age_ns) > stale_ns:
            raise MessageError(
                f"joint {joint!r} is {age_ns / 1e9:.3f} s older than the newest; {stale_ns / 1e9:g} s are allowed: "
                "check its publisher and its clock, or raise the contract's external: stale_s"
            )


class JointStateMerger:
    """Merges the joints of one topic, whoever publishes them: an arm and its gripper, or two arms.

    The last message of each publisher counts; of each joint, the last message that names it.

    Args:
        joints: the required joints, for example ``joints_of`` a contract; a message that contains the first of them
            makes a step. Without any, every message makes one.
        stale_ns: the greatest age of a joint, by the clock of the times that are passed in.
    """

    def __init__(self, joints: Sequence[str], stale_ns: int) -> None:
        self._joints, self._required, self._stale_ns = tuple(joints), frozenset(joints), stale_ns
        self._latest: dict[tuple[str, ...], tuple[int, Any]] = {}
        """Time and message of the last message with these joints, in the order of reception."""

    def add(self, message: Any, time_ns: int) -> bool:
        """Store a message of ``time_ns``; return whether it makes a step.

        Raises:
            MessageError: if it names no joint or one twice, or has another number of values than of names.
        """
        check_joints(message)
        names = tuple(message.name)
        self._latest.pop(names, None)
        self._latest[names] = time_ns, message
        if len(self._latest) > MAX_SOURCES:
            self._latest.pop(next(iter(self._latest)))
        return not self._joints or self._joints[0] in names

    def ages_ns(self, now_ns: int) -> dict[str, int | None]:
        """Return the age of each joint, ns; None for a required one that was never received."""
        times = {name: time_ns for names, (time_ns, _) in self._latest.items() for name in names}
        return {name: now_ns - times[name] if name in times else None for name in (*self._joints, *times)}

    def check(self, now_ns: int) -> None:
        """Raise unless all required joints are fresh.

        Raises:
            MessageError: if one was never received or is too old, naming it and its age.
        """
        ages = self.ages_ns(now_ns)
        check_ages({joint: ages[joint] for joint in self._joints}, self._stale_ns)

    def merged(self, now_ns: int) -> Any:
        """Return all joints at ``now_ns`` in one message of the type, and with the header, of the last one.

        A joint that is too old is left out, unless it is required. Where a publisher sends no velocities or efforts,
        those of its joints are NaN.

        Raises:
            MessageError: as ``check``; or if all joints are too old.
        """
        if len(self._latest) == 1:  # nearly always
            ((names, (time_ns, message)),) = self._latest.items()
            if time_ns == now_ns and self._required.issubset(names):
                return message
        self.check(now_ns)
        fresh = [message for time_ns, message in self._latest.values() if abs(now_ns - time_ns) <= self._stale_ns]
        if not fresh:
            raise MessageError(f"no joint states came for {self._stale_ns / 1e9:g} s; start their publisher")
        return fresh[0] if len(fresh) == 1 else _merge(fresh)


def _merge(messages: Sequence[Any]) -> Any:
    """Return one JointState of several; a later one overrides, and the joints of the last come first."""
    merged = copy.copy(messages[-1])
    merged.name = list(dict.fromkeys(name for message in reversed(messages) for name in message.name))
    for column in COLUMNS:
        known = {name: value for m in messages for name, value in zip(m.name, getattr(m, column, ()))}
        setattr(merged, column, array("d", [known.get(name, math.nan) for name in merged.name] if known else []))
    return merged
