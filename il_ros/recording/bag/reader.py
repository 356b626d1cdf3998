# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read the messages of a closed bag: any rosbag2 directory that holds CDR, or files of messages without metadata."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zstandard

from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.discovery import NOT_OURS, files_without_metadata, recordings, why_not
from il_ros.recording.bag.facts import are_ours, differences
from il_ros.recording.bag.files import (
    STORAGE_OF,
    ZSTD,
    by_time,
    is_message_file,
    located,
    plain_name,
    storage_of,
)
from il_ros.recording.bag.mcap_records import RawMessage
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.metadata import METADATA, BagMetadata
from il_ros.recording.bag.open_file import opened
from il_ros.recording.bag.sqlite3 import Sqlite3Scanner
from il_ros.recording.bag.typestore import PLAIN, decoder
from il_ros.recording.decode.field_columns import FieldColumns
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic, packed

CACHE = ".images"
"""The folder in a bag's that holds its decoded images, which are no part of it."""


def is_closed(bag: Path) -> bool:
    """Return whether it is a folder with a valid ``metadata.yaml`` and all of its files, or a file of messages."""
    if bag.is_file():
        return is_message_file(bag)
    try:
        return all(located(bag, name).is_file() for name in metadata.read(bag).files)
    except DataError:
        return False


def read(path: Path) -> BagReader:
    """Open a rosbag2 directory, or files of messages without ``metadata.yaml``.

    Raises:
        DataError: if it is no bag, or not a closed one.
    """
    path = Path(path)
    if not (path / METADATA).exists():
        if why := why_not(path):
            raise DataError(why)
        if files := files_without_metadata(path):
            return BagReader(path, _contents_of(path, files))
        if not path.is_dir():
            raise DataError(f"{path} is not a folder; name the folder of an episode")
    contents = metadata.read(path)
    if contents.types or contents.facts:
        return BagReader(path, contents)
    existing = [file for name in contents.files if (file := located(path, name)).is_file()]
    return BagReader(path, _contents_of(path, existing) if len(existing) == len(contents.files) else contents)


def verdicts(folder: Path) -> dict[Path, str]:
    """Read every byte of every recording in ``folder``; return why each cannot be read, empty if it can."""
    reasons = {recording.path: recording.why_not for recording in recordings(folder)}
    for path in [path for path, why in reasons.items() if not why]:
        try:
            read(path).verify()
        except DataError as error:
            reasons[path] = str(error)
    return reasons


def _contents_of(path: Path, files: Sequence[Path]) -> BagMetadata:
    """Return what ``metadata.yaml`` would say of some files; all of them are read for that."""
    topics: dict[str, RecordedTopic] = {}
    counts: Counter[str] = Counter()
    facts: dict[str, Any] = {}
    first, last, compression = metadata.NO_START_NS, 0, ""
    for file in by_time(files):
        with opened(file) as source:
            for message in source:
                first, last = min(first, message.log_time_ns), max(last, message.log_time_ns)
                compression = "message" if message.data.startswith(ZSTD) else compression
        topics |= {topic.name: topic for topic in source.topics.values() if topic.name in source.counts}
        counts.update(source.counts)
        facts |= source.facts
    return BagMetadata(
        files=tuple(file.name for file in files),
        types={name: topic.type_name for name, topic in topics.items()},
        hashes={name: topic.type_hash for name, topic in topics.items()},
        counts=dict(counts),
        start_ns=first,
        duration_ns=max(0, last - first) if topics else 0,
        facts=facts,
        offered={name: metadata.profiles(topic.offered) for name, topic in topics.items()},
        storage=storage_of(files[0], STORAGE_OF[Path(plain_name(files[0].name)).suffix]) if files else "mcap",
        compression=compression,
    )


