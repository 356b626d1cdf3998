# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Readers and writers of action chunks, of commands and of records of authority."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from trajectory_msgs.msg import JointTrajectoryPoint

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.errors import MessageError
from il_ros.core.messages import STAMP_FIELDS, CommandPart
from il_ros.core.topics import Topic
from il_ros.core.types import Array, Chunk
from il_ros.recording.decode.diagnostics import decoded, record_bytes
from il_ros.ros.codecs.numbers import Layout, NumberReader, Numbers, NumberWriter, Reader, Writer, split_stamp

Answer = tuple[int, Chunk | MessageError]
"""A stamp, ns, and the chunk that answers the observation of that time, or why it is none."""
StampedAction = tuple[int | None, Array]
"""The stamp of a command, ns, if it has one, and the action."""


def answers(contract: Contract, topic: Topic) -> Reader[Answer]:
    """Return a reader of the chunks of a policy or an expert, by the topic."""
    is_expert = topic == topics.EXPERT_ACTION

    def checked(stamp: int, read: Callable[[], Chunk]) -> Answer:
        try:
            return stamp, read()
        except MessageError as error:
            return stamp, error

    def of(message: Any) -> Answer:
        return checked(messages.stamp_ns(message), lambda: messages.chunk_from(message, contract, is_expert))

    def find(message: Any) -> Layout[Answer]:
        names, author = list(message.joint_names), str(message.header.frame_id)
        shape = len(message.points), len(names)

        def make(numbers: Numbers) -> Answer:
            stamp, positions = split_stamp(numbers)
            table = np.array(positions, dtype=np.float64).reshape(shape)
            return checked(stamp, lambda: messages.chunk_of(stamp, names, table, author, contract, is_expert))

        return _trajectory(*shape), make

    return NumberReader(topic, of, find, loose=False, accepts=lambda answer: isinstance(answer[1], Chunk))


def commands(contract: Contract, part: CommandPart | None = None) -> Reader[StampedAction]:
    """Return a reader of the stamp of commands, ns, if they have one, and of the action.

    Of a command of several messages it reads one ``part``, by default the arm's, and the action is that part of it.
    """
    part = part or messages.command_parts(contract)[-1]
    contract = part.contract

    def stamped(numbers: Numbers) -> StampedAction:
        stamp, values = split_stamp(numbers)
        return stamp, messages.command_of(values, contract)

    def find(message: Any) -> Layout[StampedAction]:
        paths = messages.command_paths(message, contract)
        if messages.has_stamp(contract):
            return (*STAMP_FIELDS, *paths), stamped
        return paths, lambda numbers: (None, messages.command_of(numbers, contract))

    return NumberReader(part.topic, lambda message: messages.command_from(message, contract), find, loose=True)


def _trajectory(rows: int, columns: int) -> list[str]:
    """Return the paths of a JointTrajectory's stamp and positions."""
    return [*STAMP_FIELDS, *(f"points.{i}.positions.{j}" for i in range(rows) for j in range(columns))]


class ChunkWriter(NumberWriter[Chunk]):
    """Makes the chunks of a policy or an expert."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(topics.POLICY_ACTION)
        self._contract = contract

    def message(self, content: Chunk) -> Any:
        """Return a JointTrajectory."""
        message = self.object()
        messages.fill_chunk(message, content, self._contract, JointTrajectoryPoint)
        return message

    def numbers(self, content: Chunk) -> tuple[Any, Numbers]:
        """Return author and shape as the key, and stamp and table."""
        names, rows = messages.chunk_table(content, self._contract)
        numbers = [*messages.seconds(content.stamp_ns), *itertools.chain.from_iterable(rows)]
        return (content.author, len(rows), *names), numbers

    def paths(self, content: Chunk) -> Sequence[str]:
        """Return the paths of the points, row by row."""
        names, rows = messages.chunk_table(content, self._contract)
        return _trajectory(len(rows), len(names))


@dataclass(frozen=True)
class Command:
    """The content of a command."""

    stamp_ns: int
    action: Array
    """(Da,)"""
    ahead: Sequence[Array] = ()
    """The actions after it, for a JointTrajectory."""


class CommandWriter(NumberWriter[Command]):
    """Makes the commands of the gate: of several messages one ``part``, by default the arm's."""

    def __init__(self, contract: Contract, part: CommandPart | None = None) -> None:
        part = part or messages.command_parts(contract)[-1]
        super().__init__(part.topic)
        self._contract, self._columns = part.contract, part.columns
        self._has_stamp = messages.has_stamp(part.contract)
        self._goes_ahead = part.contract.points == contract.points  # a gripper of its own does not

    def message(self, content: Command) -> Any:
        """Return a message of the contract's type."""
        message = self.object()
        action, *ahead = self._rows(content)
        messages.fill_command(message, content.stamp_ns, action, self._contract, JointTrajectoryPoint, ahead)
        return message

    def numbers(self, content: Command) -> tuple[Any, Numbers]:
        """Return their count as the key, and the stamp, if there is one, and the actions."""
        numbers = [number for action in self._rows(content) for number in action.tolist()]
        stamp = messages.seconds(content.stamp_ns) if self._has_stamp else ()
        return len(numbers), [*stamp, *numbers]

    def paths(self, content: Command) -> Sequence[str]:
        """Return the paths of the points if it is a trajectory, or of the components."""
        rows = self._rows(content)
        if len(rows) > 1:
            return _trajectory(len(rows), len(rows[0]))
        paths = messages.command_paths(self.message(content), self._contract)
        return [*STAMP_FIELDS, *paths] if self._has_stamp else paths

    def _rows(self, content: Command) -> list[Array]:
        """Return this part of the actions."""
        actions = (content.action, *content.ahead) if self._goes_ahead else (content.action,)
        return [action[self._columns] for action in actions]


class RecordReader(Reader[Record]):
    """Reads records of authority, which are text."""

    def __init__(self) -> None:
        super().__init__(topics.AUTHORITY, messages.record_from)

    def object(self, data: bytes) -> Any:
        """Return the message with these bytes."""
        return decoded(data, super().object)


class RecordWriter(Writer[Record]):
    """Makes the records of authority."""

    def __call__(self, content: Record) -> bytes:
        """Return the bytes; they are text."""
        return record_bytes(content)

    def message(self, content: Record) -> Any:
        """Return a DiagnosticArray."""
        message = DiagnosticArray()
        messages.fill_record(message, content, DiagnosticStatus, KeyValue)
        return message
