# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scan an MCAP file: every valid record up to where the file breaks off, and what is wrong with it.

The format is described at https://mcap.dev/spec. A seeking reader starts at the end of a file and so reads nothing of
one whose writer was killed; this one starts at the beginning, checks every CRC and length, and lists what it skipped.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel, Metadata, Schema, Statistics

from il_ros.core.types import Array
from il_ros.recording.bag.mcap_records import (
    CHUNK_CRC,
    CRC_BYTES,
    FACTS,
    FOOTER_BYTES,
    HEAD,
    LOG_TIME,
    MAGIC,
    MESSAGE,
    NO_CRC,
    RECORD,
    Digest,
    RawMessage,
    chunk_content,
    facts_from,
    is_as_long,
    with_chunk,
)
from il_ros.recording.bag.mcap_stride import leap, period
from il_ros.recording.bag.metadata import whole_name
from il_ros.recording.decode.message_batch import ROOM, MessageBatch, RecordedTopic, window

UNCHECKED = "the file keeps no checksums, so a changed byte within a message could not be found"
IN_ORDER = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE)
"""Records that mean what they do after those before them, be these in a chunk or not."""
MOST_KINDS = max(Opcode)
PRIVATE = "records of kinds that are not of MCAP's specification were skipped"
FEW, MANY = 64, 65536
"""Messages that are found step by step before it is tried whether their sizes repeat: at first, and at most."""
BLOCK_BYTES = 1 << 22
"""Of records that are looked at together; larger ones save little."""
_BROKEN = (
    *(struct.error, ValueError, KeyError, IndexError, OverflowError, RuntimeError, MemoryError),
    *(EOFError, EndOfFile, zstandard.ZstdError),
)


