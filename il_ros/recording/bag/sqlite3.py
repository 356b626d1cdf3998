# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""Scan a rosbag2 database: SQLite, as ROS 2 recorded by default until Humble."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.atomic_io import temporary_folder
from il_ros.core.errors import StorageError
from il_ros.recording.bag.mcap_records import RawMessage
from il_ros.recording.bag.mcap_scanner import UNCHECKED
from il_ros.recording.bag.metadata import whole_name
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic, packed

TOGETHER = 4096
"""Messages that are yielded together."""
BLOCK_BYTES = 1 << 22
"""Bytes of messages that are yielded together, unless a single message is larger."""
_Row = tuple[int, tuple[int, int, bytes]]
"""The number of a message among those that are read; its topic, time and bytes."""
JOURNALS = ("-wal", "-journal")
"""Suffixes of the files that SQLite keeps beside a database that is being written."""
_COLUMNS = "topic_type, encoded_message_definition, type_description_hash, encoding"


class Sqlite3Scanner:
    """The messages of one ``.db3`` file, in the order in which they were written; same interface as ``McapScanner``.

    SQLite keeps no CRC of its content: of damage, only what breaks its structure is found. What its recorder had not
    yet moved out of the file's write-ahead log (``-wal``) or not taken back (``-journal``) is taken into account.

    Args:
        path: of the file; neither it nor what lies beside it is changed.
        distro: of ROS 2, that recorded it, if the bag says.
    """

    def __init__(self, path: Path, distro: str = "") -> None:
        self.path = path
        self.damage: list[str] = []
        """What is wrong."""
        self.remarks: list[str] = [UNCHECKED]
        """Remarks on a file that is not damaged."""
        self.counts: dict[str, int] = {}
        """Messages by topic."""
        self.topics: dict[int, RecordedTopic] = {}
        self.facts: dict[str, Any] = {}
        """None; a database holds no facts."""
        self.distro = distro

    def __iter__(self) -> Iterator[RawMessage]:
        for number, time_ns, data in self._rows(None):
            yield RawMessage(self.topics[number], time_ns, time_ns, 0, data)

    def blocks(self, topics: Collection[str]) -> Iterator[tuple[RecordedTopic, MessageBatch]]:
        """Yield the messages of ``topics``, many at a time; see ``McapScanner.blocks``."""
        for some in _together(enumerate(self._rows(topics))):
            for number in dict.fromkeys(row[0] for _, row in some):
                mine = [(order, time_ns, data) for order, (topic, time_ns, data) in some if topic == number]
                orders, times, data = zip(*mine)
                yield self.topics[number], packed(data, np.array(times, np.int64), np.array(orders, np.int64))

    def _rows(self, topics: Collection[str] | None) -> Iterator[tuple[int, int, bytes]]:
        """Yield topic, time and bytes of each message."""
        try:
            with self._opened() as base:
                self._describe(base)
                result = base.execute("PRAGMA quick_check(1)").fetchone()[0]
                if result != "ok":
                    self.damage.append(str(result))
                selected = [n for n, topic in self.topics.items() if topics is None or topic.name in topics]
                marks = ",".join("?" * len(selected))
                query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks})"
                for number, time_ns, data in base.execute(f"{query} ORDER BY id", selected):
                    if not (isinstance(time_ns, int) and isinstance(data, bytes)):
                        raise ValueError(f"a message of {self.topics[number].name} has no bytes or no time")
                    yield number, time_ns, data
        except (sqlite3.Error, KeyError, ValueError, TypeError, OverflowError) as error:
            self.damage.append(" ".join(str(error).split()) or type(error).__name__)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to the database, which is not changed.

        Raises:
            StorageError: if there is no room for a copy, which is needed where a log lies beside it.
        """
        beside = [file for end in JOURNALS if (file := Path(f"{self.path}{end}")).is_file() and file.stat().st_size]
        if not beside:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?immutable=1", uri=True)) as base:
                yield base
            return
        self.remarks.append(f"messages in {', '.join(file.name for file in beside)} were taken into account")
        with temporary_folder() as folder:
            try:
                for file in (self.path, *beside):
                    shutil.copyfile(file, folder / file.name)
            except OSError as error:
                raise StorageError(
                    f"{self.path} cannot be copied to {folder} to take its log into account ({error.strerror}); "
                    "free some space there, or set TMPDIR to a folder on a larger disk"
                ) from error
            with closing(sqlite3.connect(folder / self.path.name)) as base:
                yield base

    def _describe(self, base: sqlite3.Connection) -> None:
        """Read the topics, their counts and, in bags since Iron, the definitions of their types."""
        tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        known: dict[str, tuple[str, str, str]] = {}
        if "message_definitions" in tables:
            for name, *described in base.execute(f"SELECT {_COLUMNS} FROM message_definitions"):
                known[name] = described[0], described[1], described[2]
        elif not self.distro:
            self.distro = _distro(base, tables)
        columns = {row[1] for row in base.execute("PRAGMA table_info(topics)")}
        more = [name if name in columns else "''" for name in ("serialization_format", "offered_qos_profiles")]
        for number, *texts in base.execute(f"SELECT id, name, type, {', '.join(more)} FROM topics").fetchall():
            name, type_name, serialization, offered = _texts(texts)
            text, type_hash, form = _texts(known.get(type_name, ("", "", "ros2msg")))
            kind, how = whole_name(type_name), serialization or "cdr"
            self.topics[number] = RecordedTopic(
                name, kind, text, type_hash, form, offered, how, "" if text else self.distro
            )
        for number, count in base.execute("SELECT topic_id, count(*) FROM messages GROUP BY topic_id"):
            name = self.topics[number].name
            self.counts[name] = self.counts.get(name, 0) + count


def _together(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Yield rows in groups, as many as ``TOGETHER`` and ``BLOCK_BYTES`` allow."""
    some, size = list[_Row](), 0
    for row in rows:
        some.append(row)
        size += len(row[1][2])
        if len(some) == TOGETHER or size > BLOCK_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _texts(values: Any) -> list[str]:
    if not all(isinstance(value, str) or value is None for value in values):
        raise ValueError("the description of a topic is no text")
    return [value or "" for value in values]


def _distro(base: sqlite3.Connection, tables: Collection[str]) -> str:
    """Return the distribution that recorded a database without definitions: Humble names itself, older ones do not."""
    if "schema" not in tables:
        return "galactic"
    row = base.execute("SELECT ros_distro FROM schema").fetchone()
    return str(row[0]) if row else "humble"
