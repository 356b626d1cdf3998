# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The records of an MCAP file: their layout in bytes, the content of chunks, and the record that keeps facts.

The format is described at https://mcap.dev/spec.
"""

from __future__ import annotations

import json
import struct
import zlib
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.stream_reader import get_chunk_data_stream

from il_ros.core.errors import DataError
from il_ros.recording.decode.message_batch import RecordedTopic

MAGIC = b"\x89MCAP0\r\n"
FACTS = "il_ros.facts"
"""The name of the metadata record that holds an episode's facts."""
RECORD = struct.Struct("<BQ")  # opcode, length
MESSAGE = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, log time, publish time
HEAD = struct.Struct("<BQH")  # opcode, length, and the channel if it is a message
LOG_TIME = 15
"""Where the log time lies in a message's record."""
MESSAGE_INDEX = struct.Struct("<BQHIQQ")  # opcode, length, channel, bytes of what follows: one log time and place
CHUNK = struct.Struct("<QQQII")  # first time, last time, size, CRC, length of the compression's name
JOURNAL_RECORDS = frozenset(
    {Opcode.HEADER, Opcode.METADATA, Opcode.CHUNK, Opcode.MESSAGE_INDEX, Opcode.DATA_END, Opcode.FOOTER}
)
"""The only records of a journal; any other is a damaged one."""
FOOTER_BYTES, CRC_BYTES = 20, 4
"""Of a footer, and of the CRC at its end, which is all of the record that ends the data."""
_LENGTHS = {int(Opcode.FOOTER): FOOTER_BYTES, int(Opcode.MESSAGE_INDEX): MESSAGE_INDEX.size - RECORD.size}
NO_CRC, CHUNK_CRC = bytes(CRC_BYTES), slice(24, 28)
LARGE_DATA_BYTES = 64 * 1024
"""Data above this enter a digest by their CRC: hashing raw images would take a tenth of a core."""
_CRC_POLYNOMIAL = 0xEDB88320
_ZSTD = zstandard.ZstdDecompressor()


class RawMessage(NamedTuple):
    """One message as it was received."""

    topic: RecordedTopic
    log_time_ns: int
    publish_time_ns: int
    sequence: int
    data: bytes


class Digest:
    """A digest over the topics, types, times, numbers and bytes of messages, in their order."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def add(self, message: RawMessage, crc: int | None = None) -> None:
        """Take one more message into account; ``crc`` is that of its data, if it is known."""
        topic, *numbers, data = message
        self._hash.update(f"{topic.name}\n{topic.type_name}\n{numbers}\n{len(data)}\n".encode())
        if len(data) > LARGE_DATA_BYTES:
            data = (zlib.crc32(data) if crc is None else crc).to_bytes(CRC_BYTES, "little")
        self._hash.update(data)

    def text(self) -> str:
        """Return the digest so far, 32 hexadecimal digits."""
        return self._hash.hexdigest()


def chunk_content(payload: bytes) -> bytes | memoryview:
    """Return the records of a chunk after a check of its CRC; those that are stored as they are without a copy."""
    _, _, size, crc, name_length = CHUNK.unpack_from(payload)
    at = CHUNK.size + name_length
    name = payload[CHUNK.size : at].decode()
    (length,) = struct.unpack_from("<Q", payload, at)
    if at + 8 + length > len(payload):
        raise ValueError(f"its content is said to have {length} bytes")
    records = _expanded(name, memoryview(payload)[at + 8 : at + 8 + length], size)
    if len(records) != size or (crc and zlib.crc32(records) != crc):
        raise ValueError("its CRC is wrong")
    return records


def _expanded(compression: str, data: memoryview, size: int) -> bytes | memoryview:
    if compression == "":
        return data
    if compression == "zstd":
        return _ZSTD.decompress(data, max_output_size=size)
    if compression != "lz4":
        raise ValueError(f"compression {compression!r} is not known")
    stream, length = get_chunk_data_stream(Chunk(compression, bytes(data), 0, 0, 0, size))
    return stream.read(length)


def is_as_long(opcode: int, length: int) -> bool:
    """Return whether a record of a journal may have this length: one bit makes of a chunk the index of one."""
    return _LENGTHS.get(opcode, length) == length


def with_chunk(crc: int, payload: bytes) -> int:
    """Return the CRC of what ``crc`` is of and the payload of a chunk.

    The CRC of content that is stored as it is stands in the chunk, and ``chunk_content`` verifies it.
    """
    at = CHUNK.size + 8
    if len(payload) < at:
        return zlib.crc32(payload, crc)
    _, _, size, stated, name_length = CHUNK.unpack_from(payload)
    if name_length or not stated or size != len(payload) - at:
        return zlib.crc32(payload, crc)
    return crc_of_last(int(stated), zlib.crc32(payload[:at], crc), size)


def crc_of_last(crc: int, before: int, length: int) -> int:
    """Return the CRC of the last ``length`` bytes, given that of all bytes and that of those before.

    Likewise it returns the CRC of all bytes, given that of the last ones in the place of ``crc``.
    """
    return _crc_product(before, _crc_power(length)) ^ crc


@lru_cache(maxsize=256)
def _crc_power(length: int) -> int:
    """Return the polynomial x^(8 length) modulo that of the CRC: by it ``length`` more bytes multiply a CRC."""
    result, square, bits = 1 << 31, 1 << 30, 8 * length  # the highest bit is the coefficient of x^0
    while bits:
        result = _crc_product(result, square) if bits & 1 else result
        square, bits = _crc_product(square, square), bits >> 1
    return result


def _crc_product(a: int, b: int) -> int:
    """Return the product of two polynomials modulo that of the CRC."""
    result = 0
    while a:
        result ^= b if a >> 31 else 0
        a, b = (a << 1) & 0xFFFFFFFF, b >> 1 ^ (_CRC_POLYNOMIAL if b & 1 else 0)
    return result


def facts_record(facts: dict[str, Any]) -> dict[str, str]:
    """Return the content of the metadata record that keeps ``facts``, with a CRC of them.

    Raises:
        DataError: if a fact is not one that JSON knows.
    """
    try:
        text = json.dumps(facts)
    except TypeError as error:
        reason = f"facts {facts} cannot be written as JSON ({error})"
        raise DataError(f"{reason}; use strings, numbers, lists and mappings") from error
    return {"facts": text, "crc32": str(zlib.crc32(text.encode()))}


def facts_from(record: dict[str, str]) -> dict[str, Any]:
    """Return the facts that a metadata record keeps.

    Raises:
        ValueError, KeyError: if they are damaged.
    """
    if str(zlib.crc32(record["facts"].encode())) != record["crc32"]:
        raise ValueError("the CRC of the facts is wrong")
    facts: dict[str, Any] = json.loads(record["facts"])
    return facts


def built(*records: Any) -> bytes:
    """Return the bytes of MCAP records."""
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]
    return data
