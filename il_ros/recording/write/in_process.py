# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Record episodes of in-process rollouts, in the form of the recorder node; needs no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from il_ros.core import messages
from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.episode import Record
from il_ros.core.types import Array
from il_ros.recording.bag.typestore import serialised
from il_ros.recording.decode.diagnostics import record_bytes
from il_ros.recording.episodes.reader import AUTHORITY
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal

AUTHORITY_TYPE = "diagnostic_msgs/msg/DiagnosticArray"


class InProcessRecorder:
    """Writes one episode: the topics of the contract's observation, and the record of authority.

    Use as a context manager; an episode that was not closed is a journal, which ``il-ros recover`` makes a partial one.

    Args:
        folder: of the episodes; the episode gets the next number there.
        contract: what is observed.
        facts: known when the episode begins.
    """

    def __init__(self, folder: Path, contract: Contract, facts: Mapping[str, Any]) -> None:
        episodes = EpisodeStore(folder)
        self._folder, self._contract, self._number = folder, contract, episodes.next_number()
        self._journal = Journal(episodes.journal_path(self._number), facts)

    def add(self, observed: Mapping[str, Any], record: Record) -> None:
        """Write a step: the observed messages by topic, and the authority record."""
        for topic, type_name in self._contract.topics.items():
            self._write(topic, type_name, serialised(observed[topic], type_name), record.stamp_ns)
        self._write(AUTHORITY, AUTHORITY_TYPE, record_bytes(record), record.stamp_ns)

    def add_image(self, component: ImageComponent, stamp_ns: int, pixels: Array) -> None:
        """Write an image (H, W, 3) uint8 that a camera took, before the step that sees it."""
        write = messages.serialized_png if component.type == messages.COMPRESSED else messages.serialized_image
        self._write(component.topic, component.type, write(stamp_ns, component.name, pixels), stamp_ns)

    def _write(self, topic: str, type_name: str, data: bytes, stamp_ns: int) -> None:
        self._journal.write(f"/{topic}", type_name, data, stamp_ns, stamp_ns)

    def close(self, facts: Mapping[str, Any]) -> Path:
        """Close the episode; return its bag, which has been read back and found equal."""
        self._journal.close()
        return finalize(self._journal.path, self._folder, {"number": self._number, "partial": False, **facts})

    def __enter__(self) -> InProcessRecorder:
        return self

    def __exit__(self, *error: Any) -> None:
        self._journal.close()
