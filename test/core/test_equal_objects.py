# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Objects that a contract calls equal: which components they have, and how these are exchanged."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract, EqualObjects
from il_ros.core.errors import ConfigError

PLAIN = Contract.load("panda_plane").to_dict()
NAMES = [
    "tool_x",
    "block_x",
    "block_goal_x",
    "block2_goal_x",
    "block2_x",
    "cup.0",
    "cup.1",
    "jar.1",
    "jar.0",
    "block_c",
]
NAMES += ["block2_c"]


def contract(equal_objects, names=NAMES, units=None):
    topic = next(iter(PLAIN["topics"]))
    field = next(iter(PLAIN["observation"].values()))["field"]
    observation = {name: {"topic": topic, "field": field, "unit": (units or {}).get(name, "m")} for name in names}
    return Contract.from_dict("equal", {**PLAIN, "observation": observation, "equal_objects": equal_objects})


def members(equal):
    """The names of the components of each member of each group."""
    return [[tuple(NAMES[i] for i in member) for member in group] for group in equal.groups]


def test_everything_that_begins_with_a_name_belongs_to_it_in_the_order_of_the_first():
    equal = contract([["block", "block2"], ["cup", "jar"]]).layout.equal
    assert members(equal) == [
        [("block_x", "block_goal_x", "block_c"), ("block2_x", "block2_goal_x", "block2_c")],
        [("cup.0", "cup.1"), ("jar.0", "jar.1")],
    ]
    assert equal.size == 2


def test_a_component_belongs_to_the_longest_name_that_fits():
    equal = contract([["block", "block2"], ["block_goal", "block2_goal"]]).layout.equal
    assert members(equal) == [
        [("block_x", "block_c"), ("block2_x", "block2_c")],
        [("block_goal_x",), ("block2_goal_x",)],
    ]


def test_several_objects_go_together():
    first, second = members(contract([[["block", "cup"], ["block2", "jar"]]]).layout.equal)[0]
    assert first == ("block_x", "block_goal_x", "block_c", "cup.0", "cup.1")
    assert second == ("block2_x", "block2_goal_x", "block2_c", "jar.0", "jar.1")


@pytest.mark.parametrize("equal_objects", [[], [["block", "block2"]], [[["block", "cup"], ["block2", "jar"]]]])
def test_a_contract_says_again_what_it_was_told(equal_objects, tmp_path):
    made = contract(equal_objects)
    assert made.to_dict().get("equal_objects", []) == equal_objects
    made.save(tmp_path / "equal.yaml")
    assert Contract.load(tmp_path / "equal.yaml").layout.equal == made.layout.equal


@pytest.mark.parametrize(
    ("equal_objects", "words"),
    [
        ([["block"]], "equal_objects: block is equal to nothing"),
        ([[]], "equal_objects: a group is equal to nothing"),
        ([[[], []]], "is equal to nothing; name two or more"),
        ([["block", "block"]], "'block' is named twice"),
        ([["block", "block2"], ["block", "cup"]], "'block' is named twice"),
        ([["block", "bloc2"]], "'bloc2'.*block2"),
        ([["block", "tool"]], "tool and block differ in c, goal_x"),
        ([["cup", "jar", "block"]], "block and cup differ in 0, 1, c, goal_x, x"),
        ([[["block", "cup"], ["block2"]]], "block2 and block and cup differ in 0, 1"),
        ("block", "equal_objects.*list"),
        ([[["block", 2], "block2"]], "equal_objects.*string"),
    ],
)
def test_what_is_not_equal_is_refused(equal_objects, words):
    with pytest.raises(ConfigError, match=words):
        contract(equal_objects)


def test_numbers_in_other_units_are_not_equal():
    with pytest.raises(ConfigError, match="differ in x"):
        contract([["block", "block2"]], units={"block_x": "mm"})


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_members_are_exchanged_whole_and_each_row_has_every_number_once(seed, count, width, others):
    """Of ``count`` members of ``width`` components among others, in any order."""
    rng = np.random.default_rng(seed)
    dim = (count + 1) * width + others
    places = rng.permutation(dim)
    group = tuple(tuple(places[i * width : (i + 1) * width].tolist()) for i in range(count + 1))
    equal = EqualObjects(dim, (group,))
    source = equal.exchanged(50, rng)
    assert (np.sort(source, axis=1) == np.arange(dim)).all()
    rest = [i for i in range(dim) if not any(i in member for member in group)]
    assert (source[:, rest] == rest).all()
    for row in source:
        assert {tuple(row[list(member)].tolist()) for member in group} == set(group)
    for n in range(count + 1):
        for member, taken in zip(group, [*group[-n:], *group[:-n]] if n else group):
            assert tuple(equal.turned(n)[list(member)].tolist()) == taken


def test_every_order_is_as_likely_and_groups_are_drawn_by_themselves():
    equal = contract([["block", "block2"], ["cup", "jar"]]).layout.equal
    source = equal.exchanged(4000, np.random.default_rng(0))
    block, cup = (source[:, NAMES.index(name)] == NAMES.index(name) for name in ("block_x", "cup.0"))
    for first, second in itertools.product((False, True), repeat=2):
        assert ((block == first) & (cup == second)).mean() == pytest.approx(0.25, abs=0.03)


def test_nothing_that_is_equal_leaves_all_in_its_place():
    equal = contract([]).layout.equal
    assert equal.size == 1 and equal.groups == ()
