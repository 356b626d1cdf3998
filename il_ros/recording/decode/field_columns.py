# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CDR decoding in bulk: the numbers of a topic's messages as columns, layout by layout instead of one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from il_ros.core import messages
from il_ros.core.errors import MessageError
from il_ros.core.topics import JOINT_STATE
from il_ros.core.types import Array
from il_ros.recording.bag.typestore import types_of
from il_ros.recording.decode.cdr_layout import CdrLayout, Place
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic

MOST_LAYOUTS = 32
"""Messages of a topic with more layouts than these are decoded one by one."""
WHOLE, MALFORMED = -2, -1
"""Kinds of messages that are not distinguished by the joints that they name."""
Decode = Callable[[RecordedTopic, bytes], Any]
Precision = type[np.float32] | type[np.float64]
P = TypeVar("P")


class FieldColumns:
    """Some fields of one topic's messages; row n of every array is the same message, in the order of recording.

    Args:
        paths: of the F fields; see ``ObservationComponent.field``.
        decode: makes an object of a message's bytes.
        is_published: whether the times of publishing are read, too.
        precision: of ``values``; in float32 a number that is beyond its range becomes NaN.
    """

    def __init__(
        self,
        paths: Sequence[str],
        decode: Decode,
        is_published: bool = False,
        precision: Precision = np.float64,
    ) -> None:
        self.paths = tuple(paths)
        self.refused: tuple[int, MessageError] | None = None
        """The order of the first message that lacks a field, and what is wrong with it."""
        self.malformed: MessageError | None = None
        """What is wrong with joint states that do not say what belongs to which joint, if there are any."""
        self._decode, self._precision = decode, precision
        self._joints = [messages.named_joint(path) for path in self.paths]
        self._layouts: dict[RecordedTopic, list[tuple[CdrLayout, list[_Place], list[_Place], int]]] = {}
        self._kinds: list[tuple[bool, ...]] = []
        """Which of the fields a kind of message has, where each of them names a joint."""
        self._order, self._log, self._stamps = (_Growing(np.int64) for _ in range(3))
        self._published = _Growing(np.int64) if is_published else self._log
        self._values, self._kind = _Growing(precision, len(self.paths)), _Growing(np.int32)
        self._is_sorted = True

    @property
    def order(self) -> Array:
        """(n,) int64, increasing: how many messages of all topics were recorded before."""
        return self._column(self._order)

    @property
    def log_time_ns(self) -> Array:
        """(n,) int64, when the messages were recorded."""
        return self._column(self._log)

    @property
    def stamps_ns(self) -> Array:
        """(n,) int64, the headers' stamps; -1 where a message has no header."""
        return self._column(self._stamps)

    @property
    def values(self) -> Array:
        """(n, F) of ``precision``; NaN where a message lacks the field."""
        return self._column(self._values)

    @property
    def publish_time_ns(self) -> Array:
        """(n,) int64, when the messages were published; as ``log_time_ns`` where that is not read."""
        return self._column(self._published)

    @property
    def has(self) -> Array:
        """(n, F) bool: which joint states name the joint of each field; true of all fields of other messages."""
        known = np.array([*self._kinds, (True,) * len(self.paths), (False,) * len(self.paths)])
        has_field: Array = known[self._column(self._kind)]
        return has_field

    @property
    def is_malformed(self) -> Array:
        """(n,) bool: which joint states do not say what belongs to which joint."""
        malformed: Array = self._column(self._kind) == MALFORMED
        return malformed

    def _column(self, column: _Growing) -> Array:
        if not self._is_sorted:
            self._sort()
        return column.rows()

    def _sort(self) -> None:
        order = self._order.rows()
        if (order[1:] < order[:-1]).any():
            index = order.argsort(kind="stable")
            for column in {self._order, self._log, self._stamps, self._values, self._kind, self._published}:
                column.sort(index)
        self._is_sorted = True

    def add(self, topic: RecordedTopic, block: MessageBatch) -> None:
        """Read the fields of more messages.

        Raises:
            DataError: if one is not what its type says.
        """
        self._is_sorted = False
        layouts = self._layouts.setdefault(topic, [])
        for known in layouts:
            block = self._take(*known, block)
        while len(block.at) and len(layouts) < MOST_LAYOUTS:
            layouts.append(self._laid_out(topic, block.message(0)))
            block = self._take(*layouts[-1], block)
        for row in range(len(block.at)):
            self._take_one(topic, block, row)

    def _laid_out(self, topic: RecordedTopic, data: bytes) -> tuple[CdrLayout, list[_Place], list[_Place], int]:
        message = self._decode(topic, data)  # which says what is wrong with it, if anything is
        layout = CdrLayout(data, topic.type_name, types_of(topic))
        fields, kind = self._located(topic, message, lambda path: _find(layout, path))
        return layout, [_find(layout, path) for path in messages.STAMP_FIELDS], fields, kind

    def _located(self, topic: RecordedTopic, message: Any, find: Callable[[str], P | MessageError]) -> tuple[Any, int]:
        """Return the fields of a message, all of them errors if it is malformed, and the number of its kind."""
        fields = [find(path) for path in self.paths]
        if topic.type_name != JOINT_STATE or None in self._joints:
            return fields, WHOLE
        try:
            try:
                messages.check_joints(message)
            except AttributeError as error:  # the bag defines the type otherwise
                raise MessageError(f"{topic.name} is no {topic.type_name} as it is known ({error})") from error
            has = tuple(joint in message.name for joint in self._joints)
            for field, is_there in zip(fields, has):
                if is_there and isinstance(field, MessageError):
                    raise field
        except MessageError as error:
            self.malformed = self.malformed or error
            return [error] * len(fields), MALFORMED
        if has not in self._kinds:
            self._kinds.append(has)
        return fields, self._kinds.index(has)

    def _take(
        self, layout: CdrLayout, stamp: list[_Place], fields: list[_Place], kind: int, block: MessageBatch
    ) -> MessageBatch:
        """Read the messages with this layout; return the others."""
        alike = layout.is_of(block)
        if alike.all():
            mine, others = block, block.rows(np.empty(0, np.int64))
        else:
            mine, others = (block.rows(np.flatnonzero(chosen)) for chosen in (alike, ~alike))
        if len(mine.at):
            values = np.empty((len(mine.at), len(fields)))
            for column, place in zip(values.T, fields):
                column[:] = np.nan if isinstance(place, MessageError) else layout.read(mine, *place)
            sec, nanosec = (_whole(layout, mine, place) for place in stamp)
            self._refuse(int(mine.order[0]), next((p for p in fields if isinstance(p, MessageError)), None))
            self._keep(mine, messages.stamps_ns(sec, nanosec), values, kind)
        return others

    def _take_one(self, topic: RecordedTopic, block: MessageBatch, row: int) -> None:
        message, one = self._decode(topic, block.message(row)), block.rows(np.array([row]))
        fields, kind = self._located(topic, message, lambda path: _number(message, path))
        read = [*(_number(message, path) for path in messages.STAMP_FIELDS), *fields]
        numbers = [np.nan if isinstance(number, MessageError) else number for number in read]
        sec, nanosec = (-1 if np.isnan(number) else int(number) for number in numbers[:2])
        self._refuse(int(one.order[0]), next((n for n in read[2:] if isinstance(n, MessageError)), None))
        self._keep(one, messages.stamps_ns(np.array([sec]), np.array([nanosec])), np.array([numbers[2:]]), kind)

    def _keep(self, block: MessageBatch, stamps: Array, values: Array, kind: int = WHOLE) -> None:
        if self._precision is np.float32:
            values = np.where(messages.is_finite(values), values, np.nan)
        if self._published is not self._log:
            self._published.add(block.publish_time_ns)
        self._order.add(block.order)
        self._log.add(block.log_time_ns)
        self._stamps.add(stamps)
        self._values.add(values)
        self._kind.add(np.full(len(stamps), kind, np.int32))

    def _refuse(self, order: int, error: MessageError | None) -> None:
        if error is not None and (self.refused is None or order < self.refused[0]):
            self.refused = order, error


