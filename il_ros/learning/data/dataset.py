# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Windows of episodes: a history of observations and the chunk of actions that the expert answered with."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from il_ros.core.contract import ObservationLayout
from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.learning.data.images import WindowImages, frames_of
from il_ros.learning.data.labels import Labels, Scheme
from il_ros.learning.data.labels.expert_driven import ExpertDriven

COLUMNS = ("observations", "actions", "mask", "weight", "episode")
"""The fields of a data set that have a row for every window."""


@dataclass(frozen=True)
class Dataset:
    """N windows in real units; row n of every field is the same window."""

    observations: Array
    """(N, To, Do) float32, oldest first; before a span's first step that step is repeated."""
    actions: Array
    """(N, Ta, Da) float32; row 0 answers the newest observation."""
    mask: Array
    """(N, Ta) float32, 1 for a label and 0 for padding."""
    weight: Array
    """(N,) float32, how much the window counts."""
    episode: Array
    """(N,) int64, which of the episodes the window comes from."""
    images: Mapping[str, WindowImages] = field(default_factory=dict)
    """The newest image of each camera; empty for a policy that sees numbers alone."""
    layout: ObservationLayout = ObservationLayout()
    """What the components of the observations are."""
    blind: int = 0
    """How many windows are left out, since the newest image of a camera is missing."""

    def __len__(self) -> int:
        return len(self.observations)

    @classmethod
    def from_episodes(
        cls,
        episodes: Sequence[Episode],
        history: int,
        horizon: int,
        labels: Scheme | None = None,
        min_labels: int = 1,
        cameras: Sequence[str] = (),
        layout: ObservationLayout = ObservationLayout(),  # noqa: B008 - it is frozen
    ) -> Dataset:
        """Return one window for every step that is a label and has at least ``min_labels`` labels in its chunk.

        ``labels`` selects the steps and their actions; without it, those that the expert drove.

        Rows that are executed but never labelled are anybody's guess, so ``min_labels`` should be the number of rows
        that are executed. At the end of an episode nothing follows, and a shorter chunk holds all that there is.

        No window sees beyond the span of its step: an episode's end, a change of authority and a gap are boundaries,
        where the history is padded and the chunk is padded and masked.

        With ``cameras`` each window has the newest image of each; where one is missing the window is left out.

        Raises:
            DataError: if there is no label in all the episodes, their observations, actions or images differ in size,
                or one has no images of a camera.
        """
        rules = (labels or ExpertDriven())(episodes)
        total = sum(int(rule.is_label.sum()) for rule in rules)
        _check(episodes, total)
        width, action_dim = episodes[0].observations.shape[1], episodes[0].executed.shape[1]
        result = cls(
            observations=np.empty((total, history, width), dtype=np.float32),
            actions=np.empty((total, horizon, action_dim), dtype=np.float32),
            mask=np.empty((total, horizon), dtype=np.float32),
            weight=np.empty(total, dtype=np.float32),
            episode=np.empty(total, dtype=np.int64),
            layout=layout,
            images={c: WindowImages(frames_of(episodes, c), np.empty(total, dtype=np.int64)) for c in cameras},
        )
        row = blind = 0
        for number, (episode, rule) in enumerate(zip(episodes, rules)):
            for start, stop, _ in episode.spans():
                filled, missing = result._fill(row, number, episode, rule, start, stop, min_labels)
                row, blind = row + filled, blind + missing
        if row == 0 and blind:
            raise DataError(
                f"dataset: each of {blind} windows lacks a fresh image of {' or '.join(cameras)}; see that the cameras "
                "are recorded, or raise 'stale_s' in the contract"
            )
        if row == 0:
            raise DataError(
                f"dataset: none of {total} labels is followed by {min_labels - 1} more; intervene longer, or "
                "lower 'min_labels'"
            )
        result = dataclasses.replace(result.rows(slice(row)), blind=blind)
        if not np.isfinite(result.actions).all():
            raise DataError("dataset: a label is NaN or infinite; its rule of labels must leave such steps out")
        return result

    def rows(self, index: slice) -> Dataset:
        """Return some of the windows."""
        images = {camera: part.rows(index) for camera, part in self.images.items()}
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in COLUMNS}, images=images)

    def digest(self) -> str:
        """Return the sha256 of all that a training sees."""
        digest = hashlib.sha256()
        for name in COLUMNS:
            digest.update(getattr(self, name).tobytes())
        for camera, part in self.images.items():
            digest.update(b"%s%s%s" % (camera.encode(), part.row.tobytes(), part.frames.digest()))
        digest.update(repr((self.layout.geometry, self.layout.equal.groups, self.layout.alike)).encode())
        return digest.hexdigest()

    def weighed(self, weights: Sequence[float]) -> Dataset:
        """Return the same windows; those of each episode count so many times as much."""
        factors = np.asarray(weights, dtype=np.float32)[self.episode]
        return dataclasses.replace(self, weight=self.weight * factors)

    def mixed(self, episodes: Sequence[int], share: float) -> Dataset:
        """Return the same windows; those of ``episodes`` together get ``share`` of the weight, the sum of which stays.

        If there are no others, or none of these, nothing changes.
        """
        chosen = np.isin(self.episode, np.asarray(episodes, dtype=np.int64))
        total, of_chosen = self.weight.sum(dtype=np.float64), self.weight[chosen].sum(dtype=np.float64)
        if not 0.0 < of_chosen < total:
            return self
        factor = np.where(chosen, share * total / of_chosen, (1.0 - share) * total / (total - of_chosen))
        return dataclasses.replace(self, weight=(self.weight * factor).astype(np.float32))

    def _fill(
        self, row: int, number: int, episode: Episode, rule: Labels, start: int, stop: int, min_labels: int
    ) -> tuple[int, int]:
        """Write the windows of one span from ``row`` on; return how many they are, and how many lack an image."""
        steps = start + np.flatnonzero(rule.is_label[start:stop])  # (n,)
        horizon = self.actions.shape[1]
        future = steps[:, None] + np.arange(max(horizon, min_labels))  # (n, Ta), or as far as labels are asked for
        inside = np.minimum(future, stop - 1)
        valid = (future < stop) & rule.is_label[inside]
        valid[:, 1:] &= rule.is_followed[inside[:, :-1]]
        valid = np.logical_and.accumulate(valid, axis=1)
        is_enough = valid.sum(axis=1) >= np.minimum(min_labels, len(episode) - steps)
        count = int(is_enough.sum())
        for camera in self.images:
            is_enough &= episode.images[camera].index[steps] >= 0
        steps, inside, valid = steps[is_enough], inside[is_enough, :horizon], valid[is_enough, :horizon]
        at = slice(row, row + len(steps))
        self.observations[at] = histories(episode, steps, start, self.observations.shape[1])
        self.actions[at] = np.where(valid[..., None], rule.actions[inside], 0.0)
        self.mask[at] = valid
        self.weight[at] = rule.weight[steps]
        self.episode[at] = number
        for camera, part in self.images.items():
            part.row[at] = part.frames.starts[number] + episode.images[camera].index[steps]
        return len(steps), count - len(steps)


def histories(episode: Episode, steps: Array, start: int, history: int) -> Array:
    """Return (n, To, Do), what is known at ``steps`` (n,) of a span from ``start``, where the history is padded."""
    past = steps[:, None] + np.arange(1 - history, 1)  # (n, To)
    seen: Array = episode.observations[np.maximum(past, start)]
    return seen


def _check(episodes: Sequence[Episode], total: int) -> None:
    if total == 0:
        steps = sum(map(len, episodes))
        raise DataError(
            f"dataset: 0 of {steps} steps in {len(episodes)} episodes are labels; record the expert driving"
        )
    sizes = {(e.observations.shape[1], e.executed.shape[1]) for e in episodes if len(e)}
    if len(sizes) > 1:
        raise DataError(f"dataset: episodes have (observation, action) sizes {sorted(sizes)}; keep one contract a set")
