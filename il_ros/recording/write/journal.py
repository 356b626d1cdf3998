# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The journal of an episode: each message is in the file before it is acknowledged."""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import zstandard
from mcap.opcode import Opcode
from mcap.records import Channel, DataEnd, Footer, Header, Metadata, Schema

from il_ros.core.atomic_io import storage_errors, write_parts
from il_ros.core.errors import DataError
from il_ros.core.messages.images import IMAGE
from il_ros.recording.bag.mcap_records import CHUNK, FACTS, MAGIC, MESSAGE, MESSAGE_INDEX, RECORD, built, facts_record
from il_ros.recording.bag.metadata import to_yaml
from il_ros.recording.bag.typestore import definition

SUFFIX = ".journal.mcap"
LIBRARY = "il_ros"
_PACKER = zstandard.ZstdCompressor(level=-1)
"""Of images: drawn ones would fill the disk as they are, and a higher level takes ten times as long for those of a
sensor, while they come."""
PAYS = 0.9
"""Images are stored as they are unless compression makes them smaller than this share."""
TRIED_AGAIN = 30
"""Of a topic whose images do not pay, only one in so many is compressed to see whether the next ones will."""
_INDEX_ENTRY_BYTES = 16
_KEPT = "what was recorded is kept; free some space and run `il-ros recover {folder}`"


class Journal:
    """An MCAP file that holds, at every moment, everything that ``write`` has acknowledged by returning.

    Every message goes to the kernel in one call, as a chunk of its own with a CRC and an index of its own, images
    compressed by zstd where that pays: a kill of the process loses nothing, and a damaged byte costs the one message
    that it lies in. The facts known at the start come first. The file is locked while the journal is open, so that a
    recovery leaves it alone.

    Raises:
        StorageError: if the folder cannot be written or the disk is full; what was acknowledged stays sound.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.count = 0
        """Messages acknowledged."""
        self._channels: dict[str, tuple[int, str]] = {}
        self._untried: dict[int, int] = {}
        """By channel, how many more images are stored without trying whether compression pays."""
        folder = self.path.parent
        with storage_errors(folder, "choose another folder, or free some space and correct its permissions"):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        _lock(self._file, self.path)
        self._folder, self._remedy = folder, _KEPT.format(folder=folder)
        self._end = 0
        self._append(MAGIC + built(Header("ros2", LIBRARY), Metadata(FACTS, facts_record(dict(facts)))))

    def write(
        self,
        topic: str,
        type_name: str,
        data: bytes,
        log_time_ns: int,
        publish_time_ns: int,
        sequence: int = 0,
        offered: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        """Write one serialised message (CDR); it is safe from a kill once this returns.

        ``offered`` is called once a topic for the QoS profiles that its publishers offer.

        Raises:
            ConfigError: if the type is not a standard one.
            DataError: if the topic was written with another type before, or the journal is closed.
            StorageError: if the disk takes no more; ``count`` still says what is safe.
        """
        if self._file < 0:
            raise DataError(f"{self.path} is closed; open a new journal for a new episode")
        channel, known = self._channels.get(topic, (len(self._channels) + 1, type_name))
        if known != type_name:
            raise DataError(f"topic {topic!r} carried {known} and now {type_name}; a topic has one type in an episode")
        length = MESSAGE.size - RECORD.size + len(data)
        head = MESSAGE.pack(Opcode.MESSAGE, length, channel, sequence & 0xFFFFFFFF, log_time_ns, publish_time_ns)
        before = b"" if topic in self._channels else _description(channel, topic, type_name, offered())
        records = (before + head, data)
        packed = self._packed(channel, records) if type_name == IMAGE else b""
        self._append(*_chunk(records, packed, log_time_ns), _index(channel, log_time_ns, len(before)))
        self._channels[topic] = channel, type_name
        self.count += 1

    def close(self) -> None:
        """Write the mark of the end and close the file; closing twice does nothing."""
        if self._file < 0:
            return
        try:
            self._append(built(DataEnd(0), Footer(0, 0, 0)) + MAGIC)
        finally:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _packed(self, channel: int, records: tuple[bytes, bytes]) -> bytes:
        """Return an image's records compressed; empty where that does not pay."""
        self._untried[channel] = max(0, self._untried.get(channel, 0) - 1)
        if self._untried[channel]:
            return b""
        packed = _PACKER.compress(b"".join(records))
        if len(packed) < PAYS * sum(map(len, records)):
            return packed
        self._untried[channel] = TRIED_AGAIN
        return b""

    def _append(self, *parts: bytes) -> None:
        with storage_errors(self._folder, self._remedy):
            try:
                write_parts(self._file, *parts)
            except OSError:
                os.ftruncate(self._file, self._end)  # a torn record would hide whatever is written after it
                os.lseek(self._file, self._end, os.SEEK_SET)
                raise
        self._end += sum(map(len, parts))


def _description(channel: int, topic: str, type_name: str, offered: list[dict[str, Any]]) -> bytes:
    text, type_hash = definition(type_name)
    metadata = {"offered_qos_profiles": to_yaml(offered) if offered else "", "topic_type_hash": type_hash}
    return built(
        Schema(id=channel, name=type_name, encoding="ros2msg", data=text.encode()),
        Channel(id=channel, topic=topic, message_encoding="cdr", schema_id=channel, metadata=metadata),
    )


def _chunk(records: tuple[bytes, bytes], packed: bytes, time_ns: int) -> tuple[bytes, ...]:
    """Return a chunk in parts, so that no large image is copied: its head, and its records or those ``packed``."""
    name, content = (b"zstd", (packed,)) if packed else (b"", records)
    size, length = sum(map(len, records)), sum(map(len, content))
    crc = zlib.crc32(records[1], zlib.crc32(records[0]))
    about = CHUNK.pack(time_ns, time_ns, size, crc, len(name)) + name + struct.pack("<Q", length)
    return RECORD.pack(Opcode.CHUNK, len(about) + length) + about, *content


def _index(channel: int, time_ns: int, at: int) -> bytes:
    """Return the index of a chunk, by which others find the message at ``at`` in it."""
    length = MESSAGE_INDEX.size - RECORD.size
    return MESSAGE_INDEX.pack(Opcode.MESSAGE_INDEX, length, channel, _INDEX_ENTRY_BYTES, time_ns, at)


def is_open(path: Path) -> bool:
    """Return whether a recorder is still writing this journal, or it is being finalized."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a journal, so that no other process writes or finalizes it.

    Raises:
        DataError: if there is no such journal, or another process holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path") from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Take the lock for oneself; those who look whether a journal is open share it for a moment, and are waited for."""
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise DataError(f"{path} is still being written; stop its recorder first") from error
