# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a recorder needs of the node around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class RecorderSettings(Protocol):
    """What may change while the recorder runs."""

    @property
    def follow(self) -> bool:
        """Whether episodes that are announced are recorded."""

    @property
    def lockstep(self) -> bool:
        """Whether the arm waits for each command, so that nothing is late."""

    @property
    def image_jpeg_quality(self) -> int:
        """The quality of the JPEGs that are made of raw images; 0 if they are recorded as they are."""

    @property
    def note(self) -> str:
        """Text that is kept with the episodes that end from now on."""


class RecorderHost(Protocol):
    """The node around a recorder."""

    @property
    def parameters(self) -> Any:
        """The ``RecorderSettings`` of this moment."""

    def now_ns(self) -> int:
        """Return the steady clock, ns."""

    def complain(self, text: str) -> None:
        """Report that something is wrong."""

    def announce(self, path: Path | None, facts: dict[str, Any]) -> None:
        """Announce an episode that was closed, or what went wrong; called from the thread that makes bags too."""

    def offered(self, topic: str) -> list[dict[str, Any]]:
        """Return the qualities of service that the publishers of a topic offer."""
