# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Labels that lie far outside the rest: a glitch of a device, a wrong unit, a joint that wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.types import Array
from il_ros.learning.data.labels import Labels

RARE = 0.01
"""Share of the labels at either end that do not count when it is found out where the rest are."""
FAR = 1.0
"""Further outside than so many times the range of the rest is far; for normal numbers that is 7 standard deviations."""
LEAST = 0.1
"""Share of the contract's range that counts as the range of the rest if that is smaller, as of what hardly moves."""
SCATTERED = 0.1
"""What is in a greater share of the episodes was meant."""
SHOWN = 3


def outliers(
    names: Sequence[str], episodes: Sequence[Episode], rules: Sequence[Labels], contract: Contract
) -> list[str]:
    """Return a note for each component of the action that has such labels, with episode and step of the first."""
    where = [(number, step) for number, rule in enumerate(rules) for step in np.flatnonzero(rule.is_label).tolist()]
    labels = np.concatenate([rule.actions[rule.is_label] for rule in rules]).astype(np.float64)  # (N, Da)
    owners = np.array([number for number, _ in where])
    remarks = []
    for part, column in zip(contract.action, labels.T):
        far = np.flatnonzero(_is_far(column, owners, LEAST * (part.high - part.low)))
        if len(far):
            low, high = np.delete(column, far).min(initial=np.inf), np.delete(column, far).max(initial=-np.inf)
            places = ", ".join(_places(column, far, where, names))
            more = f" and {len(far) - SHOWN} more" if len(far) > SHOWN else ""
            remarks.append(
                f"action {part.name} is {places}{more}; all other labels are within {low:.4g} to {high:.4g}: look at "
                "them, drop the episode, or train with normaliser: quantiles"
            )
    return remarks


def _places(column: Array, far: Array, where: Sequence[tuple[int, int]], names: Sequence[str]) -> Iterator[str]:
    for row in far[np.argsort(-np.abs(column[far] - np.median(column)), kind="stable")][:SHOWN].tolist():
        number, step = where[row]
        yield f"{column[row]:.4g} in {names[number]} at step {step}"


def _is_far(column: Array, owners: Array, least: float) -> Array:
    """Return (N,) which numbers are far outside the rest, unless they are in so many episodes that they were meant."""
    ordered, few = np.sort(column), max(1, round(RARE * len(column)))
    if len(column) <= 2 * few:
        return np.zeros(len(column), dtype=bool)
    low, high = ordered[few], ordered[-1 - few]
    reach = FAR * max(high - low, least)
    far: Array = (column < low - reach) | (column > high + reach)
    scattered = len(np.unique(owners[far])) > max(1, round(SCATTERED * len(np.unique(owners))))
    return np.zeros_like(far) if scattered else far
