# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The messages of every step, read from their bytes: the hot path.

What a message says is told by ``il_ros.messages``, and checked there. Making an object of it takes longer than all the
rest of a step, so that is done for the first message of a pattern only; of those that follow the numbers are read out
of the bytes. Chunks, which are long, are written likewise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros import messages
from il_ros.episode import Record
from il_ros.errors import MessageError
from il_ros.nodes import interface
from il_ros.nodes.interface import Topic, message_class
from il_ros.nodes.pattern import Pattern
from il_ros.recording.diagnostics import decoded
from il_ros.signals import Array, Chunk
from il_ros.specs import Contract

T = TypeVar("T")
Numbers = Sequence[Any]
STAMP = ("header.stamp.sec", "header.stamp.nanosec")
SECOND_NS = 1_000_000_000
MOST = 64
"""Patterns of one topic that are looked for; if there are more, their messages are read as objects."""
Stamped = tuple[int, Any]
"""A stamp, ns, and what a message says beside it."""


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
        """The message with these bytes."""
        return deserialize_message(data, message_class(self.topic.type_name))


Found = tuple[Sequence[str], Callable[[Numbers], T]]
"""Where the numbers are in which messages differ, and what these numbers say."""


class NumberReader(Reader[T]):
    """Reads messages that differ, most of the time, in some numbers alone.

    Args:
        find: finds these in an object of a message.
        loose: whether the other numbers do not matter.
    """

    def __init__(self, topic: Topic, of: Callable[[Any], T], find: Callable[[Any], Found[T]], loose: bool) -> None:
        super().__init__(topic, of)
        self._find, self._loose, self._left = find, loose, MOST
        self._known: dict[int, tuple[Pattern, Callable[[Numbers], T]]] = {}

    def __call__(self, data: bytes) -> T:
        """As ``of`` of an object, without one if the pattern is known."""
        if len(data) in self._known:
            pattern, make = self._known[len(data)]
            numbers = pattern.read(data)
            if numbers is not None:
                return make(numbers)
        message = self.object(data)
        told = self.of(message)
        if self._left:
            self._left -= 1
            self._learn(data, message)
        return told

    def _learn(self, data: bytes, message: Any) -> None:
        """Remember the pattern of a message."""
        paths, make = self._find(message)
        try:
            self._known[len(data)] = Pattern(data, self.topic.type_name, paths, self._loose), make
        except KeyError:  # a type with a field that is neither text nor a number of a known size
            self._left = 0


def whole(topic: Topic) -> Reader[Stamped]:
    """Reads messages as objects."""
    return Reader(topic, lambda message: (messages.stamp_ns(message), message))


def observed(contract: Contract) -> list[Reader[Stamped]]:
    """Read the numbers of the contract's observation, topic by topic."""
    return [_observed(contract, topic) for topic in interface.observed(contract)]


def _observed(contract: Contract, topic: Topic) -> Reader[Stamped]:
    fields = [part.field for part in contract.observation if part.topic == topic.name]

    def of(message: Any) -> Stamped:
        return messages.stamp_ns(message), [messages.getter(path)(message) for path in fields]

    return NumberReader(topic, of, lambda _: ((*STAMP, *fields), _stamped), loose=True)


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

    return NumberReader(topic, of, find, loose=False)


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

    topic = interface.command(contract)
    return NumberReader(topic, lambda message: messages.command_from(message, contract), find, loose=True)


class RecordReader(Reader[Record]):
    """Reads records of authority, which are text."""

    def __init__(self) -> None:
        super().__init__(interface.AUTHORITY, messages.record_from)

    def object(self, data: bytes) -> Any:
        """The message with these bytes."""
        return decoded(data, super().object)


def _stamped(numbers: Numbers) -> Stamped:
    return numbers[0] * SECOND_NS + numbers[1], numbers[2:]


def _trajectory(rows: int, columns: int) -> list[str]:
    """The paths of a JointTrajectory's stamp and positions."""
    return [*STAMP, *(f"points.{i}.positions.{j}" for i in range(rows) for j in range(columns))]


class ChunkWriter:
    """Makes the bytes of chunks."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[tuple[Any, ...], Pattern] = {}

    def __call__(self, chunk: Chunk) -> Any:
        """The bytes of the JointTrajectory that says this."""
        names, rows = messages.chunk_table(chunk, self._contract)
        key = chunk.author, len(rows), *names
        if key not in self._known:
            if len(self._known) == MOST:
                self._known.clear()
            data = serialize_message(self.message(chunk))
            self._known[key] = Pattern(data, interface.POLICY_ACTION.type_name, _trajectory(len(rows), len(names)))
        return self._known[key].write([*divmod(chunk.stamp_ns, SECOND_NS), *itertools.chain.from_iterable(rows)])

    def message(self, chunk: Chunk) -> JointTrajectory:
        """The same as an object."""
        made = JointTrajectory()
        messages.fill_chunk(made, chunk, self._contract, JointTrajectoryPoint)
        return made
