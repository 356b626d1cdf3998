# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Labels that lie far outside the rest: a glitch of a device, a wrong unit, a joint that wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from il_ros.episode import Episode
from il_ros.learning.labels import Labels
from il_ros.signals import Array
from il_ros.specs import Contract

FAR = 5.0
"""So many interquartile ranges beyond the quartiles is far outside; of normal numbers one in 10^12 is."""
LEAST = 0.02
"""Share of the contract's range that counts as the interquartile range if that is smaller, as of what hardly moves."""
RARE, SCATTERED = 0.01, 0.1
"""What is in more of the labels, or in more of the episodes, was meant."""
SHOWN = 3


def outliers(
    names: Sequence[str], episodes: Sequence[Episode], rules: Sequence[Labels], contract: Contract
) -> list[str]:
    """A sentence for each component of the action that has such labels, with the episode and step of the first."""
    where = [(number, step) for number, rule in enumerate(rules) for step in np.flatnonzero(rule.is_label).tolist()]
    labels = np.concatenate([rule.actions[rule.is_label] for rule in rules]).astype(np.float64)  # (N, Da)
    owners = np.array([number for number, _ in where])
    told = []
    for part, column in zip(contract.action, labels.T):
        far = np.flatnonzero(_is_far(column, owners, LEAST * (part.high - part.low)))
        if len(far):
            low, high = np.delete(column, far).min(initial=np.inf), np.delete(column, far).max(initial=-np.inf)
            places = ", ".join(_places(column, far, where, names))
            more = f" and {len(far) - SHOWN} more" if len(far) > SHOWN else ""
            told.append(
                f"action {part.name} is {places}{more}; all other labels are within {low:.4g} to {high:.4g}: look at "
                "them, drop the episode, or train with normaliser: quantiles"
            )
    return told


def _places(column: Array, far: Array, where: Sequence[tuple[int, int]], names: Sequence[str]) -> Iterator[str]:
    for row in far[np.argsort(-np.abs(column[far] - np.median(column)), kind="stable")][:SHOWN].tolist():
        number, step = where[row]
        yield f"{column[row]:.4g} in {names[number]} at step {step}"


def _is_far(column: Array, owners: Array, least: float) -> Array:
    """(N,) which numbers are far outside the rest, and few enough to be mistakes."""
    first, third = np.quantile(column, (0.25, 0.75))
    reach = FAR * max(third - first, least)
    far: Array = (column < first - reach) | (column > third + reach)
    some = max(1, round(RARE * len(column))), max(1, round(SCATTERED * len(np.unique(owners))))
    few = far.sum() <= some[0] and len(np.unique(owners[far])) <= some[1]
    return far if few else np.zeros_like(far)
