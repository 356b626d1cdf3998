# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recording: messages as they were published, from the first byte to a verified bag, and back to aligned steps.

``write`` holds the journal of an episode, which survives a kill, its finalization to a rosbag2 directory, and recovery;
``bag`` reads bags of any recorder; ``decode`` takes numbers out of many messages at once; ``episodes`` joins messages
into steps as the live policy does; ``check`` compares recordings with a contract; ``export`` and ``lerobot`` convert.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from il_ros.recording.bag.discovery import recordings
    from il_ros.recording.bag.reader import BagReader
    from il_ros.recording.episodes.reader import read_episode
    from il_ros.recording.episodes.store import EpisodeStore
    from il_ros.recording.lerobot.reader import read_dataset
    from il_ros.recording.write.finalize import finalize
    from il_ros.recording.write.journal import Journal
    from il_ros.recording.write.recovery import recover

__all__ = [
    "BagReader",
    "EpisodeStore",
    "Journal",
    "finalize",
    "read_dataset",
    "read_episode",
    "recordings",
    "recover",
]
_MODULES = {
    **{"BagReader": "bag.reader", "EpisodeStore": "episodes.store", "Journal": "write.journal"},
    **{"finalize": "write.finalize", "read_dataset": "lerobot.reader", "read_episode": "episodes.reader"},
    **{"recordings": "bag.discovery", "recover": "write.recovery"},
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a submodule can be imported alone."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
