# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which contracts mean the same by their numbers."""

from __future__ import annotations

import copy
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.learning.contract_comparison import compare, conflicts, differences

PLAIN = Contract.load("panda_joints").to_dict()
JOINT = next(iter(PLAIN["action"]))
SEEN = next(name for name, part in PLAIN["observation"].items() if part["unit"] == "m")


def changed(**parts: object) -> Contract:
    """``panda_joints`` with other values at these places, whose dots are written as ``__``."""
    plain = copy.deepcopy(PLAIN)
    for where, value in parts.items():
        *above, key = where.split("__")
        functools.reduce(dict.__getitem__, above, plain)[key] = value
    return Contract.from_dict("mine", plain)


@given(st.dictionaries(st.sampled_from(sorted(PLAIN["action"])), st.floats(0.01, 5.0), min_size=1))
def test_other_limits_make_no_other_contract_and_are_told(limits: dict[str, float]) -> None:
    here = changed(**{f"action__{name}__max_step": value for name, value in limits.items()})
    assert conflicts(here, Contract.from_dict("theirs", PLAIN)) == []
    told = differences(here, Contract.from_dict("theirs", PLAIN))
    for name, value in limits.items():
        theirs = PLAIN["action"][name]["max_step"]
        assert (f"action {name}: max_step {value!r} here, {theirs!r} in the checkpoint" in told) == (value != theirs)


def test_whatever_key_of_an_action_is_unknown_counts_as_a_limit() -> None:
    here, there = copy.deepcopy(PLAIN), copy.deepcopy(PLAIN)
    here["action"][JOINT]["max_velocity"] = 0.5
    ((text, matters),) = compare(here, there)
    assert text == f"action {JOINT}: max_velocity 0.5 here, nothing in the checkpoint" and not matters


@pytest.mark.parametrize(
    "harmless",
    [
        {"command__points": 4},
        {"robot": "my_panda.yaml"},
        {"foreign": {"topic": "elsewhere"}},
        {f"action__{JOINT}__low": -1.0},
        {f"observation__{SEEN}__unit": "Metres"},
        {f"action__{JOINT}__unit": ""},
    ],
)
def test_what_changes_no_number_makes_no_other_contract(harmless: dict[str, object]) -> None:
    here, there = changed(**harmless), Contract.from_dict("theirs", PLAIN)
    assert len(differences(here, there)) == 1
    assert conflicts(here, there) == conflicts(there, here) == []


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ({"rate_hz": 10.0}, "rate_hz 10.0 here, 20.0 in the checkpoint"),
        ({f"observation__{SEEN}__unit": "mm"}, f"observation {SEEN}: unit 'mm' here, "),
        ({f"action__{JOINT}__rest": 0.0}, f"action {JOINT}: rest 0.0 here, "),
        ({"command__type": "std_msgs/msg/Float64MultiArray"}, "command: type 'std_msgs/msg/Float64MultiArray' here, "),
        ({"command__frame": "elsewhere"}, "command: frame 'elsewhere' here, "),
    ],
)
def test_what_changes_the_meaning_of_a_number_makes_another_contract(harm: dict[str, object], says: str) -> None:
    (text,) = conflicts(changed(**harm), Contract.from_dict("theirs", PLAIN))
    assert text.startswith(says)


def test_other_names_another_order_and_other_fields_make_another_contract() -> None:
    there = Contract.from_dict("theirs", PLAIN)
    for part in ("observation", "action"):
        turned = copy.deepcopy(PLAIN)
        turned[part] = dict(reversed(turned[part].items()))
        (text,) = conflicts(Contract.from_dict("mine", turned), there)
        assert text.startswith(f"{part}: {', '.join(turned[part])} here, {', '.join(PLAIN[part])} in the checkpoint")
    seen = next(iter(PLAIN["observation"]))
    (text,) = conflicts(changed(**{f"observation__{seen}__field": "velocity[panda_joint1]"}), there)
    assert text.startswith(f"observation {seen}: field 'velocity[panda_joint1]' here, ")
