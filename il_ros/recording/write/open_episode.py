# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The episode that is being recorded: its journal, and what is known of it before it is closed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from il_ros.core import messages
from il_ros.core.events import EpisodeEnd
from il_ros.core.types import EpisodeStart
from il_ros.recording.write.finalize import IMAGE_TOPICS
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.message_loss import MessageLoss, Silences


class ReceivedMessage(NamedTuple):
    """A message as it was received."""

    name: str
    """The topic's, in full."""
    type_name: str
    data: bytes
    info: dict[str, Any]
    """What the middleware knows of it: sequence number, publisher, time of sending."""
    time_ns: int
    """When it was received, by the system's clock."""
    stamp_ns: int
    """-1 if it has none."""
    role: str = ""
    """``expert`` or ``checkpoint``, if its ``frame_id`` names the author of an action."""
    event: EpisodeStart | EpisodeEnd | None = None
    """What it announces, on the topic ``episode``."""

    def stray(self, now_ns: int) -> str:
        """Return the complaint about a stamp that is far from the observation's."""
        return (
            f"{self.name}: the stamp {self.stamp_ns / 1e9:.3f} s is far from the observation's "
            f"{now_ns / 1e9:.3f} s; it is recorded and otherwise ignored: check its publisher's clock"
        )


@dataclass
class OpenEpisode:
    """The episode that is being recorded."""

    journal: Journal
    number: int
    facts: dict[str, Any]
    gaps: MessageLoss = field(default_factory=MessageLoss)
    last_ns: dict[str, int] = field(default_factory=dict)
    """The newest stamp of every stamped topic, without those that cannot be."""
    first_ns: dict[str, int] = field(default_factory=dict)
    """The oldest, likewise."""
    strays: dict[str, int] = field(default_factory=dict)
    """How many stamps of each topic cannot be."""
    start: EpisodeStart | None = None
    """Its announcement, once it has come."""
    silences: Silences = field(default_factory=Silences)
    """Of the observation's first topic."""
    image_bytes: dict[str, int] = field(default_factory=dict)
    """The largest message of each topic of a camera."""
    authors: dict[str, dict[str, None]] = field(default_factory=lambda: {"expert": {}, "checkpoint": {}})
    """Who has acted as an expert, and which policies have, in the order of appearance."""
    ending: bool = False
    starts_ns: int = -1
    ends_ns: int = -1
    """The stamps of its first and of its last step, once it has ended."""

    def write(self, message: ReceivedMessage, offered: Callable[[], list[dict[str, Any]]]) -> None:
        """Write a message to the journal, and count it.

        Args:
            message: as it was received.
            offered: the qualities of service of its publishers, asked for once per topic.

        Raises:
            StorageError: if the disk takes no more.
        """
        name, info = message.name, message.info
        sequence = info["publication_sequence_number"] or 0
        self.journal.write(
            name, message.type_name, message.data, message.time_ns, info["source_timestamp"], sequence, offered
        )
        self.gaps.add(name, str(info.get("publisher_gid", "")), sequence)
        if message.role:
            self.authors[message.role].setdefault(messages.serialized_frame_id(message.data))

    def add_stray(self, name: str) -> None:
        """Count a stamp that cannot be of this episode."""
        self.strays[name] = self.strays.get(name, 0) + 1

    def add_stamp(self, name: str, stamp_ns: int) -> None:
        """Take note of a stamp of a topic."""
        self.first_ns[name] = min(stamp_ns, self.first_ns.get(name, stamp_ns))
        self.last_ns[name] = max(stamp_ns, self.last_ns.get(name, -1))

    def forget_strays(self, is_near: Callable[[int], bool]) -> None:
        """Count the topics whose stamps are not near the first observation's as strays."""
        for name, stamp in list(self.last_ns.items()):
            if not is_near(stamp):
                del self.first_ns[name], self.last_ns[name]
                self.strays[name] = 1

    def end(self, end: EpisodeEnd) -> None:
        """Take note of the announcement of its end."""
        self.facts.update({key: getattr(end, key) for key in ("task", "seed", "outcome", "way", "steps")})
        self.ending, self.ends_ns, self.starts_ns = True, end.last_stamp_ns, end.first_stamp_ns
        if end.first_stamp_ns < 0 and self.start is not None:
            self.starts_ns = self.start.first_stamp_ns

    def has_begun(self, observed: Collection[str]) -> bool:
        """Return whether the first observation of the episode was received in full."""
        return all(self.first_ns.get(name, self.ends_ns + 1) <= self.starts_ns for name in observed)

    def has_ended(self, observed: Collection[str]) -> bool:
        """Return whether every stamped topic has reached the last step."""
        return all(self.last_ns.get(name, -1) >= self.ends_ns for name in self.last_ns.keys() | set(observed))

    def observed_until(self, observed: Collection[str]) -> int:
        """Return the newest stamp of the observation's topics; -1 if there was none."""
        return max((self.last_ns.get(name, -1) for name in observed), default=-1)

    def close(self) -> None:
        """Close the journal and complete what is known of the episode."""
        self.journal.close()
        authors = {role: ", ".join(filter(None, names)) for role, names in self.authors.items()}
        stray = {"stray": self.strays} if self.strays else {}
        images = {IMAGE_TOPICS: self.image_bytes} if self.image_bytes else {}
        self.facts.update(number=self.number, gaps=self.gaps.facts(), silences=self.silences.facts)
        self.facts.update(**stray, **images, **authors)

    def lost(self) -> int:
        """Return how many messages were sent and never arrived, on all topics."""
        return sum(gap["lost"] for gap in self.gaps.facts().values())
