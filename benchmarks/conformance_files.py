# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""The conformance files of MCAP, from their descriptions in JSON: the repository keeps the files themselves elsewhere.

``tests/conformance/data`` of foxglove/mcap holds, beside each description, a pointer with the size and the SHA-256 of
the file. A file is made of the records that the description lists, and counts only if both are equal: so it is the
very file that MCAP's own readers are tested with.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcap import records
from mcap.data_stream import RecordBuilder

from il_ros.recording.bag.mcap_records import MAGIC, RECORD

PADDING = b"\x01\xff\xff"
UNPADDED = ("Footer", "DataEnd", "Message", "Chunk")
"""Records that the generator of the files adds no padding to, nor to those within a chunk."""
TEXTS = frozenset(("library", "profile", "name", "topic", "encoding", "message_encoding", "media_type", "compression"))
IN_CHUNKS = ("Schema", "Channel", "Message")


def rebuilt(description: Path) -> bytes | None:
    """Return the file that is described; None if what was made is not what the pointer beside it says."""
    document = json.loads(description.read_text())
    pointer = dict(line.split(" ", 1) for line in description.with_suffix(".mcap").read_text().splitlines())
    features = frozenset(document["meta"]["variant"]["features"])
    data = MAGIC + b"".join(_pieces(document["records"], features)) + MAGIC
    is_equal = hashlib.sha256(data).hexdigest() == pointer["oid"].removeprefix("sha256:")
    return data if is_equal and len(data) == int(pointer["size"]) else None


def _pieces(described: list[dict[str, Any]], features: frozenset[str]) -> Iterator[bytes]:
    """Return the records of a file in their order; those of a chunk are put together where the first stands."""
    end = next(n for n, record in enumerate(described) if record["type"] == "DataEnd")
    inner = [r for r in described[:end] if r["type"] in IN_CHUNKS] if "ch" in features else []
    written = False
    for number, record in enumerate(described):
        if number < end and record in inner:
            if not written:
                yield from _chunk(inner, features)
            written = True
        else:
            yield _record(record, features)


def _chunk(inner: list[dict[str, Any]], features: frozenset[str]) -> Iterator[bytes]:
    parts, times, index, at = [], [0], dict[int, list[tuple[int, int]]](), 0
    for record in inner:
        part = _record(record, frozenset())
        if record["type"] == "Message":
            fields = dict(record["fields"])
            times.append(int(fields["log_time"]))
            index.setdefault(int(fields["channel_id"]), []).append((times[-1], at))
        parts.append(part)
        at += len(part)
    data = b"".join(parts)
    known = times[1:] or times
    yield _padded(records.Chunk("", data, max(known), min(known), zlib.crc32(data), len(data)), features)
    if "mx" in features:
        for channel, entries in index.items():
            yield _padded(records.MessageIndex(channel, entries), features)


def _record(described: dict[str, Any], features: frozenset[str]) -> bytes:
    kind = getattr(records, described["type"])
    return _padded(kind(**{name: _value(name, value) for name, value in described["fields"]}), features)


def _value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return bytes(map(int, value))
    if isinstance(value, dict):
        is_text = name == "metadata"
        return {key if is_text else int(key): part if is_text else int(part) for key, part in value.items()}
    return value if name in TEXTS else int(value)


def _padded(record: Any, features: frozenset[str]) -> bytes:
    builder = RecordBuilder()
    record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]
    if "pad" not in features or type(record).__name__ in UNPADDED:
        return data
    opcode, length = RECORD.unpack_from(data)
    return RECORD.pack(opcode, length + len(PADDING)) + data[RECORD.size :] + PADDING