class BagReader:
    """The messages and the metadata of a closed bag; any rosbag2 directory that holds CDR."""

    def __init__(self, path: Path, contents: BagMetadata) -> None:
        self.path = path
        self.contents = contents
        self.remarks: list[str] = []
        """Oddities that do not prevent reading; complete once the messages have been read."""
        self.watchers: list[Callable[[RecordedTopic, MessageBatch], None]] = []
        """Functions that are called with all that ``blocks`` yields, for checks beside the reading."""
        self._counted: Mapping[str, int] | None = None
        self._folder = path if path.is_dir() else path.parent
        self._has_compressed_messages = contents.compression == "message"

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the episode, ``remarks`` included."""
        return {**self.contents.facts, **({"remarks": list(self.remarks)} if self.remarks else {})}

    @property
    def types(self) -> Mapping[str, str]:
        """Message type by topic."""
        return self.contents.types

    @property
    def counts(self) -> Mapping[str, int]:
        """Messages by topic: as counted once all were read, before that by the metadata."""
        return self.contents.counts if self._counted is None else self._counted

    def raw(self, topics: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield the serialised messages of ``topics`` (all if None) in the order of recording.

        Raises:
            DataError: at the end, if the bag turned out to be truncated or damaged.
        """
        counts: Counter[str] = Counter()
        for path in self._paths():
            with self._opened(path) as source:
                for message in source:
                    if topics is None or message.topic.name in topics:
                        yield self._whole(message) if self._has_compressed_messages else message
            counts.update(source.counts)
        self._check_counts(counts)

    def messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, int, Any]]:
        """Yield ``(topic, log_time_ns, message)`` of ``topics`` (all if None), decoded, in the order of ``raw``.

        Raises:
            DataError: as ``raw``; or if a message is not what its type says.
        """
        for topic, log_time_ns, _, _, data in self.raw(topics):
            yield topic.name, log_time_ns, self.decode(topic, data)

    def decode(self, topic: RecordedTopic, data: bytes) -> Any:
        """Return the message that was serialised as ``data``.

        Raises:
            DataError: if it is not what its type says.
        """
        try:
            return decoder(topic)(data)
        except DataError as error:
            raise DataError(f"{self.path}: {topic.name}: {error}") from error
        except Exception as error:  # the decoder raises whatever its generated code meets
            defined = " as the bag defines it" if topic.definition else ""
            reason = f"a message of {topic.name} is no {topic.type_name}{defined}"
            raise DataError(f"{self.path}: {reason} ({error})") from error

    def columns(self, fields: Mapping[str, Sequence[str]]) -> dict[str, FieldColumns]:
        """Return the numbers at ``fields``, paths by topic, of all messages of topics; see ``ObservationComponent``.

        Raises:
            DataError: as ``messages``.
        """
        columns = {topic: FieldColumns(paths, self.decode) for topic, paths in fields.items()}
        for topic, block in self.blocks(fields):
            columns[topic.name].add(topic, block)
        return columns

    def blocks(self, topics: Collection[str]) -> Iterator[tuple[RecordedTopic, MessageBatch]]:
        """Yield the serialised messages of ``topics``, many of one topic at a time; ``order`` counts through all files.

        Raises:
            DataError: as ``raw``.
        """
        counts: Counter[str] = Counter()
        for path in self._paths():
            before = counts.total()
            with self._opened(path) as source:
                for topic, block in source.blocks(topics):
                    whole = self._decompressed(topic, block) if self._has_compressed_messages else block
                    whole = whole._replace(order=block.order + before)
                    for watch in self.watchers:
                        watch(topic, whole)
                    yield topic, whole
            counts.update(source.counts)
        self._check_counts(counts)

    def verify(self) -> None:
        """Read every byte.

        Raises:
            DataError: naming the file, what is wrong and the remedy.
        """
        for _ in self.blocks(()):
            pass

    def _paths(self) -> list[Path]:
        """Return the files in the order of their times, whatever the metadata lists first."""
        paths = [located(self._folder, name) for name in self.contents.files]
        for path in paths:
            self._check(path.is_file(), path.name, "the file is missing")
        ordered = by_time(paths)
        if ordered != paths:
            self._remark(f"{METADATA} lists the files in another order than that of their times, which is used")
        return ordered

    @contextmanager
    def _opened(self, path: Path) -> Iterator[McapScanner | Sqlite3Scanner]:
        """Yield a scanner of one of the files; raises what is wrong with it once it has been read."""
        with opened(path, self.contents.storage, self.contents.distro) as source:
            yield source
        self._check(not source.damage, path.name, source.damage[0] if source.damage else "")
        for remark in source.remarks:
            self._remark(remark)
        if is_ours(self) and isinstance(source, McapScanner) and "digest" in source.facts:
            self._check_facts(source.facts)

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)

    def _check_facts(self, recorded: Mapping[str, Any]) -> None:
        changed = differences(self.facts, recorded)
        self._check(not changed, METADATA, "; ".join(changed))

    def _decompressed(self, topic: RecordedTopic, block: MessageBatch) -> MessageBatch:
        data = [self._decompress(topic, block.message(row)) for row in range(len(block.at))]
        return packed(data, block.log_time_ns, block.order, block.publish_time_ns)

    def _whole(self, message: RawMessage) -> RawMessage:
        return message._replace(data=self._decompress(message.topic, message.data))

    def _decompress(self, topic: RecordedTopic, data: bytes) -> bytes:
        if data.startswith(PLAIN):
            return data
        try:
            return zstandard.ZstdDecompressor().decompress(data)
        except zstandard.ZstdError as error:
            raise DataError(f"{self.path}: a message of {topic.name} cannot be decompressed ({error})") from error

    def _check_counts(self, counts: Mapping[str, int]) -> None:
        expected = {topic: count for topic, count in self.contents.counts.items() if count}
        files = ", ".join(self.contents.files)
        if is_ours(self):
            self._check(counts == expected, files, f"it holds {dict(counts)}, {METADATA} says {expected}")
        for topic in sorted(counts.keys() | expected.keys()):
            if counts[topic] != expected.get(topic, 0) and self.contents.is_counted:
                difference = f"{counts[topic]:,} messages of {topic}, {METADATA} says {expected.get(topic, 0):,}"
                self._remark(f"the files hold {difference}; the count of the files is used")
        self._counted = {**dict.fromkeys(self.types, 0), **counts}

    def _check(self, sound: bool, name: str, reason: str) -> None:
        if not sound:
            remedy = f"run `il-ros recover {self.path.parent}` to save the rest"
            if not is_ours(self):
                remedy = NOT_OURS
            raise DataError(f"{self._folder / name} is damaged: {reason}; {remedy}")


def is_ours(bag: BagReader) -> bool:
    """Return whether our recorder wrote the bag; every bag of ours holds a digest of its messages."""
    return are_ours(bag.contents.facts)


def bytes_of(path: Path) -> int:
    """Return the size of a bag or a file on the disk, bytes, without decoded images."""
    if path.is_file():
        return path.stat().st_size
    return sum(os.stat(p).st_size for p in path.rglob("*") if p.is_file() and CACHE not in p.parts)
