# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CDR readers and writers for live messages that mostly differ in some numbers alone: the hot path.

``il_ros.core.messages`` defines what a message means and checks it. Making an object of it takes longer than the rest
of a step, so that is done only for the first message of a pattern. Of those that follow, the numbers are read from the
bytes, and they are written likewise.
"""

from __future__ import annotations

import abc
import struct
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from rclpy.serialization import deserialize_message, serialize_message

from il_ros.core.errors import MessageError
from il_ros.core.messages.headers import SECOND_NS
from il_ros.core.topics import Topic
from il_ros.ros.codecs.cdr_template import CdrTemplate
from il_ros.ros.message_types import message_class

T = TypeVar("T")
Numbers = Sequence[Any]
MAX_TEMPLATES = 64
"""Patterns of one topic that are remembered; if there are more, their messages are read as objects."""
Stamped = tuple[int, Any]
"""A stamp, ns, and the content of a message."""
Layout = tuple[Sequence[str], Callable[[Numbers], T]]
"""The paths of the numbers in which messages differ, and a function that makes the content of these numbers."""


def object_of(data: bytes, topic: Topic) -> Any:
    """Return the message of a topic with these bytes.

    Raises:
        MessageError: if they are none of its type.
    """
    try:
        return deserialize_message(data, message_class(topic.type_name))
    except (RuntimeError, MemoryError) as error:
        raise MessageError(
            f"{topic.name}: {len(data)} bytes are no {topic.type_name}; check who publishes it"
        ) from error


def split_stamp(numbers: Numbers) -> Stamped:
    """Return the stamp, ns, and the other numbers of a message whose first numbers are its stamp."""
    return numbers[0] * SECOND_NS + numbers[1], numbers[2:]


class Reader(Generic[T]):
    """Makes the content of each message of a topic.

    Args:
        topic: the topic.
        of: makes the content of a message object; raises ``MessageError`` if the message is not sound.
    """

    def __init__(self, topic: Topic, of: Callable[[Any], T]) -> None:
        self.topic, self.of = topic, of

    def __call__(self, data: bytes) -> T:
        """Return the content of the message with these bytes.

        Raises:
            MessageError: if it is not sound.
        """
        return self.of(self.object(data))

    def object(self, data: bytes) -> Any:
        """Return the message with these bytes.

        Raises:
            MessageError: if they are none of its type.
        """
        return object_of(data, self.topic)


class NumberReader(Reader[T]):
    """Reads messages that differ, most of the time, in some numbers alone.

    Every message is checked: as an object, or by comparing all of its bytes but these numbers with one that was
    accepted. The numbers themselves are checked in either case.

    Args:
        topic: as for ``Reader``.
        of: likewise.
        find: finds the numbers in an object of a message that was accepted.
        loose: whether other numbers than these do not matter.
        accepts: whether the content is sound, if that is not raised as a ``MessageError``.
    """

    def __init__(
        self,
        topic: Topic,
        of: Callable[[Any], T],
        find: Callable[[Any], Layout[T]],
        loose: bool,
        accepts: Callable[[T], bool] = lambda content: True,
    ) -> None:
        super().__init__(topic, of)
        self._find, self._loose, self._accepts, self._free = find, loose, accepts, MAX_TEMPLATES
        self._templates: dict[int, list[tuple[CdrTemplate, Callable[[Numbers], T]]]] = {}
        """By the length of a message, the newest first."""

    def __call__(self, data: bytes) -> T:
        """Return the same as ``of`` an object, without making one if the pattern is known."""
        for template, make in self._templates.get(len(data), ()):
            numbers = template.read(data)
            if numbers is not None:
                return make(numbers)
        message = self.object(data)
        content = self.of(message)
        if self._free and self._accepts(content):
            self._free -= 1
            self._learn(data, message)
        return content

    def _learn(self, data: bytes, message: Any) -> None:
        """Remember the pattern of a message that was accepted."""
        paths, make = self._find(message)
        try:
            template = CdrTemplate(data, self.topic.type_name, paths, self._loose)
        except KeyError:  # a type with a field that is neither text nor a number of a known size
            self._free = 0
        except (MessageError, ValueError, struct.error):  # text that is no UTF-8, or a number where text is expected
            pass
        else:
            self._templates.setdefault(len(data), []).insert(0, (template, make))


class Writer(abc.ABC, Generic[T]):
    """Makes the bytes of messages."""

    @abc.abstractmethod
    def __call__(self, content: T) -> bytes:
        """Return the bytes of the message with this content."""

    @abc.abstractmethod
    def message(self, content: T) -> Any:
        """Return the same message as an object."""


class NumberWriter(Writer[T]):
    """Makes the bytes of messages that differ, most of the time, in some numbers alone."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._templates: dict[Any, CdrTemplate] = {}

    def __call__(self, content: T) -> bytes:
        """Return the bytes of the message; they are made of an object if the pattern is new."""
        key, numbers = self.numbers(content)
        if key not in self._templates:
            if len(self._templates) == MAX_TEMPLATES:
                self._templates.clear()
            data = serialize_message(self.message(content))
            self._templates[key] = CdrTemplate(data, self.topic.type_name, self.paths(content))
        return self._templates[key].write(numbers)

    def object(self) -> Any:
        """Return an empty message."""
        return message_class(self.topic.type_name)()

    @abc.abstractmethod
    def numbers(self, content: T) -> tuple[Any, Numbers]:
        """Return a key that distinguishes patterns, and the numbers in which messages of one pattern differ."""

    @abc.abstractmethod
    def paths(self, content: T) -> Sequence[str]:
        """Return the paths of these numbers."""
