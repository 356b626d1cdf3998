# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Success rates, their intervals and the entropy of behaviours."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.errors import ConfigError
from il_ros.evaluation.metrics import Success, behaviour_entropy, wilson_interval

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_interval_lies_in_zero_to_one_and_holds_the_rate(count: tuple[int, int]) -> None:
    low, high = wilson_interval(*count)
    assert 0.0 <= low <= count[0] / count[1] <= high <= 1.0
    assert high - low > 0.0


@given(counts)
def test_failures_mirror_successes(count: tuple[int, int]) -> None:
    successes, episodes = count
    low, high = wilson_interval(successes, episodes)
    assert wilson_interval(episodes - successes, episodes) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts)
def test_both_ends_solve_the_score_equation(count: tuple[int, int]) -> None:
    rate, episodes = count[0] / count[1], count[1]
    for end in wilson_interval(*count):
        assert (rate - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / episodes, rel=1e-5, abs=1e-12)


@given(counts, st.integers(2, 10))
def test_more_episodes_at_the_same_rate_narrow_the_interval(count: tuple[int, int], times: int) -> None:
    widths = [high - low for low, high in (wilson_interval(n * count[0], n * count[1]) for n in (1, times))]
    assert widths[1] < widths[0]


@given(st.integers(1, 300))
def test_one_more_success_raises_both_ends(episodes: int) -> None:
    intervals = [wilson_interval(successes, episodes) for successes in range(episodes + 1)]
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(intervals))


def test_the_interval_of_known_counts_is_the_published_one() -> None:
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson_interval(197, 200) == pytest.approx((0.9568, 0.9949), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused_by_their_value(count: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=str(count[0])):
        Success(*count)


@given(st.integers(2, 30), st.integers(1, 20))
def test_entropy_of_all_ways_alike_is_one(kinds: int, each: int) -> None:
    assert behaviour_entropy(list(range(kinds)) * each, kinds) == pytest.approx(1.0)


@given(st.lists(st.integers(0, 23), max_size=200), st.permutations(range(24)))
def test_entropy_is_bounded_and_blind_to_names(behaviours: list[int], names: list[int]) -> None:
    entropy = behaviour_entropy(behaviours, 24)
    assert 0.0 <= entropy <= 1.0 + 1e-12
    assert entropy == pytest.approx(behaviour_entropy([names[b] for b in behaviours], 24))


def test_entropy_of_one_way_or_none_is_zero() -> None:
    assert behaviour_entropy(["left"] * 9, 2) == 0.0
    assert behaviour_entropy([], 24) == 0.0


def test_entropy_refuses_more_ways_than_there_are() -> None:
    with pytest.raises(ConfigError, match="at least 3"):
        behaviour_entropy("abc", 2)


@given(st.lists(st.booleans(), min_size=1))
def test_success_counts_what_it_was_given(outcomes: list[bool]) -> None:
    success = Success.of(outcomes)
    assert success.to_dict() == {
        "success": sum(outcomes) / len(outcomes),
        "episodes": len(outcomes),
        "interval": list(success.interval),
    }
    assert f"{sum(outcomes)}/{len(outcomes)}" in str(success)


def test_success_of_no_episodes_is_unknown() -> None:
    assert math.isnan(Success(0, 0).rate)
    assert Success(0, 0).to_dict()["success"] is None
