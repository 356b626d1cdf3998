# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Header stamps: of message objects, of serialized messages, and of columns of numbers."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from il_ros.core.types import Array

STAMP_FIELDS = ("header.stamp.sec", "header.stamp.nanosec")
"""The paths of the two numbers of a header's stamp."""
SECOND_NS = 1_000_000_000
STAMP_AT = 4
"""Where the stamp is in the bytes of a message that begins with a header, or with a time."""
NO_STAMP = -1
"""Stands for seconds, nanoseconds and stamp of a message without header."""
_LITTLE, _BIG = struct.Struct("<iI"), struct.Struct(">iI")
_SIZE_LITTLE, _SIZE_BIG = struct.Struct("<I"), struct.Struct(">I")


def nanoseconds(sec: int, nanosec: int) -> int:
    """Return a stamp in nanoseconds."""
    return int(sec) * SECOND_NS + int(nanosec)


def seconds(stamp: int) -> tuple[int, int]:
    """Return a stamp in whole seconds and the nanoseconds that remain."""
    return divmod(stamp, SECOND_NS)


def stamp_ns(message: Any) -> int:
    """Return the header's stamp, ns."""
    stamp = message.header.stamp
    return nanoseconds(stamp.sec, stamp.nanosec)


def set_stamp(message: Any, stamp: int) -> None:
    """Write the header's stamp, ns."""
    message.header.stamp.sec, message.header.stamp.nanosec = seconds(stamp)


def is_little_endian(data: bytes) -> bool:
    """Return whether the numbers of a serialized message begin with their lowest byte."""
    return len(data) > 1 and bool(data[1] & 1)


def serialized_stamp(data: bytes) -> tuple[int, int]:
    """Return seconds and nanoseconds of a serialized message that begins with a header or a time, in either byte order.

    Raises:
        struct.error: if the message is cut off before that.
    """
    sec, nanosec = (_LITTLE if is_little_endian(data) else _BIG).unpack_from(data, STAMP_AT)
    return sec, nanosec


def serialized_stamp_ns(data: bytes) -> int:
    """Return the same as one number, ns."""
    sec, nanosec = serialized_stamp(data)
    return sec * SECOND_NS + nanosec


def with_stamp(data: bytes, stamp: int) -> bytes:
    """Return a serialized message that begins with a header, with another stamp."""
    packed = (_LITTLE if is_little_endian(data) else _BIG).pack(*seconds(stamp))
    return data[:STAMP_AT] + packed + data[STAMP_AT + len(packed) :]


def serialized_frame_id(data: bytes) -> str:
    """Return the ``frame_id`` of a serialized message that begins with a header; empty if it is cut off."""
    begin = STAMP_AT + _LITTLE.size + _SIZE_LITTLE.size
    if len(data) < begin:
        return ""
    (size,) = (_SIZE_LITTLE if is_little_endian(data) else _SIZE_BIG).unpack_from(data, begin - 4)
    return data[begin : begin + size - 1].decode("utf-8", errors="replace")


def stamps_ns(sec: Array, nanosec: Array) -> Array:
    """Return (n,) stamps, ns, of columns of seconds and nanoseconds; ``NO_STAMP`` where both are that."""
    return np.where((sec == NO_STAMP) & (nanosec == NO_STAMP), NO_STAMP, sec * SECOND_NS + nanosec)
