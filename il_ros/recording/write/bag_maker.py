# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Makes bags of closed episodes in a thread of its own, one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from il_ros.core.errors import DataError, IlRosError
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.open_episode import OpenEpisode
from il_ros.recording.write.recorder_host import RecorderHost


class BagMaker:
    """A thread that makes a verified bag of each episode that it is given, and announces it.

    Args:
        host: the node.
        folder: of the episodes.
    """

    def __init__(self, host: RecorderHost, folder: Path) -> None:
        self.count = 0
        """How many bags were made."""
        self.last: Path | None = None
        """The bag that was made last, which can still be judged or discarded."""
        self._host, self._folder = host, folder
        self._thread = ThreadPoolExecutor(1)
        self._submitted = self._finished = 0

    @property
    def backlog(self) -> int:
        """How many episodes wait for their bag."""
        return self._submitted - self._finished

    def submit(self, episode: OpenEpisode) -> None:
        """Have a bag made of an episode whose journal is closed."""
        self._submitted += 1
        self._thread.submit(self._make, episode)

    def _make(self, episode: OpenEpisode) -> None:
        try:
            path = finalize(episode.journal.path, self._folder, episode.facts)
        except IlRosError as error:
            self._host.complain(f"episode {episode.number} stays a journal: {error}")
            self._host.announce(None, {"number": episode.number, "error": str(error)})
            return
        finally:
            self._finished += 1
        self.count, self.last = self.count + 1, path
        self._host.announce(path, episode.facts)

    def finish(self) -> None:
        """Wait until every bag that is due is made."""
        self._thread.submit(lambda: None).result()

    def last_made(self) -> Path:
        """Return the bag that was made last, once all are made.

        Raises:
            DataError: if there is none.
        """
        self.finish()
        if self.last is None:
            raise DataError("no episode is being recorded, and none was closed since the start; begin one first")
        return self.last

    def shut_down(self) -> None:
        """Make the bags that are due, and end the thread."""
        self._thread.shutdown(wait=True)
