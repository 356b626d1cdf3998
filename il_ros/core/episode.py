# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes: aligned steps, who commanded at each, and where its spans begin and end."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from il_ros.core.contract import gap_ns
from il_ros.core.episode_info import EpisodeInfo
from il_ros.core.errors import DataError
from il_ros.core.types import DOUBTLESS, Array, ChunkInPlay, PolicyUncertainty


class Authority(enum.IntEnum):
    """Who commands a step."""

    HOLD = 0
    """Nobody: the arm is held where it is."""
    POLICY = 1
    EXPERT = 2


@dataclass(frozen=True)
class Record:
    """The record of authority for one step: who commanded, why, and the actions of policy and expert."""

    stamp_ns: int
    authority: Authority
    reason: str
    """Why, in a few words: the event of a transition; ``hand_over`` while the command still moves, in limited steps, to
    the action of the new authority; else ``steady``."""
    intervention: int
    """1, 2, ... while an expert intervenes in a rollout; 0 otherwise."""
    executed: Array
    """(Da,) float64, the action that the arm received."""
    policy: Array | None = None
    """(Da,) float64, the policy's action; None if it was not asked or did not answer in time."""
    expert: Array | None = None
    """(Da,) float64, the expert's action; None if not asked or without opinion."""
    checkpoint: str = ""
    """Hash of the policy's checkpoint."""
    expert_name: str = ""
    score: float = float("nan")
    """The gating rule's score of the step, where the rule has one."""
    doubts: PolicyUncertainty = DOUBTLESS
    """The policy's uncertainty about its answer to this step's observation, if it was asked for one."""
    plays: ChunkInPlay | None = None
    """The policy's chunk of which a row is executed, while the policy drives by one chunk after the other."""


@dataclass(frozen=True)
class ImageTrack:
    """The images of one camera in an episode, and which of them each step was taken with."""

    frames: Array
    """(K, H, W, 3) uint8, RGB as the policy sees them, in the order of recording; mapped from a file, not in memory."""
    index: Array
    """(T,) int64, the row of ``frames`` that belongs to the step; -1 where none was fresh."""


@dataclass(frozen=True)
class Episode:
    """One recorded episode of T steps; row t of every field is the same tick."""

    stamps_ns: Array
    """(T,) int64, strictly increasing."""
    observations: Array
    """(T, Do) float32, in the order and units of the contract."""
    executed: Array
    """(T, Da) float32, the action that the arm received."""
    policy: Array
    """(T, Da) float32, the policy's action; NaN where it was not asked."""
    expert: Array
    """(T, Da) float32, the expert's action; NaN where it was not asked."""
    authority: Array
    """(T,) uint8, an ``Authority`` value per step."""
    intervention: Array
    """(T,) int32, the id of the intervention that the step belongs to; 0 for none."""
    doubts: Array
    """(T, 5) float32, the fields of ``PolicyUncertainty`` in their order; NaN where it is unknown."""
    step_ns: int
    """The length of a control step; a larger distance between two stamps is a gap."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the bag says beside the messages, as it says it; see ``info``."""
    images: Mapping[str, ImageTrack] = field(default_factory=dict)
    """By the name of the camera in the contract; empty for a contract without images."""

    def __post_init__(self) -> None:
        steps = len(self.stamps_ns)
        for name in ("observations", "executed", "policy", "expert", "authority", "intervention", "doubts"):
            if len(getattr(self, name)) != steps:
                raise DataError(f"episode: {name} has {len(getattr(self, name))} rows; stamps_ns has {steps}")
        for name, track in self.images.items():
            if len(track.index) != steps or (
                steps and not -1 <= track.index.min() <= track.index.max() < len(track.frames)
            ):
                raise DataError(
                    f"episode: images {name!r} have no row, or more than one, for each of the {steps} steps"
                )
        if steps and not np.all(np.diff(self.stamps_ns) > 0):
            raise DataError("episode: stamps_ns must increase from row to row; sort the steps and drop duplicates")
        if not (np.isfinite(self.observations).all() and np.isfinite(self.executed).all()):
            raise DataError("episode: observations or executed actions hold NaN or infinity; drop those steps first")

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def info(self) -> EpisodeInfo:
        """The facts, typed."""
        return EpisodeInfo.from_mapping(self.facts)

    def spans(self) -> Iterator[tuple[int, int, Authority]]:
        """Yield the spans ``(start, stop, authority)`` without a change of authority and without a gap."""
        if not len(self):
            return
        gap = np.diff(self.stamps_ns) > gap_ns(self.step_ns)
        change = np.diff(self.authority.astype(np.int16)) != 0
        change |= np.diff(self.intervention) != 0
        edges = [0, *(np.flatnonzero(gap | change) + 1).tolist(), len(self)]
        for start, stop in zip(edges, edges[1:]):
            yield start, stop, Authority(int(self.authority[start]))

    @property
    def interventions(self) -> int:
        """The number of times that an expert took over from the policy."""
        return len(set(self.intervention[self.intervention > 0].tolist()))

    @classmethod
    def from_steps(
        cls, observations: Sequence[Array] | Array, records: Sequence[Record], step_ns: int, facts: dict[str, Any]
    ) -> Episode:
        """Combine observations and records of authority; ``observations[t]`` belongs to ``records[t]``."""
        action_dim = len(records[0].executed) if records else 0
        missing = np.full(action_dim, np.nan)

        def rows(values: list[Array], width: int) -> Array:
            return np.array(values, dtype=np.float32).reshape(len(records), width)

        return cls(
            stamps_ns=np.array([r.stamp_ns for r in records], dtype=np.int64),
            observations=rows(list(observations), len(observations[0]) if len(observations) else 0),
            executed=rows([r.executed for r in records], action_dim),
            policy=rows([missing if r.policy is None else r.policy for r in records], action_dim),
            expert=rows([missing if r.expert is None else r.expert for r in records], action_dim),
            authority=np.array([r.authority for r in records], dtype=np.uint8),
            intervention=np.array([r.intervention for r in records], dtype=np.int32),
            doubts=rows([np.array([*vars(r.doubts).values()]) for r in records], len(vars(DOUBTLESS))),
            step_ns=step_ns,
            facts=facts,
        )
