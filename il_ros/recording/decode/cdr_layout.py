# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CDR layout: find where the numbers lie in a message's bytes, once for all messages with the same layout.

A message is serialised as XCDR1: four bytes that say which byte of a number comes first, then field after field, each
number at a multiple of its size counted from there; strings and sequences are preceded by a count of four bytes. So
two messages of one type have their numbers in the same places if their strings and counts are the same.
Source: DDS-XTypes 1.3, section 7.4.1.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys.store import Typestore

from il_ros.core.messages import field_sources, field_value, getter
from il_ros.core.types import Array
from il_ros.recording.decode.message_batch import MessageBatch, window

NUMBERS = {
    **{"bool": "?", "byte": "u1", "char": "u1", "octet": "u1", "float32": "f4", "float64": "f8"},
    **{f"{sign}int{8 * width}": f"{kind}{width}" for sign, kind in (("", "i"), ("u", "u")) for width in (1, 2, 4, 8)},
}
"""Of the fundamental types that are numbers, the numpy code without the order of bytes."""
HEAD = 4
"""Bytes before the first field."""


Place = tuple[str, Sequence[tuple[int, str]]]
"""The path of a field, and offset and numpy code of each of its ``field_sources``."""


class CdrLayout:
    """Which bytes of a message are numbers, and of which kind; all others are its structure.

    Raises:
        ValueError, struct.error: if the bytes are not a message of the type.
        KeyError: for a fundamental type that has no numpy code.
    """

    def __init__(self, data: bytes, type_name: str, store: Typestore) -> None:
        walk = LayoutWalk(data, lambda name: store.fielddefs[name][1])
        self.size = len(data)
        self._places, self._walk = walk.message(type_name), walk
        masks = (walk.is_structure.view(np.uint8) * np.uint8(255)).view(np.uint64)
        padded = np.frombuffer(data + bytes(len(walk.is_structure) - len(data)), np.uint64)
        used = np.flatnonzero(masks)
        self._words = list(zip((used * 8).tolist(), masks[used], padded[used] & masks[used]))
        """Where words of structure lie, which of their bits belong to it, and what these are."""

    def is_of(self, block: MessageBatch) -> Array:
        """Return which messages of a batch have this layout, (n,) bool."""
        alike: Array = block.size == self.size
        rows = np.flatnonzero(alike)
        words, at = window(block.data, "u8"), block.at[rows]
        is_so = np.ones(len(rows), np.bool_)
        for place, mask, expected in self._words:  # one after the other, since a table of all is much memory
            is_so &= (words[at + place].view(np.uint64) & mask) == expected
        alike[rows] = is_so
        return alike

    def find(self, path: str) -> Place:
        """Return where the number at ``path`` lies; ``path`` is parsed as for live messages.

        Raises:
            MessageError: if the field is not in the message.
        """
        offsets = [int(getter(source)(self._places)) for source in field_sources(path)]
        return path, [(at, self._walk.code(at)) for at in offsets]

    def read(self, block: MessageBatch, path: str, places: Sequence[tuple[int, str]]) -> Array:
        """Return (n,) the number that was found in messages of this layout; NaN where an orientation is none."""
        numbers = [window(block.data, code)[block.at + at].view(code) for at, code in places]
        value: Array = field_value(path, numbers)
        return value


class _Text(str):
    """A string of a message, which is no place of a number."""

    def __float__(self) -> float:
        raise TypeError(f"it is the text {str(self)!r}")


class LayoutWalk:
    """Goes through a message field by field, and makes an object of it with places where the numbers are.

    Args:
        data: its bytes.
        fields: the names of a type's fields, and what they are as rosbags describes it.
    """

    def __init__(self, data: bytes, fields: Callable[[str], Iterable[tuple[str, Any]]]) -> None:
        self._data, self._fields, self.end = data, fields, HEAD
        self._order = "<" if data[1] & 1 else ">"
        self._count = struct.Struct(self._order + "I")
        self.is_structure = np.zeros(-(-len(data) // 8) * 8, dtype=np.bool_)
        self.is_structure[:2] = True  # the order of bytes
        self.is_number = np.zeros_like(self.is_structure)
        self._starts: list[int] = []
        """Where stretches of numbers of one kind begin, increasing."""
        self._codes: list[str] = []

    def message(self, type_name: str) -> SimpleNamespace:
        """Return the object of a message that begins at the current place."""
        return SimpleNamespace(**{name: self._field(*description) for name, description in self._fields(type_name)})

    def code(self, at: int) -> str:
        """Return the numpy code of the number that begins at ``at``."""
        return self._codes[bisect.bisect_right(self._starts, at) - 1]

    def _field(self, kind: Nodetype, detail: Any) -> Any:
        if kind == Nodetype.NAME:
            return self.message(detail)
        if kind == Nodetype.BASE:
            return _Text(self._text()) if detail[0] == "string" else self._numbers(detail[0], 1)[0]
        element, count = detail
        count = count if kind == Nodetype.ARRAY else self._counted()
        if element[0] == Nodetype.BASE and element[1][0] != "string":
            return self._numbers(element[1][0], count)
        return [self._field(*element) for _ in range(count)]

    def _numbers(self, type_name: str, count: int) -> range:
        code = NUMBERS[type_name]
        width = int(np.dtype(code).itemsize)
        if not count:
            return range(0)
        self._align(width)
        places = range(self.end, self.end + count * width, width)
        self._advance(count * width)
        self.is_number[places.start : self.end] = True
        self._starts.append(places.start)
        self._codes.append(self._order + code)
        return places

    def _counted(self) -> int:
        self._align(4)
        (count,) = self._count.unpack_from(self._data, self.end)
        self.is_structure[self.end : self.end + 4] = True
        self._advance(4)
        return int(count)

    def _text(self) -> str:
        size = self._counted()
        begin = self.end
        self._advance(size)
        self.is_structure[begin : self.end] = True
        return self._data[begin : self.end - 1].decode()

    def _align(self, width: int) -> None:
        self.end += -(self.end - HEAD) % width

    def _advance(self, size: int) -> None:
        self.end += size
        if self.end > len(self._data):
            raise ValueError("it is cut off")
