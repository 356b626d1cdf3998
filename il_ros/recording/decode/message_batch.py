# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Many messages in one piece of memory, so that a number is read from all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from il_ros.core.types import Array

ROOM = 8
"""Bytes that follow the last message of a block, so that a number may be read wherever a message has a byte."""


@dataclass(frozen=True)
class RecordedTopic:
    """A topic as the file describes it."""

    name: str
    type_name: str
    definition: str
    """The message type's definition; empty if the file has none."""
    type_hash: str
    encoding: str
    """How the definition is written: ``ros2msg`` or ``ros2idl``."""
    offered: str = ""
    """The QoS profiles that its publishers offer, a list in YAML; empty if they are not known."""
    serialization: str = "cdr"
    """How its messages are written; only ``cdr`` can be decoded."""
    distro: str = ""
    """The distribution of ROS 2 whose types these are, where the file has no definition."""


class MessageBatch(NamedTuple):
    """Messages of one topic; row n of every array is the same message."""

    data: bytes | bytearray
    """The memory; whatever else lies in it, ``ROOM`` bytes follow the last message."""
    at: Array
    """(n,) int64, where the messages' serialised bytes begin."""
    size: Array
    """(n,) int64, how many they are."""
    log_time_ns: Array
    """(n,) int64, when they were recorded."""
    order: Array
    """(n,) int64, increasing: how many messages of all topics were recorded before."""
    published_ns: Array | None = None
    """(n,) int64, when they were published, if that was read already."""
    is_in_records: bool = False
    """Whether before each message lies what MCAP puts there, which ends with the time at which it was published."""

    @property
    def publish_time_ns(self) -> Array:
        """(n,) int64, when they were published; as ``log_time_ns`` where the file does not tell."""
        if self.is_in_records:
            times: Array = window(self.data, "u8")[self.at - 8].view("<u8").astype(np.int64)
            return times
        return self.log_time_ns if self.published_ns is None else self.published_ns

    def rows(self, index: Array) -> MessageBatch:
        """Return some of the messages."""
        published = None if self.published_ns is None else self.published_ns[index]
        columns = (self.at[index], self.size[index], self.log_time_ns[index], self.order[index])
        return MessageBatch(self.data, *columns, published, self.is_in_records)

    def message(self, row: int) -> bytes:
        """Return the serialised bytes of one message."""
        at = int(self.at[row])
        return bytes(self.data[at : at + int(self.size[row])])


def packed(
    messages: Sequence[bytes], log_time_ns: Array, order: Array, published_ns: Array | None = None
) -> MessageBatch:
    """Return a batch of serialised messages."""
    size = np.array([len(message) for message in messages], np.int64)
    return MessageBatch(
        b"".join((*messages, bytes(ROOM))), size.cumsum() - size, size, log_time_ns, order, published_ns
    )


def window(data: bytes | bytearray, code: str) -> Array:
    """Return the bytes at each offset of ``data`` that a number of the type ``code`` (``u2``, ``f8``) takes.

    They are of a void type, which needs no alignment: index first, then ``view`` them as numbers.
    """
    width = np.dtype(code).itemsize
    places: Array = np.ndarray((len(data) - width + 1,), f"V{width}", buffer=data, strides=(1,))
    return places
