# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files and folders that appear whole and on the disk or not at all, and errors of the disk in one clear line."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from il_ros.core.errors import StorageError


@contextmanager
def storage_errors(folder: Path, remedy: str) -> Iterator[None]:
    """Turn an ``OSError`` of the body into a ``StorageError`` that names the folder, its free space and ``remedy``."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written: {error.strerror or error} ({_free(folder)}); {remedy}"
        ) from error


def check_writable(folder: Path) -> None:
    """Check before long work that ``folder`` can be written or made; nothing is written.

    Raises:
        StorageError: if it cannot.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise StorageError(f"{folder} cannot be written: {existing} is not a writable folder; choose another")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder for temporary files, which is removed in the end.

    Raises:
        StorageError: if none can be made.
    """
    chosen = Path(os.environ.get("TMPDIR") or "/tmp")
    with storage_errors(chosen, "set TMPDIR to a folder that can be written"):
        temporary = tempfile.TemporaryDirectory(prefix="il_ros_")
    with temporary as folder:
        yield Path(folder)


def write_temporary(path: Path, pieces: Iterable[bytes], size: int, source: Path) -> None:
    """Write the content of ``source`` to a file in a temporary folder.

    Args:
        path: of the file.
        pieces: its content.
        size: of the content in bytes, -1 if it is not known.
        source: the file that the content comes from.

    Raises:
        StorageError: if there is no room for it.
    """
    room = f"a folder with {size / 1e6:.1f} MB free" if size >= 0 else "a folder with more room"
    folder, remedy = path.parent.parent, f"{source} is decompressed there while it is read: set TMPDIR to {room}"
    with storage_errors(folder, remedy):
        usage = os.statvfs(folder)
        if size > usage.f_bavail * usage.f_frsize:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for piece in pieces:
            with storage_errors(folder, remedy):
                write_all(descriptor, piece)
    finally:
        os.close(descriptor)


def _free(folder: Path) -> str:
    existing = next((p for p in (folder, *folder.absolute().parents) if p.is_dir()), Path("/"))
    try:
        usage = os.statvfs(existing)
    except OSError as error:
        return f"its disk does not answer: {error.strerror or error}"
    free = f"{usage.f_bavail * usage.f_frsize / 1e6:.1f} MB free"
    if usage.f_files and not usage.f_favail:
        return f"{free}, but no inode: the disk holds as many files as it can, remove some"
    return free


def sync(path: Path) -> None:
    """Return once ``path``, a file or a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of ``data``; the kernel may take fewer at a time.

    Raises:
        OSError: if the disk takes no more; some of ``data`` may then be in the file.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def write_parts(descriptor: int, *parts: bytes) -> None:
    """Write every byte of ``parts``, one behind the other, in one call and without joining them.

    Raises:
        OSError: likewise.
    """
    written = os.writev(descriptor, parts)
    if written < sum(map(len, parts)):
        write_all(descriptor, b"".join(parts)[written:])


@contextmanager
def written_whole(target: Path, unfinished: Path | None = None) -> Iterator[Path]:
    """Yield the path at which to write a file or folder that takes the place of ``target`` once it is on the disk.

    Other processes see the old ``target`` or the whole new one. If the body raises, the old one stays and nothing
    is left beside it.

    Args:
        target: a file that may exist, or a folder that does not exist.
        unfinished: the path that is yielded, on the same disk; by default beside ``target``, with ``.part`` behind its
            name. What a killed process left there is removed.
    """
    unfinished = unfinished or target.with_name(target.name + ".part")
    _remove(unfinished)
    try:
        yield unfinished
        for path in (unfinished, *unfinished.rglob("*")):
            sync(path)
        os.replace(unfinished, target)
    finally:
        _remove(unfinished)
    sync(target.parent)


def replace_file(path: Path, content: str | bytes) -> None:
    """Write ``content``, text as UTF-8, to the file ``path`` as a whole: see ``written_whole``.

    Raises:
        OSError: if it cannot be written; the old file stays.
    """
    with written_whole(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
