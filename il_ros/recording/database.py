# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The messages of a rosbag2 database: SQLite, as ROS 2 recorded by default until Humble."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from il_ros.errors import StorageError
from il_ros.recording.blocks import Block, Topic, packed
from il_ros.recording.scan import RawMessage

TOGETHER = 4096
"""Messages that are looked at together."""
BLOCK_BYTES = 1 << 22
"""Bytes of messages that are looked at together, unless a single message is larger."""
NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
"""Errors of SQLite, which sorts in temporary files, that tell of a disk and not of the database."""
_Row = tuple[int, tuple[int, int, bytes]]
"""The number of a message among those that are read; its topic, time and bytes."""


class Database:
    """The messages of one ``.db3`` file, in the order of their times; it tells of itself what a ``Scan`` does.

    SQLite keeps no CRC of its content: of damage, only what breaks its structure is found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        """What is wrong."""
        self.counts: dict[str, int] = {}
        """Messages by topic."""
        self.topics: dict[int, Topic] = {}

    def __iter__(self) -> Iterator[RawMessage]:
        for number, time_ns, data in self._rows(None):
            yield RawMessage(self.topics[number], time_ns, time_ns, 0, data)

    def blocks(self, topics: Collection[str]) -> Iterator[tuple[Topic, Block]]:
        """The messages of ``topics``, many at a time; see ``Scan.blocks``."""
        for some in _together(enumerate(self._rows(topics))):
            for number in dict.fromkeys(row[0] for _, row in some):
                mine = [(order, time_ns, data) for order, (topic, time_ns, data) in some if topic == number]
                orders, times, data = zip(*mine)
                yield self.topics[number], packed(data, np.array(times, np.int64), np.array(orders, np.int64))

    def _rows(self, topics: Collection[str] | None) -> Iterator[tuple[int, int, bytes]]:
        """Topic, time and bytes of each message."""
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?immutable=1", uri=True)) as base:
                self._describe(base)
                found = base.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    self.damage.append(found)
                wanted = [n for n, topic in self.topics.items() if topics is None or topic.name in topics]
                marks = ",".join("?" * len(wanted))
                query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks})"
                yield from base.execute(f"{query} ORDER BY timestamp, id", wanted)
        except (sqlite3.DatabaseError, KeyError) as error:
            if getattr(error, "sqlite_errorname", "") in NO_ROOM:
                raise StorageError(
                    f"{tempfile.gettempdir()} cannot be written ({error}); {self.path} is sorted there while it is "
                    "read: set TMPDIR to a folder with more room"
                ) from error
            self.damage.append(str(error))

    def _describe(self, base: sqlite3.Connection) -> None:
        """Learn the topics, their counts and, in bags since Iron, the definitions of their types."""
        tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        known: dict[str, tuple[str, str, str]] = {}
        if "message_definitions" in tables:
            columns = "topic_type, encoded_message_definition, type_description_hash, encoding"
            for name, *described in base.execute(f"SELECT {columns} FROM message_definitions"):
                known[name] = described[0], described[1], described[2]
        for number, name, type_name in base.execute("SELECT id, name, type FROM topics").fetchall():
            self.topics[number] = Topic(name, type_name, *known.get(type_name, ("", "", "ros2msg")))
        for number, count in base.execute("SELECT topic_id, count(*) FROM messages GROUP BY topic_id"):
            name = self.topics[number].name
            self.counts[name] = self.counts.get(name, 0) + count


def _together(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Some rows at a time, as many as ``TOGETHER`` and ``BLOCK_BYTES`` allow."""
    some, size = list[_Row](), 0
    for row in rows:
        some.append(row)
        size += len(row[1][2])
        if len(some) == TOGETHER or size > BLOCK_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
