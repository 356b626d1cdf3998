# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes are chosen by what they say of themselves; demonstrations that failed are not trained on unasked."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.episode import Authority, Episode, Record
from il_ros.core.errors import ConfigError
from il_ros.learning.data.selection import Condition, Selection


def episode(authority: Authority = Authority.EXPERT, **facts: object) -> Episode:
    records = [
        Record(50_000_000 * i, Authority.HOLD if i == 0 else authority, "steady", 0, np.zeros(2)) for i in range(4)
    ]
    return Episode.from_steps(np.zeros((4, 3)), records, 50_000_000, dict(facts))


EPISODES = {
    "one": episode(outcome="success", expert="anna", steps=100, judged=True),
    "two": episode(outcome="success", expert="anna, ben", steps=300, cell="left hand"),
    "three": episode(outcome="timeout", expert="ben", steps=400),
    "four": episode(Authority.POLICY, outcome="lost", checkpoint="0a1b", steps=80),
    "five": episode(),
}
DAY_NS = 86_400 * 10**9
STARTS_NS = {"one": 20_000 * DAY_NS, "two": 20_001 * DAY_NS + 10**9, "three": 20_002 * DAY_NS}  # from 2024-10-04


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ([], "one two four five"),  # a demonstration that failed is not wanted, an episode of corrections is
        (["outcome=*"], "one two three four"),
        (["outcome=timeout"], "three"),
        (["outcome!=lost"], "one two three five"),
        (["expert=ben"], "two"),
        (["expert=ben", "outcome=*"], "two three"),
        (["expert!=ben"], "one four five"),
        (["expert=*"], "one two"),
        (["steps<300"], "one four"),
        (["steps >= 100", "steps<=300"], "one two"),
        (["judged=true"], "one"),
        (["cell=left hand"], "two"),
        (["name!=one"], "two four five"),
        (["date=2024-10-04"], "one"),
        (["date>2024-10-04", "outcome=*"], "two three"),
        (["date<=2024-10-05"], "one two"),
        (["date>=2024-10-05T00:00:01"], "two"),
    ],
)
def test_what_is_chosen(where: list[str], chosen: str) -> None:
    names, notes = Selection.parse(where).of(EPISODES, STARTS_NS)
    assert names == chosen.split()
    assert bool(notes) == (len(names) < len(EPISODES))


def test_what_is_left_out_is_told_with_the_way_to_take_it() -> None:
    _, notes = Selection().of(EPISODES, {})
    assert notes == ["1 demonstrations that failed are left out (1 timeout); where outcome=* takes them, too"]
    _, notes = Selection.parse(["steps<300", "expert=anna"]).of(EPISODES, {})
    assert notes == ["4 of 5 episodes are left out by where: steps<300, expert=anna"]


@pytest.mark.parametrize("text", ["", "outcome", "=success", "outcome=", "outcome==", "out come=success", "steps=>3"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no condition; write KEY"):
        Condition.parse(text)


def test_a_key_that_no_episode_has_and_texts_without_an_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="outcme=success: no episode has 'outcme'; they have .*outcome"):
        Selection.parse(["outcme=success"]).of(EPISODES, {})
    with pytest.raises(ConfigError, match="no episode has 'date'"):
        Selection.parse(["date>2024"]).of(EPISODES, {})
    with pytest.raises(ConfigError, match="expert>ben compares 'anna' with 'ben'; numbers and the date alone"):
        Selection.parse(["expert>ben"]).of(EPISODES, {})
