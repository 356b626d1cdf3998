# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What an operator may ask of a recorder: begin, stop, save or discard an episode."""

from __future__ import annotations

from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.write.episode_recorder import EpisodeRecorder
from il_ros.recording.write.recorder_host import RecorderHost


class RecorderServices:
    """Each method returns what was done, as a sentence for the operator."""

    def __init__(self, recorder: EpisodeRecorder, host: RecorderHost) -> None:
        self._recorder, self._host = recorder, host

    def begin(self) -> str:
        """Begin an episode now.

        Raises:
            DataError: if one is being recorded.
        """
        if self._recorder.current is not None:
            raise DataError(f"episode {self._recorder.current.number} is being recorded; stop or discard it first")
        return f"recording episode {self._recorder.begin()}"

    def stop(self) -> str:
        """Close the episode that is being recorded.

        Raises:
            DataError: if there is none.
        """
        if self._recorder.current is None:
            raise DataError("no episode is being recorded; start one first")
        return f"episode {self._recorder.stop()} is being closed"

    def save(self, success: bool) -> str:
        """End the episode with the operator's verdict; the verdict on one that has ended is changed.

        Raises:
            DataError: if there is none.
        """
        verdict = {"outcome": "success" if success else "failure", "judged": True}
        if self._recorder.current is not None:
            return f"episode {self._recorder.stop(**verdict)} is being closed: {verdict['outcome']}"
        last = self._recorder.maker.last_made()
        facts = metadata.amend(last, {**verdict, **self._recorder.note()})
        self._host.announce(last, {**facts, "amended": True})
        return f"{last.name}: {verdict['outcome']}"

    def discard(self) -> str:
        """Move the episode that is being recorded aside, or else the one that was closed last.

        Raises:
            DataError: if there is none.
        """
        maker, store = self._recorder.maker, self._recorder.episodes
        episode = self._recorder.abandon()
        if episode is not None:
            return f"episode {episode.number} was put aside at {store.discard(episode.journal.path)}"
        last, maker.last = maker.last_made(), None
        aside = store.discard(last)
        self._host.announce(None, {"discarded": last.name})
        return f"{last.name} was put aside at {aside}"
