# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder of episodes: their numbers, and which of them are closed or discarded."""

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
        """Return the closed bags by number and name: those that are finished and have all their files.

        Bags of other recorders are included, whatever their names; a folder that is a bag itself holds that one.
        """
        return discovery.readable(self.folder)

    def next_number(self) -> int:
        """Return a number from 1 that no episode has or had: closed, damaged, discarded or still being written."""
        numbers = [
            discovery.number(path) for folder in (self.folder, self.folder / DISCARDED) for path in folder.glob("*")
        ]
        return max(numbers, default=0) + 1

    def journal_path(self, number: int) -> Path:
        """Return the path of an episode's journal."""
        return self.folder / f"episode_{number:06d}{SUFFIX}"

    def bag_path(self, number: int) -> Path:
        """Return the path of a finalized episode."""
        return self.folder / f"episode_{number:06d}"

    def discarded(self) -> list[Path]:
        """Return the discarded bags and journals, by number."""
        return sorted((self.folder / DISCARDED).glob("episode_*"), key=discovery.number)

    def discard(self, path: Path) -> Path:
        """Move an episode, or a closed journal, to ``discarded/``; return its new path.

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
