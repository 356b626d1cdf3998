# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Make the journal of an episode with large images its bag: an index is put behind it, and nothing is copied.

Raw images of two cameras of 640 x 480 pixels at 30 Hz are 33 GB in ten minutes: to compress and copy them takes longer
than to record them, and as much room again. The file of the bag is the journal itself, by a second name.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mcap.opcode import Opcode
from mcap.records import DataEnd, Footer, Metadata, MetadataIndex, Statistics, SummaryOffset

from il_ros.core.atomic_io import sync, write_all
from il_ros.core.errors import StorageError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.mcap_records import (
    CHUNK,
    CHUNK_CRC,
    FACTS,
    FOOTER_BYTES,
    JOURNAL_RECORDS,
    MAGIC,
    MESSAGE,
    MESSAGE_INDEX,
    RECORD,
    RawMessage,
    built,
    crc_of_last,
    facts_record,
)
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.metadata import BagMetadata

LARGE_BYTES = 256 * 1024
"""A journal with a larger message is adopted; of small ones many share a chunk of a bag that is written anew."""
_CHUNK_INDEX = struct.Struct("<BQQQQQIHQQI")  # up to the length of the compression's name
_SIZES = struct.Struct("<QQ")


class JournalIndex(McapScanner):
    """A scan of a journal that notes the index of its chunks on the way.

    Args:
        path: of the journal.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, JOURNAL_RECORDS)
        self.end = len(MAGIC)
        """Where the data end."""
        self.crc = 0
        """Of all bytes up to there."""
        self.chunks = bytearray()
        """A record of the index for each chunk."""
        self.chunk_count, self.largest, self.notes = 0, 0, 0
        """How many chunks have an index; the size of the largest; how many metadata there are."""
        self.schemas, self.channels = bytearray(), bytearray()
        self.first_ns, self.last_ns = metadata.NO_START_NS, 0
        self._chunk: tuple[int, bytes] | None = None
        self._time_ns = -1

    def read(self) -> JournalIndex:
        """Read to the end, each chunk by itself: large images are neither joined nor copied."""
        for records, offset in self._pieces():
            try:
                self._take(records)
            except (ValueError, struct.error) as error:
                self._is_damaged(offset, error)
        return self

    def _take(self, records: bytes | memoryview) -> None:
        """Take note of the one message of a chunk."""
        starts = list[int]()
        if self._walk(records, 0, len(records), 2, starts) != len(records) or len(starts) != 1 or self._chunk is None:
            raise ValueError("it holds other records than a journal's chunk")
        _, length, channel, sequence, time_ns, publish_time_ns = MESSAGE.unpack_from(records, starts[0])
        begin, topic = starts[0] + MESSAGE.size, self.topics[channel]
        data = records[begin:]
        stated = int.from_bytes(self._chunk[1][CHUNK_CRC], "little")
        message = RawMessage(topic, time_ns, publish_time_ns, sequence, data)  # type: ignore[arg-type]  # not copied
        self.digest.add(message, crc_of_last(stated, zlib.crc32(records[:begin]), len(data)))
        self.counts[topic.name] = self.counts.get(topic.name, 0) + 1
        self.data_bytes += len(data)
        self.first_ns, self.last_ns = min(time_ns, self.first_ns), max(time_ns, self.last_ns)
        self._time_ns = time_ns

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
        has_ended = False
        for opcode, payload, offset in super()._records(file):
            has_ended |= opcode == Opcode.DATA_END
            if not has_ended:
                self.end, self.crc = offset + RECORD.size + len(payload), self._crc
                self._note(opcode, payload, offset)
            yield opcode, payload, offset

    def _describe(self, opcode: int, payload: bytes) -> None:
        super()._describe(opcode, payload)
        kept = {Opcode.SCHEMA: self.schemas, Opcode.CHANNEL: self.channels}.get(opcode)  # type: ignore[call-overload]
        if kept is not None:
            kept += RECORD.pack(opcode, len(payload)) + payload

    def _note(self, opcode: int, payload: bytes, offset: int) -> None:
        self.notes += opcode == Opcode.METADATA
        if opcode == Opcode.CHUNK:
            self._chunk = offset, payload
        elif opcode == Opcode.MESSAGE_INDEX and self._chunk is not None and len(payload) == _INDEX_BYTES:
            self._add(*self._chunk, payload, offset)
            self._chunk = None

    def _add(self, begin: int, chunk: bytes, index: bytes, offset: int) -> None:
        first_ns, last_ns, size, _, name_length = CHUNK.unpack_from(chunk)
        channel, _, time_ns, _ = _INDEX.unpack(index)
        if not first_ns == last_ns == time_ns == self._time_ns:  # a damaged byte, which no CRC of the journal is of
            return
        at = CHUNK.size + name_length
        (packed,) = struct.unpack_from("<Q", chunk, at)
        record = _CHUNK_INDEX.size - RECORD.size + name_length + _SIZES.size
        self.chunks += _CHUNK_INDEX.pack(
            *(Opcode.CHUNK_INDEX, record, first_ns, last_ns, begin, RECORD.size + len(chunk)),
            *(10, channel, offset, RECORD.size + len(index), name_length),
        )
        self.chunks += chunk[CHUNK.size : at] + _SIZES.pack(packed, size)
        self.chunk_count += 1
        self.largest = max(self.largest, size)


_INDEX = struct.Struct("<" + MESSAGE_INDEX.format[3:])
_INDEX_BYTES = _INDEX.size


def adopt(journal: Path, bag: Path, facts: Callable[[McapScanner], dict[str, Any]]) -> bool:
    """Make ``bag`` of a journal, which gets a second name in it; return whether that was possible.

    It is not for journals without large messages, damaged ones, those of earlier versions, which have no index, and on
    disks that know no second names. Every message is checked; a kill at any moment leaves the journal whole.

    Args:
        journal: closed or not, and locked.
        bag: the directory.
        facts: called once the messages are read.

    Raises:
        OSError: if the disk takes no more.
        StorageError: if it returns other bytes than were written.
    """
    scan = JournalIndex(journal).read()
    is_sound = (not scan.damage or scan.only_unfinished) and scan.chunk_count == scan.count
    if not is_sound or scan.largest <= LARGE_BYTES:
        return False
    path = bag / f"{bag.name}_0.mcap"
    if not _linked(journal, path):
        return False
    contents = metadata.contents(path.name, scan, scan.first_ns, scan.last_ns, facts(scan))
    _finish(path, scan, contents)
    sync(bag)
    metadata.write(bag, contents)
    sync(bag.parent)
    return True


def _linked(journal: Path, path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        os.link(journal, path)
    except OSError:
        return False
    return True


def _finish(path: Path, scan: JournalIndex, contents: BagMetadata) -> None:
    """Put facts, the end of the data and the summary in the place of the journal's end."""
    note = built(Metadata(FACTS, facts_record(contents.facts)))
    ended = note + built(DataEnd(zlib.crc32(note, scan.crc)))
    summary = _summary(scan, contents, scan.end + len(ended), MetadataIndex(scan.end, len(note), FACTS))
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.lseek(descriptor, scan.end, os.SEEK_SET)
        write_all(descriptor, ended)  # with it the data are complete: what follows may be cut off
        write_all(descriptor, summary)
        os.ftruncate(descriptor, scan.end + len(ended) + len(summary))
        os.fsync(descriptor)
        if os.pread(descriptor, len(ended) + len(summary), scan.end) != ended + summary:
            raise StorageError(
                f"the end of {path} was written but not read back alike; check the disk, nothing is lost"
            )
    finally:
        os.close(descriptor)