class McapScanner:
    """The sound messages of one MCAP file, in the order in which they were written.

    Iterate it once; afterwards ``facts``, ``damage``, ``complete``, ``counts`` and ``digest`` describe what was read.

    Args:
        path: of the file.
        kinds: of the records that there may be; None lets private and later ones pass, too.
        distro: of ROS 2, whose types those are that the file does not define.
    """

    def __init__(self, path: Path, kinds: frozenset[Opcode] | None = None, distro: str = "") -> None:
        self.path = path
        self.size = path.stat().st_size
        self.facts: dict[str, Any] = {}
        self.damage: list[str] = []
        """What is wrong, one line each, with the offset of the record."""
        self.remarks: list[str] = []
        """Remarks on a file that is not damaged."""
        self.complete = False
        """Whether the file ends as its writer meant it to end."""
        self.only_unfinished = False
        """Whether the mark of the end, or a part of the summary, is missing and nothing else: all data were read."""
        self.data_bytes = 0  # of the messages
        self.counts: dict[str, int] = {}  # messages by topic
        self.topics: dict[int, RecordedTopic] = {}
        self.digest = Digest()
        self._kinds, self._distro = kinds, distro
        self._schemas: dict[int, Schema] = {}
        self._crc = zlib.crc32(MAGIC)
        self._stated_count: int | None = None  # the number of messages by the summary
        self._has_all_data = False  # whether the end of the data was reached, and its CRC is right
        self._is_unchecked = False  # whether there are messages that no CRC was found of yet

    @property
    def count(self) -> int:
        """The number of valid messages."""
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[RawMessage]:
        for data, starts in self._together():
            for at in starts.tolist():
                message = self._message(data, at)
                self.counts[message.topic.name] = self.counts.get(message.topic.name, 0) + 1
                self.data_bytes += len(message.data)
                self.digest.add(message)
                yield message
        self._check_count()

    def blocks(self, topics: Collection[str]) -> Iterator[tuple[RecordedTopic, MessageBatch]]:
        """Yield the messages of ``topics``, many at a time, in the order in which each topic's were written.

        Every byte is checked as by iteration, which this is an alternative to; ``digest`` and ``data_bytes`` stay as
        they are. ``MessageBatch.order`` counts the messages of the whole file.
        """
        total = 0
        for data, starts in self._together():
            channels = window(data, "u2")[starts + RECORD.size].view("<u2")  # (n,)
            times = window(data, "u8")[starts + LOG_TIME].view("<u8").astype(np.int64)
            sizes = window(data, "u8")[starts + 1].view("<u8").astype(np.int64) - (MESSAGE.size - RECORD.size)
            counts = np.bincount(channels)
            for channel in np.flatnonzero(counts).tolist():
                topic = self.topics[channel]
                self.counts[topic.name] = self.counts.get(topic.name, 0) + int(counts[channel])
                if topic.name in topics:
                    mine = np.flatnonzero(channels == channel)
                    at, order = starts[mine] + MESSAGE.size, total + mine
                    yield topic, MessageBatch(data, at, sizes[mine], times[mine], order, is_in_records=True)
            total += len(starts)
        self._check_count()

    def _check_count(self) -> None:
        """Compare the number of messages with the summary: a chunk whose kind was damaged was skipped."""
        if self._stated_count not in (None, self.count) and not self.damage:
            self.damage.append(f"it holds {self.count} messages, and its summary counts {self._stated_count}")

    def read(self) -> McapScanner:
        """Read to the end, for the description only."""
        for _ in self:
            pass
        return self

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
        offset, opcode = file.tell(), 0
        while offset < self.size:
            head = file.read(RECORD.size)
            opcode, length = RECORD.unpack(head) if len(head) == RECORD.size else (0, self.size)
            if offset + RECORD.size + length > self.size:
                self.only_unfinished = self._has_all_data and not self.damage
                self.damage.append(f"cut off at byte {offset}: {self.size - offset} bytes of an unfinished record")
                return
            if not self._is_known(opcode, length):
                self.damage.append(f"record at byte {offset} is damaged (kind {opcode}); the rest cannot be read")
                return
            payload = file.read(length)
            self._check_section(opcode, head, payload, offset)
            yield opcode, payload, offset
            offset += RECORD.size + length
            if opcode == Opcode.DATA_END and self._is_unchecked:
                self.remarks.append(UNCHECKED)
            if opcode == Opcode.FOOTER:
                self.complete = file.read() == MAGIC
                break
            if opcode > MOST_KINDS and PRIVATE not in self.remarks:
                self.remarks.append(PRIVATE)
        if not self.complete:
            self.only_unfinished = not self.damage and opcode != Opcode.FOOTER
            self.damage.append(f"the file ends at byte {self.size} without the mark of its end")

    def _is_known(self, opcode: int, length: int) -> bool:
        """Return whether there may be such a record; private ones, and what follows known fields, are skipped."""
        if self._kinds is not None and not self._has_all_data:
            return opcode in self._kinds and is_as_long(opcode, length)
        shortest = {Opcode.FOOTER: FOOTER_BYTES, Opcode.DATA_END: CRC_BYTES}.get(opcode, 0)  # type: ignore[call-overload]
        return opcode != 0 and length >= shortest

    def _check_section(self, opcode: int, head: bytes, payload: bytes, offset: int) -> None:
        """Check the CRC over all of their bytes with which data and summary each end; zero stands for none."""
        if opcode == Opcode.DATA_END:
            self._is_unchecked &= payload[:CRC_BYTES] == NO_CRC
            stated, actual, self._crc = int.from_bytes(payload[:CRC_BYTES], "little"), self._crc, 0
            self._has_all_data = stated == actual
        elif opcode == Opcode.FOOTER:
            before = payload[: FOOTER_BYTES - CRC_BYTES]
            stated = int.from_bytes(payload[len(before) : FOOTER_BYTES], "little")
            actual = zlib.crc32(head + before, self._crc)
        else:
            crc = zlib.crc32(head, self._crc)
            self._crc = with_chunk(crc, payload) if opcode == Opcode.CHUNK else zlib.crc32(payload, crc)
            return
        if stated not in (0, actual):
            self.damage.append(f"the CRC at byte {offset} is wrong: something before it is damaged")

    def _together(self) -> Iterator[tuple[bytearray, Array]]:
        """Yield records joined to ``BLOCK_BYTES`` or more, with room behind them, and where the messages begin (n,)."""
        data, ends, offsets = bytearray(), list[int](), list[int]()
        for records, offset in itertools.chain(self._pieces(), [(b"", self.size)]):
            data += records
            ends.append(len(data))
            offsets.append(offset)
            if len(data) > BLOCK_BYTES or not records:
                data += bytes(ROOM)
                yield data, self._starts(data, np.array(ends), offsets)
                data, ends, offsets = bytearray(), [], []

    def _pieces(self) -> Iterator[tuple[bytes | memoryview, int]]:
        """Yield the content of each chunk, and each message that lies outside one, with its offset in the file."""
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                self.damage.append("the file does not begin as MCAP does")
                return
            for opcode, payload, offset in self._records(file):
                try:
                    if opcode == Opcode.CHUNK:
                        self._is_unchecked |= payload[CHUNK_CRC] == NO_CRC
                        if records := chunk_content(payload):
                            yield records, offset
                    elif opcode in IN_ORDER:
                        self._is_unchecked |= opcode == Opcode.MESSAGE
                        yield RECORD.pack(opcode, len(payload)) + payload, offset
                    else:
                        self._describe(opcode, payload)
                except _BROKEN as error:
                    self._is_damaged(offset, error)

    def _is_damaged(self, offset: int, error: Exception) -> None:
        self.damage.append(f"record at byte {offset} is damaged ({error or type(error).__name__})")

    def _starts(self, data: bytearray, ends: Array, offsets: Sequence[int]) -> Array:
        """Return where messages begin (n,) in pieces of the file that end at ``ends`` and were found at ``offsets``.

        Some are found one by one; if their sizes repeat, those that continue the pattern are found all at once.
        """
        starts: list[Sequence[int] | Array] = []
        at, steps, recent = 0, FEW, list[int]()
        for end, offset in zip(ends.tolist(), offsets):
            while at < end:
                try:
                    at = self._walk(data, at, end, steps, recent)
                except _BROKEN as error:
                    self._is_damaged(offset, error)
                    at = end
                if len(recent) < steps:
                    continue
                leapt = leap(data, at, ends, period(recent[-FEW:], at), self.topics)
                starts += [recent, leapt[:-1]]
                at, recent, steps = int(leapt[-1]), [], FEW if len(leapt) > FEW else min(2 * steps, MANY)
        return np.concatenate([np.empty(0, np.int64), *starts, recent]).astype(np.int64)

    def _walk(self, data: bytes | bytearray | memoryview, at: int, end: int, most: int, starts: list[int]) -> int:
        """Find where messages begin, until there are ``most``; returns where the next record begins."""
        unpack, topics, message = HEAD.unpack_from, self.topics, int(Opcode.MESSAGE)
        while at < end and len(starts) < most:
            opcode, length, channel = unpack(data, at)
            after = at + RECORD.size + length
            if after > end:
                raise ValueError("a record in it reaches beyond its end")
            if opcode != message:
                self._describe(opcode, bytes(data[at + RECORD.size : after]))
            elif channel not in topics:
                raise ValueError(f"the description of its topic, number {channel}, is lost")
            elif after < at + MESSAGE.size:
                raise ValueError("a message in it is too short")
            else:
                starts.append(at)
            at = after
        return at

    def _describe(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(ReadDataStream(BytesIO(payload)))
            self._schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            self._add_topic(Channel.read(ReadDataStream(BytesIO(payload))))
        elif opcode == Opcode.STATISTICS:
            self._stated_count = Statistics.read(ReadDataStream(BytesIO(payload))).message_count
        elif opcode == Opcode.METADATA:
            record = Metadata.read(ReadDataStream(BytesIO(payload)))
            if record.name == FACTS or record.metadata.keys() == {"facts", "crc32"}:  # its name may be damaged
                self.facts = facts_from(record.metadata)

    def _message(self, records: bytearray, at: int) -> RawMessage:
        _, length, channel, sequence, log_time_ns, publish_time_ns = MESSAGE.unpack_from(records, at)
        data = bytes(records[at + MESSAGE.size : at + RECORD.size + length])
        return RawMessage(self.topics[channel], log_time_ns, publish_time_ns, sequence, data)

    def _add_topic(self, channel: Channel) -> None:
        schema = self._schemas[channel.schema_id] if channel.schema_id else Schema(0, b"", "", "")
        type_hash = channel.metadata.get("topic_type_hash", "")
        offered = channel.metadata.get("offered_qos_profiles", "")
        text = schema.data.decode(errors="surrogateescape")  # of other encodings it is none
        name = whole_name(schema.name) if channel.message_encoding == "cdr" else schema.name
        form, distro = channel.message_encoding, "" if text else self._distro
        self.topics[channel.id] = RecordedTopic(
            channel.topic, name, text, type_hash, schema.encoding, offered, form, distro
        )
