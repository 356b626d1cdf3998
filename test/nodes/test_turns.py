# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Observations and announcements come in any order, and make one order."""

from __future__ import annotations

import itertools

import pytest

from il_ros.nodes.turns import Turns
from il_ros.signals import EpisodeStart

STEP_NS = 50_000_000
FIRST_NS = 2_000_000_000


def start(stamp_ns: int = FIRST_NS, seed: int = 3) -> EpisodeStart:
    return EpisodeStart("fork", seed, stamp_ns)


@pytest.mark.parametrize("order", list(itertools.permutations(("tool", "objects", "start"))))
def test_the_first_turn_of_an_episode_carries_its_seed_in_whatever_order_things_come(order: tuple[str, ...]) -> None:
    turns = Turns(["tool", "objects"], STEP_NS, lockstep=True)
    made = [turns.announce(start()) if what == "start" else turns.add(what, FIRST_NS, {}) for what in order]
    assert made[:2] == [None, None]
    assert made[2] is not None and made[2].start == start() and made[2].stamp_ns == FIRST_NS


def test_later_turns_carry_no_start() -> None:
    turns = Turns(["tool"], STEP_NS, lockstep=True)
    turns.announce(start())
    turns.add("tool", FIRST_NS, {})
    later = turns.add("tool", FIRST_NS + STEP_NS, {})
    assert later is not None and later.start is None


def test_a_second_episode_waits_for_its_own_announcement() -> None:
    turns = Turns(["tool"], STEP_NS, lockstep=True)
    turns.announce(start())
    turns.add("tool", FIRST_NS, {})
    assert turns.add("tool", FIRST_NS + 20 * STEP_NS, {}) is None
    turn = turns.announce(start(FIRST_NS + 20 * STEP_NS, seed=4))
    assert turn is not None and turn.start is not None and turn.start.seed == 4


def test_a_real_arm_need_not_announce_anything() -> None:
    turns = Turns(["tool"], STEP_NS, lockstep=False)
    turn = turns.add("tool", FIRST_NS, {})
    assert turn is not None and turn.start is None
    assert turns.add("tool", FIRST_NS + 40 * STEP_NS, {}) is not None


def test_an_incomplete_observation_is_dropped_and_counted() -> None:
    turns = Turns(["tool", "objects"], STEP_NS, lockstep=False)
    turns.add("tool", FIRST_NS, {})
    turns.add("tool", FIRST_NS + STEP_NS, {})
    assert turns.add("objects", FIRST_NS + STEP_NS, {}) is not None
    assert turns.dropped == 1
