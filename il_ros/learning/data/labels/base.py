# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which steps of an episode are labels, what they say and how much they count: where the DAgger family differs.

All is computed afterwards from the record of authority, so another scheme needs no other recording.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core import plugins
from il_ros.core.episode import Authority, Episode
from il_ros.core.types import Array


@dataclass(frozen=True)
class Labels:
    """What an episode of T steps teaches."""

    actions: Array
    """(T, Da) float32, what should have been done; any number where ``is_label`` is false."""
    is_label: Array
    """(T,) bool."""
    weight: Array
    """(T,) float32, how much the window that begins there counts."""
    is_experts: Array
    """(T,) bool, whether the expert labelled it; the policy may have done it by itself."""
    is_followed: Array
    """(T,) bool, whether the label was carried out, so that the next step is what it leads to. A chunk of labels ends
    after one that was not: the expert's action for the next state answers another question."""


class Scheme(abc.ABC):
    """A scheme of labels; one with options is a data class and is asked for as in ``sirius:before_s=0.5``."""

    @abc.abstractmethod
    def __call__(self, episodes: Sequence[Episode]) -> list[Labels]:
        """Return the labels of each of the episodes, which are all that a training sees: shares are shares of all."""


def available() -> tuple[str, ...]:
    """Return the names of all schemes."""
    return tuple(plugins.available("label scheme"))


def load(name: str) -> Scheme:
    """Make the scheme called ``name``, which may have options.

    Raises:
        ConfigError: if there is none, or it has no such option.
    """
    scheme: Scheme = plugins.make("label scheme", name)
    return scheme


# What schemes are made of ---------------------------------------------------------------------------------------------


def asked(episode: Episode) -> Array:
    """Return (T,) bool, the steps that the expert has labelled."""
    return np.asarray(np.isfinite(episode.expert).all(axis=1))


def wanted(episode: Episode) -> Array:
    """Return (T, Da) float32, what the expert wanted where that is on record, else what was executed.

    Just after a take-over the bounded hand-over may have executed something in between.
    """
    return np.where(asked(episode)[:, None], episode.expert, episode.executed).astype(np.float32)


def is_driven_by(episode: Episode, authority: Authority) -> Array:
    """Return (T,) bool."""
    driven: Array = episode.authority == authority
    return driven


def by_mass(classes: Sequence[Array], mass: Mapping[int, float]) -> list[Array]:
    """Return weights that give each class of labels its share of the whole, with a mean of 1 over all labels.

    Args:
        classes: for each episode (T,) int, the class of each step; -1 where there is no label.
        mass: the share of each class; they need not add up to 1. Classes that are empty, or are to have no share, are
            left out, and the others share the whole.

    Returns:
        For each episode (T,) float32; 0 where there is no label.
    """
    counts = {name: sum(int((each == name).sum()) for each in classes) for name in mass if mass[name] > 0}
    present = [name for name, count in counts.items() if count]
    total, labels = sum(mass[name] for name in present), sum(counts.values())
    weights = {name: mass[name] / total * labels / counts[name] for name in present}
    result = []
    for each in classes:
        weight = np.zeros(len(each), dtype=np.float32)
        for name, value in weights.items():
            weight[each == name] = value
        result.append(weight)
    return result
