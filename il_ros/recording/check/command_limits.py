# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measure how many commands lie outside a contract's limits, where a gate would clip or slow them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from il_ros.core.contract import Contract, gap_ns
from il_ros.core.contract.components import ActionComponent
from il_ros.core.episode import Episode
from il_ros.core.types import Array

ROUNDING = 1e-6
"""Share of the range by which a number may lie outside: actions are kept in single precision."""


@dataclass(frozen=True)
class Share:
    """The range of one component of the actions, and the share of them beyond the contract's limits."""

    name: str
    low: float
    """The least of them."""
    high: float
    """The greatest."""
    step: float
    """The most by which it changed from one step to the next."""
    outside: float
    """The share of the actions, 0 to 1, outside the contract's range."""
    too_fast: float
    """The share of the steps, 0 to 1, at which it changed by more than the contract allows."""

    @property
    def is_within(self) -> bool:
        """Whether nothing is beyond the limits."""
        return not (self.outside or self.too_fast)


def shares(contract: Contract, episodes: Iterable[Episode]) -> list[Share]:
    """Return range and excess of episodes' actions by component: the expert's or, without one, the executed ones.

    None without an action.
    """
    actions, changes = _actions(episodes, len(contract.action))
    if not len(actions):
        return []
    least, most = actions.min(axis=0), actions.max(axis=0)
    fastest = changes.max(axis=0, initial=0.0)
    slack = ROUNDING * np.maximum(np.abs([contract.low, contract.high]).max(axis=0), contract.high - contract.low)
    is_outside = (actions < contract.low - slack) | (actions > contract.high + slack)
    is_too_fast = changes > contract.max_step + slack
    outside = is_outside.mean(axis=0)
    too_fast = is_too_fast.mean(axis=0) if len(changes) else np.zeros(len(contract.action))
    columns = (column.tolist() for column in (least, most, fastest, outside, too_fast))
    return [Share(name, *numbers) for name, *numbers in zip(contract.action_names, *columns)]


def _actions(episodes: Iterable[Episode], width: int) -> tuple[Array, Array]:
    """Return the actions, (N, Da) float64, and by how much they differ from one step to the next, (M, Da)."""
    actions, changes = [np.empty((0, width))], [np.empty((0, width))]
    for episode in episodes:
        has_expert = np.isfinite(episode.expert).all(axis=1, keepdims=True)
        own = np.where(has_expert, episode.expert, episode.executed).astype(np.float64)
        is_next = np.diff(episode.stamps_ns) <= gap_ns(episode.step_ns)
        actions.append(own)
        changes.append(np.abs(np.diff(own, axis=0))[is_next])
    return np.concatenate(actions), np.concatenate(changes)


def text(part: ActionComponent, share: Share, limit: float) -> str:
    """Return the text on one component: what was commanded and, if beyond the limits, how much of it and why.

    Args:
        part: the component.
        share: what its actions come to.
        limit: the most by which it may change in a step.
    """
    message = f"{share.low:.4g} to {share.high:.4g} {part.unit}, {share.step:.3g} a step at most".replace(" ,", ",")
    if share.outside:
        message += f"; {_percent(share.outside)} lie outside {part.low:g} to {part.high:g}, where the gate clips"
    if share.too_fast:
        message += (
            f"; at {_percent(share.too_fast)} of the steps it changes by more than {limit:.3g}, which "
            f"{part.limited_by} allows, and the gate slows it down"
        )
    return message


def notes(contract: Contract, episodes: Iterable[Episode]) -> list[str]:
    """Return a sentence for each component of the action with commands beyond the contract's limits."""
    rows = zip(contract.action, shares(contract, episodes), contract.max_step.tolist())
    remedy = "if the arm can do that, widen the contract's limits"
    return [f"action {part.name}: {text(part, s, limit)}; {remedy}" for part, s, limit in rows if not s.is_within]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "fewer than 0.1%"
