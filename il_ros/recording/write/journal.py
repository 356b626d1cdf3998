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

from il_ros.core.atomic_io import storage_errors, write_all
from il_ros.core.errors import DataError
from il_ros.core.messages.images import IMAGE
from il_ros.recording.bag.mcap_records import CHUNK, FACTS, MAGIC, MESSAGE, RECORD, built, facts_record
from il_ros.recording.bag.metadata import to_yaml
from il_ros.recording.bag.typestore import definition

SUFFIX = ".journal.mcap"
LIBRARY = "il_ros"
_PACKER = zstandard.ZstdCompressor(level=-1)
"""Of images: drawn ones would fill the disk as they are, and a higher level takes ten times as long for those of a
sensor, while they come."""
_KEPT = "what was recorded is kept; free some space and run `il-ros recover {folder}`"


class Journal:
    """An MCAP file that holds, at every moment, everything that ``write`` has acknowledged by returning.

    Every message goes to the kernel in one call, as a chunk of its own with a CRC of its own, images compressed by
    zstd: a kill of the process loses nothing, and a damaged byte costs the one message that it lies in. The facts known
    at the start come first. The file is locked while the journal is open, so that a recovery leaves it alone.

    Raises:
        StorageError: if the folder cannot be written or the disk is full; what was acknowledged stays sound.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.count = 0
        """Messages acknowledged."""
        self._channels: dict[str, tuple[int, str]] = {}
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
        records = b"" if topic in self._channels else _description(channel, topic, type_name, offered())
        self._append(_chunk(records + head + data, log_time_ns, is_packed=type_name == IMAGE))
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

    def _append(self, data: bytes) -> None:
        with storage_errors(self._folder, self._remedy):
            try:
                write_all(self._file, data)
            except OSError:
                os.ftruncate(self._file, self._end)  # a torn record would hide whatever is written after it
                os.lseek(self._file, self._end, os.SEEK_SET)
                raise
        self._end += len(data)


def _description(channel: int, topic: str, type_name: str, offered: list[dict[str, Any]]) -> bytes:
    text, type_hash = definition(type_name)
    metadata = {"offered_qos_profiles": to_yaml(offered) if offered else "", "topic_type_hash": type_hash}
    return built(
        Schema(id=channel, name=type_name, encoding="ros2msg", data=text.encode()),
        Channel(id=channel, topic=topic, message_encoding="cdr", schema_id=channel, metadata=metadata),
    )


def _chunk(records: bytes, time_ns: int, is_packed: bool) -> bytes:
    name, packed = (b"zstd", _PACKER.compress(records)) if is_packed else (b"", records)
    about = CHUNK.pack(time_ns, time_ns, len(records), zlib.crc32(records), len(name)) + name
    about += struct.pack("<Q", len(packed))
    return RECORD.pack(Opcode.CHUNK, len(about) + len(packed)) + about + packed


def is_open(path: Path) -> bool:
    """Return whether a recorder is still writing this journal."""
    try:
        with locked(path):
            return False
    except DataError:
        return True


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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DataError(f"{path} is still being written; stop its recorder first") from error
