# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The numbers of a topic's messages as columns, read layout by layout and not message by message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from il_ros import messages
from il_ros.errors import MessageError
from il_ros.recording.blocks import Block, Topic
from il_ros.recording.definitions import types_of
from il_ros.recording.layout import Layout
from il_ros.signals import Array

MOST_LAYOUTS = 32
"""A topic whose messages are laid out in more ways than these has the rest of them decoded one by one."""
STAMP = ("header.stamp.sec", "header.stamp.nanosec")
Decode = Callable[[Topic, bytes], Any]


class Columns:
    """Some fields of one topic's messages; row n of every array is the same message, in the order of recording.

    Args:
        paths: of the F fields; see ``ObservationComponent.field``.
        decode: makes an object of a message's bytes.
    """

    def __init__(self, paths: Sequence[str], decode: Decode) -> None:
        self.paths = tuple(paths)
        self.refused: tuple[int, MessageError] | None = None
        """The order of the first message that lacks a field, and what is wrong with it."""
        self._decode = decode
        self._layouts: list[tuple[Layout, list[_Place], list[_Place]]] = []
        self._parts: list[tuple[Array, Array, Array, Array]] = [
            (*np.empty((3, 0), np.int64), np.empty((0, len(self.paths))))
        ]
        self._sorted: tuple[Array, ...] | None = None

    @property
    def order(self) -> Array:
        """(n,) int64, increasing: how many messages of all topics were recorded before."""
        return self._column(0)

    @property
    def log_time_ns(self) -> Array:
        """(n,) int64, when the messages were recorded."""
        return self._column(1)

    @property
    def stamps_ns(self) -> Array:
        """(n,) int64, the headers' stamps; -1 where a message has no header."""
        return self._column(2)

    @property
    def values(self) -> Array:
        """(n, F) float64; NaN where a message lacks the field."""
        return self._column(3)

    def _column(self, number: int) -> Array:
        if self._sorted is None:
            order, *others = (np.concatenate(parts) for parts in zip(*self._parts))
            index = order.argsort(kind="stable")
            self._sorted = tuple(column[index] for column in (order, *others))
        return self._sorted[number]

    def add(self, topic: Topic, block: Block) -> None:
        """Read the fields of more messages.

        Raises:
            DataError: if one is not what its type says.
        """
        self._sorted = None
        for known in self._layouts:
            block = self._take(*known, block)
        while len(block.at) and len(self._layouts) < MOST_LAYOUTS:
            self._layouts.append(self._laid_out(topic, block.message(0)))
            block = self._take(*self._layouts[-1], block)
        for row in range(len(block.at)):
            self._take_one(topic, block, row)

    def _laid_out(self, topic: Topic, data: bytes) -> tuple[Layout, list[_Place], list[_Place]]:
        self._decode(topic, data)  # which says what is wrong with it, if anything is
        layout = Layout(data, topic.type_name, types_of(topic.type_name, topic.definition))
        return layout, [_find(layout, path) for path in STAMP], [_find(layout, path) for path in self.paths]

    def _take(self, layout: Layout, stamp: list[_Place], fields: list[_Place], block: Block) -> Block:
        """Read the messages that are laid out so; returns the others."""
        alike = layout.is_of(block)
        mine = block.rows(np.flatnonzero(alike))
        if len(mine.at):
            values = np.empty((len(mine.at), len(fields)))
            for column, place in zip(values.T, fields):
                column[:] = np.nan if isinstance(place, MessageError) else layout.read(mine, *place)
            sec, nanosec = (_whole(layout, mine, place) for place in stamp)
            self._keep(mine, _stamps(sec, nanosec), values)
            self._refuse(int(mine.order[0]), next((p for p in fields if isinstance(p, MessageError)), None))
        return block.rows(np.flatnonzero(~alike))

    def _take_one(self, topic: Topic, block: Block, row: int) -> None:
        message, one = self._decode(topic, block.message(row)), block.rows(np.array([row]))
        found = [_number(message, path) for path in (*STAMP, *self.paths)]
        numbers = [np.nan if isinstance(number, MessageError) else number for number in found]
        sec, nanosec = (-1 if np.isnan(number) else int(number) for number in numbers[:2])
        self._keep(one, _stamps(np.array([sec]), np.array([nanosec])), np.array([numbers[2:]]))
        self._refuse(int(one.order[0]), next((n for n in found[2:] if isinstance(n, MessageError)), None))

    def _keep(self, block: Block, stamps: Array, values: Array) -> None:
        self._parts.append((block.order, block.log_time_ns, stamps, values))

    def _refuse(self, order: int, error: MessageError | None) -> None:
        if error is not None and (self.refused is None or order < self.refused[0]):
            self.refused = order, error


_Place = tuple[int, str] | MessageError
"""Where a number lies and of which type it is, or why it cannot be found."""


def _find(layout: Layout, path: str) -> _Place:
    try:
        return layout.find(path)
    except MessageError as error:
        return error


def _stamps(sec: Array, nanosec: Array) -> Array:
    return np.where((sec == -1) & (nanosec == -1), -1, sec * 1_000_000_000 + nanosec)


def _whole(layout: Layout, block: Block, place: _Place) -> Array:
    if isinstance(place, MessageError):
        return np.full(len(block.at), -1, np.int64)
    return layout.read(block, *place).astype(np.int64)


def _number(message: Any, path: str) -> float | MessageError:
    try:
        return messages.getter(path)(message)
    except MessageError as error:
        return error
