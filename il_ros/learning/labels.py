"""Which steps of an episode are labels, and what they say: where the algorithms of the DAgger family differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from il_ros.episode import Authority, Episode
from il_ros.signals import Array


@dataclass(frozen=True)
class Labels:
    """What an episode of T steps teaches."""

    actions: Array
    """(T, Da) float32, what should have been done; any number where ``is_label`` is false."""
    is_label: Array
    """(T,) bool."""
    weight: Array
    """(T,) float32, how much the window that begins there counts."""


LabelRule = Callable[[Episode], Labels]
"""A rule of labels is a function; a new algorithm is a new function."""


def expert_driven(episode: Episode) -> Labels:
    """Learn from every step that the expert drove, and from no other: HG-DAgger, Kelly 2019, arXiv:1810.02890.

    The label is what the expert wanted where that is on record, else what was executed: just after a take-over the
    bounded hand-over may have executed something in between.
    """
    wanted = np.isfinite(episode.expert).all(axis=1, keepdims=True)
    return Labels(
        actions=np.where(wanted, episode.expert, episode.executed).astype(np.float32),
        is_label=episode.authority == Authority.EXPERT,
        weight=np.ones(len(episode), dtype=np.float32),
    )
