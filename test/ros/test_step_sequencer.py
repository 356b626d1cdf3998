# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Observations and announcements come in any order, and make one order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.types import EpisodeStart
from il_ros.ros.step_sequencer import StepSequencer

STEP_NS = 50_000_000
FIRST_NS = 2_000_000_000


def start(stamp_ns: int = FIRST_NS, seed: int = 3) -> EpisodeStart:
    return EpisodeStart("fork", seed, stamp_ns)


@pytest.mark.parametrize("order", list(itertools.permutations(("tool", "objects", "start"))))
def test_the_first_turn_of_an_episode_carries_its_seed_in_whatever_order_things_come(order: tuple[str, ...]) -> None:
    turns = StepSequencer(["tool", "objects"], STEP_NS, lockstep=True)
    made = [turns.announce(start()) if what == "start" else turns.add(what, FIRST_NS, {}) for what in order]
    assert made[:2] == [None, None]
    assert made[2] is not None and made[2].start == start() and made[2].stamp_ns == FIRST_NS


def test_later_turns_carry_no_start() -> None:
    turns = StepSequencer(["tool"], STEP_NS, lockstep=True)
    turns.announce(start())
    turns.add("tool", FIRST_NS, {})
    later = turns.add("tool", FIRST_NS + STEP_NS, {})
    assert later is not None and later.start is None


def test_a_second_episode_waits_for_its_own_announcement() -> None:
    turns = StepSequencer(["tool"], STEP_NS, lockstep=True)
    turns.announce(start())
    turns.add("tool", FIRST_NS, {})
    assert turns.add("tool", FIRST_NS + 20 * STEP_NS, {}) is None
    turn = turns.announce(start(FIRST_NS + 20 * STEP_NS, seed=4))
    assert turn is not None and turn.start is not None and turn.start.seed == 4


def test_a_real_arm_need_not_announce_anything() -> None:
    turns = StepSequencer(["tool"], STEP_NS, lockstep=False)
    turn = turns.add("tool", FIRST_NS, {})
    assert turn is not None and turn.start is None
    assert turns.add("tool", FIRST_NS + 40 * STEP_NS, {}) is not None


def test_an_incomplete_observation_is_dropped_and_counted() -> None:
    turns = StepSequencer(["tool", "objects"], STEP_NS, lockstep=False)
    turns.add("tool", FIRST_NS, {})
    turns.add("tool", FIRST_NS + STEP_NS, {})
    assert turns.add("objects", FIRST_NS + STEP_NS, {}) is not None
    assert turns.dropped == 1


@pytest.mark.parametrize("order", list(itertools.permutations(("tool", "objects", "joints"))))
@pytest.mark.parametrize("lockstep", [False, True])
def test_a_clock_that_goes_back_begins_anew_and_loses_no_step(order: tuple[str, ...], lockstep: bool) -> None:
    turns = StepSequencer(order, STEP_NS, lockstep)
    for run, first_ns in enumerate((100 * FIRST_NS, FIRST_NS, 50 * FIRST_NS)):
        turns.announce(start(first_ns))
        for step in range(4):
            made = [turns.add(topic, first_ns + step * STEP_NS, {}) for topic in order]
            assert made[:-1] == [None, None] and made[-1] is not None
            assert made[-1].stamp_ns == first_ns + step * STEP_NS
            assert made[-1].begins_anew == (run == 1 and step == 0)  # what is announced and goes on is none
            assert (made[-1].start is not None) == (step == 0)
    assert turns.jump == f"from {100 * FIRST_NS / 1e9 + 3 * STEP_NS / 1e9:.3f} to {FIRST_NS / 1e9:.3f} s"


def test_a_stamp_that_is_a_little_late_is_passed_over_and_one_of_the_far_future_costs_one_step() -> None:
    turns = StepSequencer(["tool"], STEP_NS, lockstep=False)
    assert turns.add("tool", FIRST_NS, {}) is not None
    assert turns.add("tool", FIRST_NS - STEP_NS // 2, {}) is None
    far = turns.add("tool", FIRST_NS + 10**15, {})
    assert far is not None and far.begins_anew
    again = turns.add("tool", FIRST_NS + STEP_NS, {})
    assert again is not None and again.begins_anew
    later = turns.add("tool", FIRST_NS + 2 * STEP_NS, {})
    assert later is not None and not later.begins_anew


def test_what_comes_again_with_the_stamp_of_the_last_step_is_known_as_standing() -> None:
    turns = StepSequencer(["tool", "objects"], STEP_NS, lockstep=False)
    for part in range(3):
        turns.add("tool", FIRST_NS, part)
        assert (turns.add("objects", FIRST_NS, part) is None) == (part > 0)
    assert turns.take_standing() == {"tool": 2, "objects": 2} and turns.take_standing() is None


@given(
    driver_hz=st.floats(20.0 / 0.74, 1000.0),
    joins=st.lists(st.integers(0, 200), min_size=2, max_size=4),
    seed=st.integers(0, 99),
)
def test_nodes_that_join_at_different_times_take_the_same_observations_of_a_fast_driver(
    driver_hz: float, joins: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    intervals = 1e9 / driver_hz * rng.uniform(0.9, 1.0, 600)
    stamps = (FIRST_NS + np.cumsum(intervals)).astype(np.int64).tolist()
    taken = []
    for first in joins:
        turns, due = StepSequencer(["tool"], STEP_NS, lockstep=False), set()
        for stamp in stamps[first:]:
            turn = turns.add("tool", stamp, {})
            if turn is not None and turns.is_due(turn):
                due.add(stamp)
        taken.append({stamp for stamp in due if stamp > stamps[max(joins)] + STEP_NS})
    assert all(other == taken[0] for other in taken)
