# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Crash recovery: make marked, partial episodes of what a killed recorder or a damaged disk left behind."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from il_ros.core.atomic_io import storage_errors, sync
from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.discovery import DAMAGED, is_foreign
from il_ros.recording.bag.mcap_records import JOURNAL_RECORDS
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import is_closed, read
from il_ros.recording.write.adopt import adopt
from il_ros.recording.write.finalize import write_bag
from il_ros.recording.write.journal import SUFFIX, is_open, locked

WORKSHOP = ".recovering"
"""The folder in which a bag is made again before it replaces the damaged one."""
_SHOWN = 3


def leftovers(folder: Path, thorough: bool = False) -> list[Path]:
    """Return journals that are no longer written, and bags that are not closed though their file exists, by name.

    ``thorough`` reads every byte of every bag as well, and so finds those that are truncated or damaged.
    """
    folder = Path(folder)
    strange = set(oddities(folder))
    journals = [path for path in folder.glob(f"episode_*{SUFFIX}") if path not in strange]
    taken = {path.name.removesuffix(SUFFIX) for path in journals}
    bags = [p for p in folder.glob("episode_*") if p.suffix == "" and p.name not in taken and _file(p) is not None]
    unsound = {bag for bag in bags if not _is_sound(bag, thorough)}
    pending = {folder / path.name for path in (folder / WORKSHOP).glob("episode_*")}
    return sorted({path for path in journals if not is_open(path)} | unsound | pending)


def oddities(folder: Path) -> list[Path]:
    """Return paths with a journal's name that are no file, and journals whose bag's name is taken by a file.

    A recovery skips them.
    """
    journals = list(Path(folder).glob(f"episode_*{SUFFIX}"))
    bags = {path: path.with_name(path.name.removesuffix(SUFFIX)) for path in journals}
    return sorted(p for p, bag in bags.items() if not p.is_file() or (bag.exists() and not bag.is_dir()))


def recover(folder: Path, thorough: bool = False, progress: Callable[[Path], None] | None = None) -> list[Path]:
    """Make an episode of every leftover of ``folder``; return the bags.

    Their facts hold ``recovered`` (true), ``partial`` (true unless every message is known to be there), ``reason`` and
    ``salvaged``: the messages and bytes that were saved, the size of the source and what was cut off. Doing it twice
    changes nothing. What could not be copied and verified is kept beside, as ``….damaged``. ``progress`` is called with
    each leftover before it is recovered.

    Raises:
        DataError: if there is no such folder.
        StorageError: if the disk takes no more; nothing is lost, and the next call goes on.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name the folder that holds the episodes")
    bags = []
    for path in leftovers(folder, thorough):
        if progress is not None:
            progress(path)
        with storage_errors(folder, f"nothing is lost; correct that and run `il-ros recover {folder}` again"):
            bags.append(_recover_journal(path) if path.name.endswith(SUFFIX) else _recover_bag(path))
    with suppress(OSError):  # there is none
        (folder / WORKSHOP).rmdir()
    return bags


def _file(bag: Path) -> Path | None:
    """Return the one MCAP file of a bag of our recorder; None for a bag of another program."""
    files = [path for path in bag.glob("*.mcap") if path.is_file()]
    return files[0] if len(files) == 1 and not is_foreign(files[0]) else None


def _is_sound(bag: Path, thorough: bool) -> bool:
    if not thorough or not is_closed(bag):
        return is_closed(bag)
    try:
        read(bag).verify()
    except DataError:
        return False
    return True


def _recover_journal(journal: Path) -> Path:
    bag = journal.with_name(journal.name.removesuffix(SUFFIX))
    reason = "the recorder ended before it closed the episode"
    with locked(journal):
        scan = McapScanner(journal, JOURNAL_RECORDS)
        if is_closed(bag):  # killed after the bag was closed and before the journal was removed
            saved = scan.read().digest.text() == metadata.read(bag).facts.get("digest")
        elif not (saved := adopt(journal, bag, lambda scan: _facts(scan, reason))):
            write_bag(scan, bag, lambda: _facts(scan, reason))
            saved = True
        if saved and (not scan.damage or scan.only_unfinished):
            journal.unlink()
        else:
            os.rename(journal, _aside(journal))
        sync(journal.parent)
    return bag


def _recover_bag(bag: Path) -> Path:
    """Make the bag again in a folder beside it, move the damaged one aside, and the new one to its place."""
    made = bag.parent / WORKSHOP / bag.name
    if not (made / METADATA).exists():
        _salvage(bag, made)
    if bag.exists():
        os.rename(bag, _aside(bag))
    os.rename(made, bag)
    sync(bag.parent)
    return bag


def _salvage(bag: Path, made: Path) -> None:
    source = _file(bag)
    if source is None:
        raise DataError(f"{bag} has no MCAP file to recover from; move {made} away and restore the bag from a copy")
    scan = McapScanner(source)
    known = metadata.read(bag).facts if is_closed(bag) else {}

    def facts() -> dict[str, Any]:
        result = {**known, **_facts(scan, "the bag was not closed, or is damaged")}
        if scan.digest.text() == {**scan.facts, **known}.get("digest"):  # no message was lost
            result["partial"] = bool({**scan.facts, **known}.get("partial"))
        return result

    write_bag(scan, made, facts)


def _facts(scan: McapScanner, reason: str) -> dict[str, Any]:
    more = [f"and {len(scan.damage) - _SHOWN} more"] if len(scan.damage) > _SHOWN else []
    salvaged = {
        "messages": scan.count,
        "bytes": scan.data_bytes,
        "source_bytes": scan.size,
        "cut_off": scan.damage[:_SHOWN] + more,
    }
    return {**scan.facts, "partial": True, "recovered": True, "reason": reason, "salvaged": salvaged}


def _aside(path: Path) -> Path:
    """Return a free name beside ``path``."""
    ends = itertools.chain([DAMAGED], (f"{DAMAGED}-{n}" for n in itertools.count(2)))
    return next(name for name in (path.with_name(path.name + end) for end in ends) if not name.exists())
