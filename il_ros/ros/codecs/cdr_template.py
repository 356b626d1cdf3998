# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""CDR templates: the bytes that messages of one pattern share, with slots for the numbers in which they differ."""

from __future__ import annotations

import operator
import re
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

from il_ros.core.messages import getter
from il_ros.recording.decode.cdr_layout import LayoutWalk
from il_ros.ros.message_types import message_class

CODES = {"i8": "q", "u8": "Q", "i4": "i", "u4": "I", "i2": "h", "u2": "H", "i1": "b", "u1": "B", "f8": "d", "f4": "f"}
"""By numpy's code of a number, that of the module ``struct``."""
BASES = {"boolean": "bool", "double": "float64", "float": "float32"}
"""By rclpy's name of a type, that of message definitions."""


class CdrTemplate:
    """The bytes of a message with slots for numbers.

    Args:
        data: the message.
        type_name: its type.
        paths: of the numbers in which others differ from it; see ``ObservationComponent.field``.
        loose: whether their other numbers may differ, too; such a template can be read, not written.

    Raises:
        MessageError: if there is no number at a path.
        KeyError: for a fundamental type that is neither text nor a number.
    """

    def __init__(self, data: bytes, type_name: str, paths: Sequence[str], loose: bool = False) -> None:
        walk = LayoutWalk(data, fields)
        places = walk.message(type_name)
        slots_at = [int(getter(path)(places)) for path in paths]
        fixed = walk.is_structure.copy() if loose else walk.is_structure | walk.is_number
        pieces = {}
        for at in slots_at:
            code = walk.code(at)[1:]
            pieces[at] = CODES.get(code, code)
            fixed[at : at + struct.calcsize("=" + pieces[at])] = False
        edges = np.flatnonzero(np.diff(fixed, prepend=False, append=False)).tolist()
        spans = {begin: f"{end - begin}s" for begin, end in zip(edges[::2], edges[1::2])}
        form, cursor = "<" if data[1] & 1 else ">", 0
        for at, code in sorted((pieces | spans).items()):
            form += f"{at - cursor}x{code}"
            cursor = at + struct.calcsize("=" + code)
        self._struct, self._size = struct.Struct(f"{form}{walk.end - cursor}x"), len(data)
        slots = {at: slot for slot, at in enumerate(sorted(pieces | spans))}
        self._slots = [slots[at] for at in slots_at]
        self._numbers, self._rest = _picked(self._slots), _picked([slots[at] for at in spans])
        self._parts = list(self._struct.unpack_from(data))
        self._expected = self._rest(self._parts)

    def read(self, data: bytes) -> Sequence[Any] | None:
        """Return the numbers at the paths; None if the message has another pattern."""
        if len(data) != self._size:
            return None
        parts = self._struct.unpack_from(data)
        return self._numbers(parts) if self._rest(parts) == self._expected else None

    def write(self, numbers: Sequence[float]) -> bytes:
        """Return the message with these numbers at the paths."""
        parts = self._parts.copy()
        for slot, number in zip(self._slots, numbers, strict=True):
            parts[slot] = number
        return self._struct.pack(*parts)


def _picked(slots: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a function that picks some of a sequence's elements."""
    if len(slots) > 1:
        return operator.itemgetter(*slots)
    return lambda parts: [parts[slot] for slot in slots]


@cache
def fields(type_name: str) -> list[tuple[str, Any]]:
    """Return the names of an installed type's fields, and their types as rosbags describes them."""
    kinds = message_class(type_name).get_fields_and_field_types()
    return [(name, _described(kind)) for name, kind in kinds.items()]


def _described(kind: str) -> tuple[Nodetype, Any]:
    sequence, array = re.fullmatch(r"sequence<(.+?)(?:, \d+)?>", kind), re.fullmatch(r"(.+)\[(\d+)\]", kind)
    if sequence:
        return Nodetype.SEQUENCE, (_described(sequence[1]), 0)
    if array:
        return Nodetype.ARRAY, (_described(array[1]), int(array[2]))
    if "/" in kind:
        return Nodetype.NAME, kind.replace("/", "/msg/")
    name = kind.partition("<")[0]  # a string may be bounded
    return Nodetype.BASE, (BASES.get(name, name), 0)
