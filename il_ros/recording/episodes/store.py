# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder of episodes: their numbers, which of them are closed, and those that were discarded."""

from __future__ import annotations

import os
from pathlib import Path

from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import DataError
from il_ros.recording.bag import discovery
from il_ros.recording.bag.discovery import DISCARDED as DISCARDED
from il_ros.recording.write.journal import SUFFIX


class EpisodeStore:
    """A folder with ``episode_000001``, ``episode_000002``, ... and the journal of the one that is being recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def closed(self) -> list[Path]:
        """The bags that count, by number and name: those that are finished and have all their files.

        Bags of other programs count as well, whatever they are called; a folder that is a bag itself holds that one.
        """
        return discovery.readable(self.folder)

    def next_number(self) -> int:
        """A number that no episode has or had, be it closed, damaged, discarded or still being written; from 1."""
        numbers = [
            discovery.number(path) for folder in (self.folder, self.folder / DISCARDED) for path in folder.glob("*")
        ]
        return max(numbers, default=0) + 1

    def journal_path(self, number: int) -> Path:
        """Where the journal of an episode is written."""
        return self.folder / f"episode_{number:06d}{SUFFIX}"

    def bag_path(self, number: int) -> Path:
        """Where a finalized episode lies."""
        return self.folder / f"episode_{number:06d}"

    def discarded(self) -> list[Path]:
        """What was put aside, by number: bags, and journals that were never made into one."""
        return sorted((self.folder / DISCARDED).glob("episode_*"), key=discovery.number)

    def discard(self, path: Path) -> Path:
        """Put an episode, or a journal that is closed, aside under ``discarded/``; returns where it lies now.

        Raises:
            DataError: if there is no such episode.
            StorageError: if it cannot be moved.
        """
        target = self.folder / DISCARDED / path.name
        if not path.exists():
            raise DataError(f"{path} does not exist, so it cannot be discarded; see `il-ros info {self.folder}`")
        with storage_errors(self.folder, f"{path.name} stays where it is"):
            target.parent.mkdir(exist_ok=True)
            os.rename(path, target)
        return target
