# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Readers of the topics that make an observation, whole or only the numbers that the contract names."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.messages import STAMP_FIELDS
from il_ros.core.topics import JOINT_STATE, Topic
from il_ros.ros.codecs.numbers import Layout, NumberReader, Numbers, Reader, Stamped, split_stamp
from il_ros.ros.message_types import observed_topics


def whole(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    """Return a reader of message objects; joint states of several publishers are merged, see ``JointStateMerger``."""
    if topic.type_name != JOINT_STATE:
        return Reader(topic, lambda message: (messages.stamp_ns(message), message))
    merger = messages.JointStateMerger(messages.joints_of(contract, topic.name), contract.stale_ns)

    def of(message: Any) -> Stamped | None:
        stamp = messages.stamp_ns(message)
        if merger.add(message, stamp):
            return stamp, merger.merged(stamp)
        merger.check(stamp)
        return None

    return Reader(topic, of)


def observed(contract: Contract) -> list[Reader[Stamped | None]]:
    """Return readers of the numbers of the contract's observation, one per topic.

    A reader returns None where a message makes no step by itself.

    Raises:
        ConfigError: if a topic of the contract has no header, or not the fields that it names.
    """
    return [
        _joints(contract, topic) if messages.joints_of(contract, topic.name) else _fields(contract, topic)
        for topic in observed_topics(contract)
    ]


def _fields(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    fields = messages.observation_fields(contract, topic.name)

    def of(message: Any) -> Stamped:
        return messages.stamp_ns(message), [messages.getter(path)(message) for path in fields]

    return NumberReader(topic, of, lambda _: _parts(fields), loose=True)


def _parts(fields: Sequence[str]) -> Layout[Stamped]:
    """Return the paths of stamp and fields, or of what these are made of, and what makes them of the numbers there."""
    sources = [messages.field_sources(path) for path in fields]
    paths = (*STAMP_FIELDS, *itertools.chain(*sources))
    if all(own == (path,) for own, path in zip(sources, fields)):
        return paths, split_stamp
    ends = list(itertools.accumulate(map(len, sources)))
    spans = [(path, end - len(own), end) for path, own, end in zip(fields, sources, ends)]

    def make(numbers: Numbers) -> Stamped:
        stamp, parts = split_stamp(numbers)
        return stamp, [float(messages.field_value(path, parts[begin:end])) for path, begin, end in spans]

    return paths, make


def _joints(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    """Return a reader of joint states, whoever publishes which of them; nearly always one publisher has them all."""
    fields = messages.observation_fields(contract, topic.name)
    joints = [str(messages.named_joint(path)) for path in fields]
    merger = _NumberMerger(joints, contract.stale_ns)

    def columns_of(message: Any) -> list[int]:
        names = set(message.name)
        return [n for n, joint in enumerate(joints) if joint in names]

    def of(message: Any) -> Stamped | None:
        messages.check_joints(message)
        columns, stamp = columns_of(message), messages.stamp_ns(message)
        return merger.add(columns, stamp, [messages.getter(fields[n])(message) for n in columns])

    def find(message: Any) -> Layout[Stamped | None]:
        columns = columns_of(message)
        paths, make = _parts([fields[n] for n in columns])
        if paths != (*STAMP_FIELDS, *fields):
            return paths, lambda numbers: merger.add(columns, *make(numbers))
        return paths, merger.add_all

    return NumberReader(topic, of, find, loose=True)


class _NumberMerger:
    """Holds the newest numbers of an observation's joints: ``messages.JointStateMerger`` of numbers."""

    def __init__(self, joints: Sequence[str], stale_ns: int) -> None:
        self._joints, self._stale_ns = joints, stale_ns
        self._numbers: Numbers = [math.nan] * len(joints)
        self._stamps: Sequence[int | None] = [None] * len(joints)
        self._all: Stamped | None = None
        """The last message, if it had all of them."""

    def add_all(self, numbers: Numbers) -> Stamped:
        """Take the stamp and the numbers of a message that has all joints: a step of its own."""
        self._all = split_stamp(numbers)
        return self._all

    def add(self, columns: Sequence[int], stamp_ns: int, numbers: Numbers) -> Stamped | None:
        """Take the numbers of some joints; return all of them if the message makes a step.

        Raises:
            MessageError: if a joint is missing, or too old.
        """
        if self._all is not None:
            self._stamps, self._numbers = [self._all[0]] * len(self._joints), self._all[1]
            self._all = None
        self._numbers, self._stamps = list(self._numbers), list(self._stamps)
        for n, number in zip(columns, numbers):
            self._numbers[n], self._stamps[n] = number, stamp_ns
        ages = {joint: then if then is None else stamp_ns - then for joint, then in zip(self._joints, self._stamps)}
        messages.check_ages(ages, self._stale_ns)
        return (stamp_ns, self._numbers) if 0 in columns else None
