# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Decides which message belongs to which episode, and writes it to the journal of that episode."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from il_ros.core.errors import StorageError
from il_ros.core.events import EpisodeEnd
from il_ros.core.types import EpisodeStart
from il_ros.recording.episodes.stamp_progress import FAR_NS, StampProgress, Verdict
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.bag_maker import BagMaker
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.open_episode import OpenEpisode, ReceivedMessage
from il_ros.recording.write.recorder_host import RecorderHost, RecorderSettings

RETRY_S = 1.0
"""How long after a failure the disk is tried again, unless a new episode is announced."""
STRAGGLERS_S = 0.5
"""How long the end of an episode waits for the last messages of every topic."""


class EpisodeRecorder:
    """Writes every message to the journal the moment it comes; bags are made in a thread of their own.

    Args:
        host: the node.
        episodes: where they are kept.
        observed: full names of the observation's topics; the stamps of the first one tell how far the episode is.
        step_ns: length of a control step.
        stale_ns: how much the stamps of one publisher may be behind another's.
    """

    def __init__(
        self, host: RecorderHost, episodes: EpisodeStore, observed: Sequence[str], step_ns: int, stale_ns: int
    ) -> None:
        self.cameras: list[str] = []
        """Full names of topics that begin and end no episode; its first step may see what they sent before it."""
        self._early: dict[str, ReceivedMessage] = {}
        self.episodes, self.observed = episodes, list(observed)
        self.current: OpenEpisode | None = None
        self._host, self._pulse = host, self.observed[0]
        self.maker = BagMaker(host, episodes.folder)
        self._progress = StampProgress(step_ns, stale_ns)
        self._start: EpisodeStart | None = None
        """The last announcement of an episode."""
        self._held: list[ReceivedMessage] = []
        """What was received since it is in doubt whether the clock was set."""
        self._closed_ns, self._ending_since_ns = -1, 0
        self._messages = self._bytes = self._lost = 0
        self._failed_ns = -(10**18)
        self._waits = False
        """Whether the recording was ended before the episode, so that the next episode is waited for."""

    @property
    def _settings(self) -> RecorderSettings:
        settings: RecorderSettings = self._host.parameters
        return settings

    # Messages ---------------------------------------------------------------------------------------------------------

    def receive(self, message: ReceivedMessage) -> None:
        """Record a message, or hold it back as long as it is in doubt to which episode it belongs."""
        try:
            self._receive(message)
        except StorageError as error:
            self._give_up(error)
        if isinstance(message.event, EpisodeEnd):
            self._on_end(message.event)

    def _receive(self, message: ReceivedMessage) -> None:
        if message.name == self._pulse and message.stamp_ns >= 0:
            publisher = str(message.info.get("publisher_gid", ""))
            verdict = self._progress.add(publisher, message.stamp_ns, self._host.now_ns())
            if verdict is Verdict.MOVED:
                self._begin_anew()
        if isinstance(message.event, EpisodeStart):
            self._on_start(message.event)
        if self._progress.doubt is not None and self._progress.is_in_doubt(self._host.now_ns()):
            self._held.append(message)
            return
        if self._held:
            self._release_held()
        self._record(message)

    def _release_held(self) -> None:
        """Record what was held back."""
        held, self._held = self._held, []
        for message in held:
            self._record(message)

    def _record(self, message: ReceivedMessage) -> None:
        stamp, is_near = message.stamp_ns, message.stamp_ns < 0 or self._progress.is_near(message.stamp_ns)
        if not is_near:
            self._host.complain(message.stray(self._progress.now_ns or 0))
        elif self.current is not None and self.current.ending and stamp > self.current.ends_ns:
            self._check(is_over=True)
        begins = message.name in self.observed and is_near and stamp > self._closed_ns  # no command or record does
        if self.current is None and self._follows() and begins and self._may_try():
            self._open({})
        if self.current is not None:
            self._write(self.current, message, is_near)
        elif message.name in self.cameras:
            self._early[message.name] = message

    def _write(self, episode: OpenEpisode, message: ReceivedMessage, is_near: bool) -> None:
        name, stamp = message.name, message.stamp_ns
        episode.write(message, lambda: self._host.offered(name))
        if name in self.cameras:
            episode.image_bytes[name] = max(len(message.data), episode.image_bytes.get(name, 0))
        self._messages, self._bytes = self._messages + 1, self._bytes + len(message.data)
        if not is_near:
            episode.add_stray(name)
        elif stamp >= 0 and name not in self.cameras:
            if name == self._pulse and name not in episode.last_ns:
                episode.forget_strays(self._progress.is_near)
            episode.add_stamp(name, stamp)
            if name == self._pulse and not self._settings.lockstep:
                episode.silences.add(stamp, self._host.now_ns())

    # Beginning and end ------------------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        """Close the recording as a partial episode, since the observation's clock was set."""
        before_ns, now_ns = self._progress.before_ns or 0, self._progress.now_ns or 0
        reason = f"the observation's clock went from {before_ns / 1e9:.3f} s to {now_ns / 1e9:.3f} s"
        self._host.complain(f"{reason}; another episode begins")
        self._check(is_over=True)
        self._closed_ns, episode, start = -1, self.current, self._start
        if episode is None or self._pulse not in episode.last_ns:
            return
        self._break_off(reason)
        self._closed_ns = -1
        if self._follows() and start is not None and 0 <= now_ns - start.first_stamp_ns <= FAR_NS:
            self._adopt(start)
        elif not self._settings.follow:
            self._open({})

    def _open(self, facts: dict[str, Any]) -> OpenEpisode:
        if self.cameras and self._settings.image_jpeg_quality:
            facts = {**facts, "image_jpeg_quality": self._settings.image_jpeg_quality}
        number = self.episodes.next_number()
        journal = Journal(self.episodes.journal_path(number), facts)
        self.current = OpenEpisode(journal, number, dict(facts))
        early, self._early = self._early, {}
        for message in early.values():
            self._write(self.current, message, self._progress.is_near(message.stamp_ns))
        return self.current

    def _follows(self) -> bool:
        """Return whether what the arm announces begins a recording."""
        return self._settings.follow and not self._waits

    def _may_try(self) -> bool:
        """Return whether the disk may be tried again."""
        return self._host.now_ns() - self._failed_ns > RETRY_S * 1e9

    def _give_up(self, error: StorageError) -> None:
        """Stop recording, since the disk takes no more: the journal stays for recovery, subscribers are notified."""
        episode, self.current, self._failed_ns = self.current, None, self._host.now_ns()
        if episode is not None:
            with contextlib.suppress(StorageError):
                episode.journal.close()
        self._host.complain(str(error))
        self._host.announce(None, {"error": str(error)})

    def _on_start(self, start: EpisodeStart) -> None:
        """Begin an episode, before its announcement is recorded."""
        if not self._settings.follow:
            return
        self._waits, self._start = False, start
        self._check(is_over=True)
        if self._progress.expect(start.first_stamp_ns) is Verdict.MOVED:
            self._begin_anew()
        if self.current is not None and self.current.start not in (None, start):
            self._break_off("another episode began, and the end of this one was not announced")
        if start.first_stamp_ns <= self._closed_ns:
            self._closed_ns = -1
        self._adopt(start)

    def _adopt(self, start: EpisodeStart) -> None:
        """Take the announced episode as the one that is recorded."""
        episode = self.current or self._open({})
        episode.start = start
        episode.facts.update({**start.facts, "task": start.task, "seed": start.seed})

    def _on_end(self, end: EpisodeEnd) -> None:
        """End an episode, after its announcement was recorded; its late messages are awaited."""
        if self.current is None or not self._settings.follow:
            return
        self.current.end(end)
        self._ending_since_ns = self._host.now_ns()
        self._check()

    def watch(self) -> None:
        """Hold nothing back for longer than a clock stays in doubt; close what has ended. To be called often."""
        if self._held and not self._progress.is_in_doubt(self._host.now_ns()):
            try:
                self._release_held()
            except StorageError as error:
                self._give_up(error)
        self._check()

    def _check(self, is_over: bool = False) -> None:
        """Close the episode that has ended once every topic's last message is in, or the next episode has begun."""
        episode = self.current
        if episode is None or not episode.ending:
            return
        ended = episode.has_ended(self.observed)
        if ended or is_over or self._host.now_ns() - self._ending_since_ns > STRAGGLERS_S * 1e9:
            episode.facts["complete"] = episode.has_begun(self.observed) and ended
            self._close()

    def _close(self) -> None:
        episode, self.current = self.current, None
        assert episode is not None
        self._closed_ns = self._observed_until(episode)
        episode.close()
        episode.facts.update(self.note())
        self._lost += episode.lost()
        self.maker.submit(episode)

    def _observed_until(self, episode: OpenEpisode) -> int:
        """Return the stamp up to which messages are stragglers of an episode that is closed; -1 if there are none."""
        last_ns = episode.observed_until(self.observed)
        return last_ns if self._progress.now_ns is None else min(last_ns, self._progress.now_ns)

    def _break_off(self, reason: str) -> None:
        """Close the running episode, if there is one, before its end."""
        if self.current is not None:
            self.current.facts.update(partial=True, reason=reason)
            self._close()

    # Requests ---------------------------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Begin an episode now, and return its number."""
        return self._open({}).number

    def stop(self, **facts: Any) -> int:
        """Close the episode that is being recorded and return its number; the next one that begins is recorded."""
        assert self.current is not None
        self.current.facts.update(facts)
        self._release_held()
        number, self._waits = self.current.number, True
        self._close()
        return number

    def abandon(self) -> OpenEpisode | None:
        """End the episode that is being recorded without a bag, and return it; its journal is closed."""
        self._held.clear()
        episode = self.current
        if episode is not None:
            self.current, self._waits, self.maker.last = None, True, None  # the bag before it is not meant any more
            self._closed_ns = self._observed_until(episode)
            episode.journal.close()
        return episode

    def note(self) -> dict[str, str]:
        """Return the note of this moment, as the episode's facts have it."""
        return {"note": self._settings.note} if self._settings.note else {}

    # The node's life cycle --------------------------------------------------------------------------------------------

    def pause(self, reason: str) -> None:
        """Close the running episode as a partial one, and wait for the next that begins."""
        self._release_held()
        self._break_off(reason)
        self._waits = True

    def finish(self) -> None:
        """Wait until every bag that is being made is made."""
        self.maker.finish()

    def shut_down(self, reason: str) -> None:
        """Close the running episode as a partial one, and finish its bag."""
        with contextlib.suppress(StorageError):  # which was reported when it was met first
            self._release_held()
        self._break_off(reason)
        self.maker.shut_down()

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report; ``acknowledged`` counts the messages that a kill cannot lose any more."""
        episode = self.current
        return {
            "recording": None if episode is None else episode.number,
            "acknowledged": self._messages,
            "bytes": self._bytes,
            "lost": self._lost + (0 if episode is None else episode.lost()),
            "in_episode": 0 if episode is None else episode.journal.count,
            "backlog": self.maker.backlog,
            "closed": self.maker.count,
        }