class _Growing:
    """An array to which rows are added; it grows in place, so that memory holds it once."""

    def __init__(self, kind: type[np.generic], width: int | None = None) -> None:
        self._data = np.empty((0,) if width is None else (0, width), kind)
        self._count = 0
        self._is_shown = False

    def add(self, rows: Array) -> None:
        """Append rows."""
        if self._is_shown:  # what was shown stays where it is
            self._data, self._is_shown = self.rows().copy(), False
        count = self._count + len(rows)
        if count > len(self._data):
            self._data.resize((count + count // 8, *self._data.shape[1:]), refcheck=False)
        self._data[self._count : count] = rows
        self._count = count

    def rows(self) -> Array:
        """Return all rows."""
        self._is_shown = True
        return self._data[: self._count]

    def sort(self, index: Array) -> None:
        """Reorder the rows."""
        self._data = self.rows()[index]


_Place = Place | MessageError
"""Where a number lies, or why it cannot be found."""


def _find(layout: CdrLayout, path: str) -> _Place:
    try:
        return layout.find(path)
    except MessageError as error:
        return error


def _whole(layout: CdrLayout, block: MessageBatch, place: _Place) -> Array:
    if isinstance(place, MessageError):
        return np.full(len(block.at), -1, np.int64)
    return layout.read(block, *place).astype(np.int64)


def _number(message: Any, path: str) -> float | MessageError:
    try:
        numbers = [messages.getter(source)(message) for source in messages.field_sources(path)]
    except MessageError as error:
        return error
    return float(messages.field_value(path, numbers))