def _summary(scan: JournalIndex, contents: BagMetadata, start: int, note: MetadataIndex) -> bytes:
    """Return everything from the end of the data at ``start`` to the end of the file."""
    groups = {
        Opcode.SCHEMA: bytes(scan.schemas),
        Opcode.CHANNEL: bytes(scan.channels),
        Opcode.STATISTICS: built(_statistics(scan, contents)),
        Opcode.CHUNK_INDEX: bytes(scan.chunks),
        Opcode.METADATA_INDEX: built(note),
    }
    offsets, at = list[SummaryOffset](), start
    for opcode, group in groups.items():
        offsets.append(SummaryOffset(opcode, at, len(group)))
        at += len(group)
    summary = b"".join(groups.values()) + built(*offsets)
    crc = zlib.crc32(RECORD.pack(Opcode.FOOTER, FOOTER_BYTES) + _SIZES.pack(start, at), zlib.crc32(summary))
    return summary + built(Footer(start, at, crc)) + MAGIC


def _statistics(scan: JournalIndex, contents: BagMetadata) -> Statistics:
    return Statistics(
        attachment_count=0,
        channel_count=len(scan.topics),
        channel_message_counts={number: scan.counts[topic.name] for number, topic in scan.topics.items()},
        chunk_count=scan.chunk_count,
        message_count=scan.count,
        message_end_time=contents.start_ns + contents.duration_ns,
        message_start_time=contents.start_ns,
        metadata_count=scan.notes + 1,
        schema_count=len(scan.topics),
    )
