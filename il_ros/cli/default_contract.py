# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The contract by which episodes are read if the command line names none: that of their task."""

from __future__ import annotations

import contextlib
from pathlib import Path

from il_ros.core.contract import Contract
from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.sim import tasks

CONTRACT = "panda_plane"
"""Of episodes that name no task of ours."""
ABOUT = f"contract, by name or path (default: that of the episodes' task, or {CONTRACT})"


def load(name: str | None, episodes: Path) -> Contract:
    """Return the contract called ``name``, or by default the one with which the task of the episodes is done.

    Raises:
        ConfigError: if there is no such contract, or it is none.
    """
    return Contract.load(name or _of(episodes))


def _of(episodes: Path) -> str:
    for bag in EpisodeStore(episodes).closed():
        with contextlib.suppress(DataError):
            task = str(metadata.read(bag).facts.get("task", ""))
            return tasks.load(task).contract if task.partition(":")[0] in tasks.available() else CONTRACT
    return CONTRACT
