# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""Files of messages: recognise them by name and first bytes, and find the times that they cover."""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

import zstandard
from mcap.opcode import Opcode

from il_ros.recording.bag.mcap_records import MAGIC, MESSAGE, RECORD
from il_ros.recording.write.journal import SUFFIX

STORAGE_OF = {".mcap": "mcap", ".db3": "sqlite3"}
"""The storage by the suffix of a file without ``metadata.yaml``."""
PACKED = (".zstd", ".zst")
"""Suffixes of compressed files."""
SQLITE = b"SQLite format 3\0"
ZSTD = b"\x28\xb5\x2f\xfd"
PIECE = 1 << 20
"""Bytes that are skipped at once."""
TOUCH_NS = 1_000_000_000
"""Split files follow one another within this; recordings that were started one after another do not."""
_NUMBERED = re.compile(r"(?P<prefix>.*)_(?P<number>\d+)")
_COUNTED = re.compile(r"(?P<number>\d+)_(?P<prefix>.*?)_\d{4}_\d{2}_\d{2}.*")  # as rosbag2 names them since 0.33
_TIMES = struct.Struct("<QQ")


def plain_name(name: str) -> str:
    """Return the name of a file without the suffix of compressed files."""
    return next((name.removesuffix(end) for end in PACKED if name.endswith(end)), name)


def is_message_file(path: Path) -> bool:
    """Return whether the file is named as a file of messages, compressed or not, and not as a journal."""
    return Path(plain_name(path.name)).suffix in STORAGE_OF and not path.name.endswith(SUFFIX) and path.is_file()


def is_packed(path: Path) -> bool:
    """Return whether the file is compressed by zstd, whatever its name."""
    return begins(path, len(ZSTD)) == ZSTD


def storage_of(path: Path, otherwise: str) -> str:
    """Return the storage of an uncompressed file by its first bytes; ``otherwise`` if they are not known."""
    begin = begins(path, len(SQLITE))
    return "mcap" if begin.startswith(MAGIC) else "sqlite3" if begin == SQLITE else otherwise


def located(folder: Path, name: str) -> Path:
    """Return the path of a bag's file ``name``; old versions name a compressed file as before its compression."""
    names = [name, *(name + end for end in PACKED), plain_name(name)]
    return next((folder / each for each in names if (folder / each).is_file()), folder / name)


def parts(folder: Path) -> list[Path]:
    """Return the files of a recording without ``metadata.yaml``, by number; none if they are several recordings.

    They are one recording if all of them are numbered and named like the folder, or if they are numbered from 0 and
    each begins where the one before ends.
    """
    files = {p: match for p in folder.iterdir() if is_message_file(p) and (match := _split_name(p)) is not None}
    if len(files) != sum(map(is_message_file, folder.iterdir())):
        files = {}
    prefixes = {match["prefix"] for match in files.values()}
    ordered = sorted(files, key=lambda p: int(files[p]["number"]))
    if len(prefixes) == 1 and (folder.name in prefixes or _touch(ordered, files)):
        return ordered
    return []


def _split_name(path: Path) -> re.Match[str] | None:
    stem = Path(plain_name(path.name)).stem
    return _COUNTED.fullmatch(stem) or _NUMBERED.fullmatch(stem)


def _touch(ordered: Sequence[Path], names: dict[Path, re.Match[str]]) -> bool:
    """Return whether the files are numbered from 0 and follow one another without a pause."""
    if len(ordered) < 2 or [int(names[path]["number"]) for path in ordered] != list(range(len(ordered))):
        return False
    spans = [span(path) for path in ordered]
    return all(a is not None and b is not None and abs(b[0] - a[1]) <= TOUCH_NS for a, b in zip(spans, spans[1:]))


def by_time(paths: Sequence[Path]) -> list[Path]:
    """Return the files of one recording in the order of their times if they do not overlap, else as they are given.

    Files of a clock that was set back overlap, and only the given order shows which came first.
    """
    if len(paths) < 2:
        return list(paths)
    starts = [first_time(path) for path in paths]
    known = [start for start in starts if start is not None]
    if len(known) < len(starts) or known == sorted(known):
        return list(paths)
    spans = {path: span(path) for path in paths}
    ordered = sorted(paths, key=lambda path: spans[path] or (0, 0))
    times = [spans[path] or (0, 0) for path in ordered]
    return ordered if all(b[0] >= a[1] - TOUCH_NS for a, b in zip(times, times[1:])) else list(paths)


def first_time(path: Path) -> int | None:
    """Return when the first messages of a file were recorded, ns; None if its first records do not say."""
    return next((first for first, _ in _times(path)), None)


def span(path: Path) -> tuple[int, int] | None:
    """Return the first and the last time of recording in a file, ns; None if that needs reading all of it."""
    times = list(_times(path))
    return (min(first for first, _ in times), max(last for _, last in times)) if times else None


def _times(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the first and last times of parts of a file; of a damaged one those of the sound parts."""
    try:
        if storage_of(path, "") == "sqlite3":
            yield from _times_of_rows(path)
            return
        with path.open("rb") as file:
            if not is_packed(path):
                yield from _times_of_records(file, path.stat().st_size)
                return
            with zstandard.ZstdDecompressor().stream_reader(file) as stream:
                yield from _times_of_records(stream, None)
    except (OSError, sqlite3.DatabaseError, struct.error, zstandard.ZstdError, ValueError, EOFError):
        return


def _times_of_rows(path: Path) -> Iterator[tuple[int, int]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as base:
        first, last = base.execute("SELECT min(timestamp), max(timestamp) FROM messages").fetchone()
        if isinstance(first, int) and isinstance(last, int):
            yield first, last


def _times_of_records(file: IO[bytes], size: int | None) -> Iterator[tuple[int, int]]:
    at = len(MAGIC)
    if file.read(at) != MAGIC:
        return
    while len(head := file.read(RECORD.size)) == RECORD.size:
        opcode, length = RECORD.unpack(head)
        at += RECORD.size + length
        if opcode == Opcode.FOOTER or size is not None and at > size:
            return
        looked = file.read(min(length, MESSAGE.size - RECORD.size))
        if opcode == Opcode.CHUNK and length >= _TIMES.size:
            first, last = _TIMES.unpack_from(looked)
            if first or last:  # a chunk without a message says zero
                yield first, last
        elif opcode == Opcode.MESSAGE and len(looked) == MESSAGE.size - RECORD.size:
            yield (MESSAGE.unpack(head + looked)[4],) * 2
        rest = length - len(looked)
        if size is not None:
            file.seek(at)
        elif not _skipped(file, rest):
            return


def _skipped(file: IO[bytes], count: int) -> bool:
    """Skip ``count`` bytes without holding them in memory; return whether there were as many."""
    while count and (piece := file.read(min(count, PIECE))):
        count -= len(piece)
    return not count


def begins(path: Path, count: int) -> bytes:
    """Return the first bytes of a file, at most ``count``; none if it is no file or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
