# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Labels far outside the rest are told with their place, and what is merely uncommon is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.learning.data import labels
from il_ros.learning.data.outliers import outliers

CONTRACT = Contract.load("panda_plane")


def episodes(count: int = 5, steps: int = 60) -> list[Episode]:
    """Velocities that ramp up at the beginning of each, along x, and wave, along y."""
    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        x = np.minimum(0.2, 0.05 * np.arange(1, steps + 1))
        y = 0.1 * np.sin(np.arange(steps) / 9) + rng.normal(0, 0.01, steps)
        action, nothing = np.stack([x, y], 1).astype(np.float32), np.full((steps, 2), np.nan, np.float32)
        made.append(
            Episode(
                stamps_ns=np.arange(1, steps + 1, dtype=np.int64) * CONTRACT.step_ns,
                observations=np.zeros((steps, 4), np.float32),
                executed=action,
                policy=nothing,
                expert=action,
                authority=np.full(steps, 2, np.uint8),
                intervention=np.zeros(steps, np.int32),
                doubts=np.full((steps, 5), np.nan, np.float32),
                step_ns=CONTRACT.step_ns,
            )
        )
    return made


def told(found: list[Episode]) -> list[str]:
    names = [f"episode_{n:06d}" for n in range(1, len(found) + 1)]
    return outliers(names, found, labels.load("expert_driven")(found), CONTRACT)


def put(episode: Episode, step: int, column: int, value: float) -> None:
    episode.executed[step, column] = episode.expert[step, column] = value


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_ordinary_demonstrations_are_not_complained_of(count: int) -> None:
    assert told(episodes(count)) == []


@given(st.integers(0, 4), st.integers(0, 59), st.integers(0, 1), st.floats(2.0, 1e9), st.booleans())
def test_a_wild_label_is_told_with_episode_and_step(
    episode: int, step: int, column: int, value: float, negative: bool
) -> None:
    found = episodes()
    put(found[episode], step, column, -value if negative else value)
    (text,) = told(found)
    assert f"action {CONTRACT.action[column].name} is " in text
    assert f" in episode_{episode + 1:06d} at step {step}; all other labels are within" in text


def test_many_wild_labels_are_counted_and_the_wildest_named_first() -> None:
    found = episodes(20)
    for step in range(5):
        put(found[3], step + 10, 0, 10.0 + step)
    (text,) = told(found)
    assert "is 14 in episode_000004 at step 14, 13 in episode_000004 at step 13" in text and "and 2 more" in text


def test_what_happens_in_every_episode_was_meant() -> None:
    found = episodes(20)
    for each in found:
        put(each, 59, 1, 0.25)
        each.executed[:59, 1] = each.expert[:59, 1] = 0.0  # a gripper that closes at the end
    assert told(found) == []
