# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of every step, read from their bytes: the hot path.

``il_ros.core.messages`` says what a message means, and checks it. Making an object of it takes longer than all the
rest of a step, so that is done for the first message of a pattern only; of those that follow the numbers are read out
of the bytes, and they are written likewise.
"""

from __future__ import annotations

import abc
import itertools
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Pose
from rclpy.serialization import deserialize_message, serialize_message
from trajectory_msgs.msg import JointTrajectoryPoint

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.errors import MessageError
from il_ros.core.types import Array, Chunk, RobotState
from il_ros.recording.decode.diagnostics import decoded, record_bytes
from il_ros.ros import topics as topic_table
from il_ros.ros.cdr_template import CdrTemplate
from il_ros.ros.topics import Topic, message_class

T = TypeVar("T")
Numbers = Sequence[Any]
STAMP = ("header.stamp.sec", "header.stamp.nanosec")
SECOND_NS = 1_000_000_000
MOST = 64
"""Patterns of one topic that are looked for; if there are more, their messages are read as objects."""
Stamped = tuple[int, Any]
"""A stamp, ns, and what a message says beside it."""


def object_of(data: bytes, topic: Topic) -> Any:
    """The message of a topic with these bytes.

    Raises:
        MessageError: if they are none of its type.
    """
    try:
        return deserialize_message(data, message_class(topic.type_name))
    except (RuntimeError, MemoryError) as error:
        told = f"{topic.name}: {len(data)} bytes are no {topic.type_name}; check who publishes it"
        raise MessageError(told) from error


class Reader(Generic[T]):
    """Makes something of each message of a topic.

    Args:
        topic: the topic.
        of: what an object of a message says; raises ``MessageError`` if it is not sound.
    """

    def __init__(self, topic: Topic, of: Callable[[Any], T]) -> None:
        self.topic, self.of = topic, of

    def __call__(self, data: bytes) -> T:
        """What the message with these bytes says.

        Raises:
            MessageError: if it is not sound.
        """
        return self.of(self.object(data))

    def object(self, data: bytes) -> Any:
        """The message with these bytes.

        Raises:
            MessageError: if they are none of its type.
        """
        return object_of(data, self.topic)


Found = tuple[Sequence[str], Callable[[Numbers], T]]
"""Where the numbers are in which messages differ, and what these numbers say."""


class NumberReader(Reader[T]):
    """Reads messages that differ, most of the time, in some numbers alone.

    Every message is checked: as an object, or by comparing all of its bytes but these numbers with one that was
    accepted. What the numbers are is looked at in either case.

    Args:
        find: finds the numbers in an object of a message that was accepted.
        loose: whether other numbers than these do not matter.
        accepts: whether what a message says is sound, if that is told by other means than a ``MessageError``.
    """

    def __init__(
        self,
        topic: Topic,
        of: Callable[[Any], T],
        find: Callable[[Any], Found[T]],
        loose: bool,
        accepts: Callable[[T], bool] = lambda said: True,
    ) -> None:
        super().__init__(topic, of)
        self._find, self._loose, self._accepts, self._left = find, loose, accepts, MOST
        self._known: dict[int, list[tuple[CdrTemplate, Callable[[Numbers], T]]]] = {}
        """By the length of a message, the newest first."""

    def __call__(self, data: bytes) -> T:
        """As ``of`` of an object, without one if the pattern is known."""
        for pattern, make in self._known.get(len(data), ()):
            numbers = pattern.read(data)
            if numbers is not None:
                return make(numbers)
        message = self.object(data)
        told = self.of(message)
        if self._left and self._accepts(told):
            self._left -= 1
            self._learn(data, message)
        return told

    def _learn(self, data: bytes, message: Any) -> None:
        """Remember the pattern of a message that was accepted."""
        paths, make = self._find(message)
        try:
            pattern = CdrTemplate(data, self.topic.type_name, paths, self._loose)
        except KeyError:  # a type with a field that is neither text nor a number of a known size
            self._left = 0
        except (MessageError, ValueError, struct.error):  # text that is no UTF-8, or a number that stands there as text
            pass
        else:
            self._known.setdefault(len(data), []).insert(0, (pattern, make))


def whole(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    """Reads messages as objects; joint states of several publishers as one, see ``messages.JointStateMerger``."""
    if topic.type_name != messages.JOINT_STATE:
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
    """Read the numbers of the contract's observation, topic by topic; None where a message makes no step by itself."""
    topics = topic_table.observed(contract)
    return [_joints(contract, t) if messages.joints_of(contract, t.name) else _observed(contract, t) for t in topics]


