# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Remove for good what was discarded.

Examples:
  il-ros prune runs/teleop/fork/episodes        tell what would go
  il-ros prune runs/teleop/fork/episodes --yes  remove it
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import DataError
from il_ros.recording.bag.reader import bytes_of
from il_ros.recording.episodes.store import DISCARDED, EpisodeStore

HELP = "remove discarded episodes for good"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros prune``."""
    parser.add_argument("folder", type=Path, help="a folder of episodes")
    parser.add_argument("--yes", action="store_true", help="remove them; otherwise they are only listed")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros prune``.

    Raises:
        DataError: if there is no such folder.
        StorageError: if one cannot be removed.
    """
    if not args.folder.is_dir():
        raise DataError(f"{args.folder} is not a folder; name one of episodes")
    discarded = EpisodeStore(args.folder).discarded()
    for path in discarded:
        print(f"{path}  {bytes_of(path):,} bytes")
        if args.yes:
            with storage_errors(path, "it stays"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    left = f"none is discarded in {args.folder / DISCARDED}"
    verb = "removed" if args.yes else "would be removed; say --yes to remove"
    print(f"{len(discarded)} {verb}" if discarded else left)
    return 0
