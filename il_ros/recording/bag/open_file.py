# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Open one file of messages, whatever stores them, and decompress it first if it is compressed as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import zstandard

from il_ros.core.atomic_io import temporary_folder, write_temporary
from il_ros.core.errors import DataError
from il_ros.recording.bag.files import is_packed, storage_of
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.sqlite3 import Sqlite3Scanner

PIECE_BYTES = 1 << 20
"""Bytes of a compressed file that are decompressed at a time."""
FRAME_HEADER_BYTES = 18
"""Bytes of a zstd header, which may say how large the content is."""


@contextmanager
def opened(path: Path, storage: str = "mcap", distro: str = "") -> Iterator[McapScanner | Sqlite3Scanner]:
    """Yield a scanner of one file, which may be compressed; ``storage`` is used if its first bytes do not say.

    Raises:
        DataError: if it cannot be decompressed.
    """
    with ExitStack() as stack:
        if is_packed(path):
            path = stack.enter_context(decompressed(path))
        yield McapScanner(path, distro=distro) if storage_of(path, storage) == "mcap" else Sqlite3Scanner(path, distro)


@contextmanager
def decompressed(path: Path) -> Iterator[Path]:
    """Yield the path of a decompressed copy of a zstd file, which is removed in the end.

    Raises:
        DataError: if it cannot be decompressed.
        StorageError: if there is no room for the copy in the folder of temporary files.
    """
    decompressor = zstandard.ZstdDecompressor()
    with temporary_folder() as folder, path.open("rb") as source:
        copy = folder / path.stem
        try:
            size = zstandard.frame_content_size(source.read(FRAME_HEADER_BYTES))
            source.seek(0)
            with decompressor.stream_reader(source, read_across_frames=True) as stream:
                write_temporary(copy, iter(lambda: stream.read(PIECE_BYTES), b""), size, path)
        except zstandard.ZstdError as error:
            raise DataError(f"{path} cannot be decompressed ({error}); copy it again") from error
        yield copy