def _observed(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    fields = [part.field for part in contract.observation if part.topic == topic.name]

    def of(message: Any) -> Stamped:
        return messages.stamp_ns(message), [messages.getter(path)(message) for path in fields]

    return NumberReader(topic, of, lambda _: ((*STAMP, *fields), _stamped), loose=True)


def _joints(contract: Contract, topic: Topic) -> Reader[Stamped | None]:
    """Of joint states, whoever publishes which of them; nearly always one publisher has them all."""
    fields = [part.field for part in contract.observation if part.topic == topic.name]
    joints = [messages.named_joint(path) for path in fields]
    parts = _Parts(contract, topic)

    def here(message: Any) -> list[int]:
        names = set(message.name)
        return [n for n, joint in enumerate(joints) if joint in names]

    def of(message: Any) -> Stamped | None:
        messages.check_joints(message)
        columns, stamp = here(message), messages.stamp_ns(message)
        return parts.add(columns, stamp, [messages.getter(fields[n])(message) for n in columns])

    def find(message: Any) -> Found[Stamped | None]:
        columns = here(message)
        paths = (*STAMP, *(fields[n] for n in columns))
        return paths, parts.add_all if len(columns) == len(fields) else lambda n: parts.add(columns, *_stamped(n))

    return NumberReader(topic, of, find, loose=True)


class _Parts:
    """The numbers of an observation's joints as they were told of last: ``messages.JointStateMerger`` of numbers."""

    def __init__(self, contract: Contract, topic: Topic) -> None:
        fields = [part.field for part in contract.observation if part.topic == topic.name]
        self._joints, self._stale_ns = [str(messages.named_joint(path)) for path in fields], contract.stale_ns
        self._numbers: Numbers = [math.nan] * len(fields)
        self._stamps: Sequence[int | None] = [None] * len(fields)
        self._all: Stamped | None = None
        """The last message, if it had all of them."""

    def add_all(self, numbers: Numbers) -> Stamped:
        """Take the stamp and the numbers of a message that has all joints: a step of its own."""
        self._all = numbers[0] * SECOND_NS + numbers[1], numbers[2:]
        return self._all

    def add(self, columns: Sequence[int], stamp_ns: int, numbers: Numbers) -> Stamped | None:
        """Take some of the numbers; returns the step that they make, if the first joint is one of them.

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


def joined(contract: Contract, parts: Mapping[str, Numbers]) -> Array:
    """The observation (Do,) float32 that the numbers of each topic make; see ``observed``.

    Raises:
        MessageError: if one of them is not finite.
    """
    numbers = {topic: iter(part) for topic, part in parts.items()}
    return messages.observation_of(contract, [next(numbers[part.topic]) for part in contract.observation])


Answer = tuple[int, Chunk | MessageError]
"""A stamp, ns, and the chunk that answers the observation of that time, or why it is none."""


def answers(contract: Contract, topic: Topic) -> Reader[Answer]:
    """Reads the chunks of a policy or an expert."""

    def checked(stamp: int, read: Callable[[], Chunk]) -> Answer:
        try:
            return stamp, read()
        except MessageError as error:
            return stamp, error

    def of(message: Any) -> Answer:
        return checked(messages.stamp_ns(message), lambda: messages.chunk_from(message, contract))

    def find(message: Any) -> Found[Answer]:
        names, author = list(message.joint_names), str(message.header.frame_id)
        shape = len(message.points), len(names)

        def make(numbers: Numbers) -> Answer:
            stamp, positions = _stamped(numbers)
            table = np.array(positions, dtype=np.float64).reshape(shape)
            return checked(stamp, lambda: messages.chunk_of(stamp, names, table, author, contract))

        return _trajectory(*shape), make

    return NumberReader(topic, of, find, loose=False, accepts=lambda answer: isinstance(answer[1], Chunk))


def commands(contract: Contract) -> Reader[tuple[int | None, Array]]:
    """Reads the stamp of commands, ns, if they have one, and the action."""

    def stamped(numbers: Numbers) -> tuple[int | None, Array]:
        stamp, values = _stamped(numbers)
        return stamp, messages.command_of(values, contract)

    def find(message: Any) -> Found[tuple[int | None, Array]]:
        paths = messages.command_paths(message, contract)
        if messages.has_stamp(contract):
            return (*STAMP, *paths), stamped
        return paths, lambda numbers: (None, messages.command_of(numbers, contract))

    topic = topic_table.command(contract)
    return NumberReader(topic, lambda message: messages.command_from(message, contract), find, loose=True)


class RecordReader(Reader[Record]):
    """Reads records of authority, which are text."""

    def __init__(self) -> None:
        super().__init__(topic_table.AUTHORITY, messages.record_from)

    def object(self, data: bytes) -> Any:
        """The message with these bytes."""
        return decoded(data, super().object)


def _stamped(numbers: Numbers) -> Stamped:
    return numbers[0] * SECOND_NS + numbers[1], numbers[2:]


def _stamp(stamp_ns: int) -> tuple[int, int]:
    return divmod(stamp_ns, SECOND_NS)


def _trajectory(rows: int, columns: int) -> list[str]:
    """The paths of a JointTrajectory's stamp and positions."""
    return [*STAMP, *(f"points.{i}.positions.{j}" for i in range(rows) for j in range(columns))]


class Writer(abc.ABC, Generic[T]):
    """Makes the bytes of messages."""

    @abc.abstractmethod
    def __call__(self, said: T) -> Any:
        """The bytes of the message that says this."""

    @abc.abstractmethod
    def message(self, said: T) -> Any:
        """The same as an object."""


class NumberWriter(Writer[T]):
    """Makes the bytes of messages that differ, most of the time, in some numbers alone."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._known: dict[Any, CdrTemplate] = {}

    def __call__(self, said: T) -> bytes:
        """Made of an object if the pattern is new."""
        key, numbers = self.numbers(said)
        if key not in self._known:
            if len(self._known) == MOST:
                self._known.clear()
            data = serialize_message(self.message(said))
            self._known[key] = CdrTemplate(data, self.topic.type_name, self.paths(said))
        return self._known[key].write(numbers)

    def object(self) -> Any:
        """An empty message."""
        return message_class(self.topic.type_name)()

    @abc.abstractmethod
    def numbers(self, said: T) -> tuple[Any, Numbers]:
        """What tells patterns from one another, and the numbers in which messages of one pattern differ."""

    @abc.abstractmethod
    def paths(self, said: T) -> Sequence[str]:
        """Where these numbers are."""


class ChunkWriter(NumberWriter[Chunk]):
    """Makes the chunks of a policy or an expert."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(topic_table.POLICY_ACTION)
        self._contract = contract

    def message(self, said: Chunk) -> Any:
        """A JointTrajectory."""
        made = self.object()
        messages.fill_chunk(made, said, self._contract, JointTrajectoryPoint)
        return made

    def numbers(self, said: Chunk) -> tuple[Any, Numbers]:
        """Stamp and table."""
        names, rows = messages.chunk_table(said, self._contract)
        return (said.author, len(rows), *names), [*_stamp(said.stamp_ns), *itertools.chain.from_iterable(rows)]

    def paths(self, said: Chunk) -> Sequence[str]:
        """Of the points, row by row."""
        names, rows = messages.chunk_table(said, self._contract)
        return _trajectory(len(rows), len(names))


@dataclass(frozen=True)
class Command:
    """What a command says."""

    stamp_ns: int
    action: Array
    """(Da,)"""
    ahead: Sequence[Array] = ()
    """The actions after it, for a JointTrajectory."""


class CommandWriter(NumberWriter[Command]):
    """Makes the commands of the gate."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(topic_table.command(contract))
        self._contract = contract
        self._stamped = messages.has_stamp(contract)

    def message(self, said: Command) -> Any:
        """One of the contract's type."""
        made = self.object()
        messages.fill_command(made, said.stamp_ns, said.action, self._contract, JointTrajectoryPoint, said.ahead)
        return made

    def numbers(self, said: Command) -> tuple[Any, Numbers]:
        """The stamp, if there is one, and the actions."""
        numbers = [number for action in (said.action, *said.ahead) for number in action.tolist()]
        return len(numbers), [*_stamp(said.stamp_ns), *numbers] if self._stamped else numbers

    def paths(self, said: Command) -> Sequence[str]:
        """Of the points if it is a trajectory, or of the components."""
        if said.ahead:
            return _trajectory(1 + len(said.ahead), len(said.action))
        paths = messages.command_paths(self.message(said), self._contract)
        return [*STAMP, *paths] if self._stamped else paths


class ReadingWriter(NumberWriter[RobotState]):
    """Makes the messages of one of the topics of a reading."""

    def message(self, said: RobotState) -> Any:
        """A JointState, a PoseStamped or a PoseArray."""
        made = {topic.name: message_class(topic.type_name)() for topic in topic_table.READING}
        messages.fill_reading(made, said, Pose)
        return made[self.topic.name]

    def numbers(self, said: RobotState) -> tuple[Any, Numbers]:
        """Stamp and numbers."""
        arrays = {
            "joint_states": (said.joint_positions, said.joint_velocities),
            "tool_pose": (said.tool_position, said.tool_quaternion),
            "objects": (said.objects,),
        }[self.topic.name]
        numbers = [number for array in arrays for number in array.ravel().tolist()]
        return (said.frame, said.joint_names, len(numbers)), [*_stamp(said.stamp_ns), *numbers]

    def paths(self, said: RobotState) -> Sequence[str]:
        """Of the stamp and of each number."""
        places = {
            "joint_states": [f"{what}.{i}" for what in ("position", "velocity") for i in range(len(said.joint_names))],
            "tool_pose": [*(f"pose.position.{c}" for c in "xyz"), *(f"pose.orientation.{c}" for c in "xyzw")],
            "objects": [f"poses.{i}.position.{c}" for i in range(len(said.objects)) for c in "xyz"],
        }
        return [*STAMP, *places[self.topic.name]]


class RecordWriter(Writer[Record]):
    """Makes the records of authority."""

    def __call__(self, said: Record) -> bytes:
        """Written as text."""
        return record_bytes(said)

    def message(self, said: Record) -> Any:
        """A DiagnosticArray."""
        made = DiagnosticArray()
        messages.fill_record(made, said, DiagnosticStatus, KeyValue)
        return made
