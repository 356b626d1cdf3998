# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No seed is for teaching and for measuring, whichever command it is given to."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.cli import check_seeds, collect, demo, evaluate
from il_ros.core.errors import ConfigError
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.data import seeds
from il_ros.learning.data.seeds import ALONE, CONFIRMATION, OF_A_ROUND

facts = st.lists(st.fixed_dictionaries({"task": st.sampled_from(["fork", "avoid"]), "seed": st.integers(0, 30)}))


def defaults(command: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    return parser.parse_args(["checkpoint"] if command is evaluate else [])


@given(st.integers(0, 10**6), st.integers(1, 39), st.integers(1, OF_A_ROUND))
def test_the_rounds_of_every_run_teach_in_one_half_and_measure_in_the_other(run: int, rounds: int, count: int) -> None:
    plan = DaggerConfig(seed=run, rounds=rounds, demonstrations=count, episodes=count, eval_episodes=count)
    for number in (0, rounds):
        for taught in plan.seeds(0, number, count)[:: max(1, count - 1)]:
            assert seeds.is_for_teaching(taught)
        for measured in plan.seeds(ALONE, number, count)[:: max(1, count - 1)]:
            assert not seeds.is_for_teaching(measured)
    assert not any(map(seeds.is_for_teaching, plan.seeds(CONFIRMATION, 0, count)[:: max(1, count - 1)]))


def test_evaluate_begins_where_no_other_command_does() -> None:
    asked = defaults(evaluate)
    measured = set(range(asked.seed, asked.seed + 10_000))
    assert not any(map(seeds.is_for_teaching, measured))
    for first in demo.SEEDS.values():
        assert not measured & set(range(first, first + 10_000))
    for run in range(3):
        plan = DaggerConfig(seed=run, eval_episodes=OF_A_ROUND)
        of_run = {*plan.seeds(ALONE, 39, OF_A_ROUND), *plan.seeds(CONFIRMATION, 0, OF_A_ROUND)}
        assert not measured & of_run
    recorded = defaults(collect)
    assert seeds.is_for_teaching(recorded.seed) and seeds.is_for_teaching(recorded.seed + 100_000)


def test_what_a_demo_teaches_it_does_not_measure() -> None:
    blocks = sorted(demo.SEEDS.values())
    assert all(later - earlier >= 10_000 for earlier, later in zip(blocks, blocks[1:]))


@pytest.mark.parametrize(("seed", "episodes"), [(500_000, 1), (999_999, 1), (499_999, 2), (1_700_000, 5), (0, 600_000)])
def test_demonstrations_on_seeds_for_evaluation_are_refused(seed: int, episodes: int) -> None:
    check_seeds(seed, episodes)
    with pytest.raises(ConfigError, match="for demonstrations, the others for evaluation"):
        check_seeds(seed, episodes, teaching=True)


@given(facts, st.integers(0, 30), st.integers(1, 10))
def test_ranges_hold_what_was_taught_alone(episodes: list[dict[str, object]], first: int, count: int) -> None:
    taught = seeds.ranges([*episodes, {"task": "fork"}, {"seed": 3}, {}])
    for task in ("fork", "avoid"):
        theirs = {each["seed"] for each in episodes if each["task"] == task}
        asked = range(first, first + count)
        assert seeds.shared(taught, task, asked) == seeds.shared(taught, f"{task}:x=1", asked) == len(theirs & {*asked})
        assert all(a <= b for a, b in taught.get(task, []))
    half = len(episodes) // 2
    assert seeds.joined(seeds.ranges(episodes[:half]), seeds.ranges(episodes[half:])) == {
        task: stretches for task, stretches in taught.items()
    }
