# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.labels.expert_driven import ExpertDriven

STEP_NS = 50_000_000


def episode(authority: list[int], gaps: frozenset[int] = frozenset(), width: int = 2) -> Episode:
    """Row t sees t in every component, executes t + 0.5, and its expert, where they drive, wants t."""
    steps = len(authority)
    kinds = np.array(authority, dtype=np.uint8)
    row = np.arange(steps, dtype=np.float32)[:, None]
    expert = np.where(kinds[:, None] == Authority.EXPERT, np.repeat(row, 2, 1), np.nan).astype(np.float32)
    late = np.cumsum([2 * STEP_NS if t in gaps else 0 for t in range(steps)])
    return Episode(
        stamps_ns=np.arange(steps, dtype=np.int64) * STEP_NS + late.astype(np.int64),
        observations=np.repeat(row, width, 1),
        executed=np.repeat(row + 0.5, 2, 1),
        policy=np.full((steps, 2), np.nan, dtype=np.float32),
        expert=expert,
        authority=kinds,
        intervention=np.zeros(steps, dtype=np.int32),
        doubts=np.full((steps, 5), np.nan, dtype=np.float32),
        step_ns=STEP_NS,
    )


authorities = st.lists(st.sampled_from([0, 1, 2, 2, 2]), min_size=1, max_size=25)
holes = st.frozensets(st.integers(0, 24), max_size=4)


@given(st.lists(st.tuples(authorities, holes), min_size=1, max_size=4), st.integers(1, 4), st.integers(1, 6))
def test_every_window_stays_in_its_span_and_every_label_begins_one(
    parts: list[tuple[list[int], frozenset[int]]], history: int, horizon: int
) -> None:
    episodes = [episode(kinds, gaps) for kinds, gaps in parts]
    labels = sum(int((e.authority == Authority.EXPERT).sum()) for e in episodes)
    if labels == 0:
        with pytest.raises(DataError, match="are labels"):
            Dataset.from_episodes(episodes, history, horizon)
        return
    data = Dataset.from_episodes(episodes, history, horizon)
    assert len(data) == labels
    expected = iter(range(len(data)))
    for number, e in enumerate(episodes):
        for start, stop, authority in e.spans():
            if authority is not Authority.EXPERT:
                continue
            for step in range(start, stop):
                n = next(expected)
                past = np.maximum(np.arange(step - history + 1, step + 1), start)
                future = np.arange(step, step + horizon)
                assert data.episode[n] == number
                assert (data.observations[n, :, 0] == past).all()
                assert (data.mask[n] == (future < stop)).all()
                assert (data.actions[n, :, 0] == np.where(future < stop, future, 0)).all()


def test_the_label_is_what_was_executed_where_the_experts_wish_is_not_on_record() -> None:
    e = episode([2, 2, 2])
    e.expert[1] = np.nan
    assert ExpertDriven()([e])[0].actions[:, 0].tolist() == [0.0, 1.5, 2.0]


def test_nothing_that_the_policy_drove_is_a_label() -> None:
    e = episode([1, 2, 0, 2, 1])
    assert ExpertDriven()([e])[0].is_label.tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("kinds", [[], [1, 1, 0]])
def test_no_label_at_all_is_refused_with_the_counts(kinds: list[int]) -> None:
    with pytest.raises(DataError, match=f"0 of {len(kinds)} steps in 1 episodes are labels; record the expert"):
        Dataset.from_episodes([episode(kinds)], 2, 4)


def test_no_episode_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="0 of 0 steps in 0 episodes"):
        Dataset.from_episodes([], 2, 4)


def test_episodes_of_two_contracts_are_refused() -> None:
    with pytest.raises(DataError, match=r"sizes \[\(2, 2\), \(3, 2\)\]"):
        Dataset.from_episodes([episode([2]), episode([2], width=3)], 2, 4)


def test_one_step_makes_one_padded_window() -> None:
    data = Dataset.from_episodes([episode([2])], 3, 4)
    assert data.observations.shape == (1, 3, 2)
    assert data.mask.tolist() == [[1, 0, 0, 0]]


@given(
    st.lists(st.tuples(authorities, holes), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 9),
)
def test_a_window_is_left_out_where_a_boundary_inside_the_episode_cuts_it_to_fewer_labels(
    parts: list[tuple[list[int], frozenset[int]]], history: int, horizon: int, min_labels: int
) -> None:
    episodes = [episode(kinds, gaps) for kinds, gaps in parts]
    kept = [
        (number, step, stop, start)
        for number, e in enumerate(episodes)
        for start, stop, authority in e.spans()
        for step in range(start, stop)
        if authority is Authority.EXPERT and (stop - step >= min_labels or stop == len(e))
    ]
    if not any((e.authority == Authority.EXPERT).any() for e in episodes):
        return
    if not kept:  # see test_a_set_of_windows_is_never_empty
        return
    data = Dataset.from_episodes(episodes, history, horizon, min_labels=min_labels)
    assert data.episode.tolist() == [number for number, *_ in kept]
    assert data.observations[:, -1, 0].tolist() == [step for _, step, *_ in kept]
    for n, (_, step, stop, start) in enumerate(kept):
        assert data.mask[n].sum() == min(horizon, stop - step)
        assert data.observations[n].min() >= start  # and nothing of a window lies beyond a boundary
        assert data.actions[n].max() < stop


@given(authorities, st.integers(1, 9), st.integers(1, 6))
def test_the_windows_that_are_kept_are_those_of_a_set_with_all(kinds: list[int], min_labels: int, horizon: int) -> None:
    if Authority.EXPERT not in kinds or kinds[-1] != Authority.EXPERT:
        return
    everything = Dataset.from_episodes([episode(kinds)], 2, horizon)
    some = Dataset.from_episodes([episode(kinds)], 2, horizon, min_labels=min_labels)
    index = np.isin(everything.observations[:, -1, 0], some.observations[:, -1, 0])
    for name in ("observations", "actions", "mask", "weight", "episode"):
        assert np.array_equal(getattr(everything, name)[index], getattr(some, name)), name


def test_a_demonstration_keeps_every_step_however_short_it_is() -> None:
    assert len(Dataset.from_episodes([episode([2, 2, 2])], 2, 4, min_labels=8)) == 3


def test_of_an_intervention_the_last_steps_are_left_out() -> None:
    data = Dataset.from_episodes([episode([1, *[2] * 10, 1])], 2, 4, min_labels=8)
    assert data.observations[:, -1, 0].tolist() == [1, 2, 3]


def test_a_set_of_windows_is_never_empty() -> None:
    with pytest.raises(DataError, match="min_labels"):
        Dataset.from_episodes([episode([1, 2, 2, 1])], 2, 4, min_labels=8)


def test_weights_are_shared_out_between_some_episodes_and_the_others() -> None:
    data = Dataset.from_episodes([episode([2] * 6), episode([2] * 2), episode([2] * 4)], 1, 1)
    mixed = data.mixed([1], 0.25)
    assert mixed.weight[mixed.episode == 1].sum() == pytest.approx(0.25 * 12)
    assert mixed.weight.sum() == pytest.approx(12) and set(mixed.weight[mixed.episode != 1]) == {np.float32(0.9)}
    for everything_or_nothing in ([], [7], [0, 1, 2]):
        assert (data.mixed(everything_or_nothing, 0.25).weight == data.weight).all()
