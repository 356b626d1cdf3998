# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One driver at a time, and whoever is not heard has let go."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.errors import MessageError
from il_ros.core.types import BROWSER_SILENCE_S
from il_ros.web_ui.operator_session import LEASE_S, RELEASED, OperatorInput, OperatorLease

DRIVES = OperatorInput(held=True, deflection=(1.0, 0.0, 0.0))
SECOND = 10**9


def seated(viewer: str = "a") -> OperatorLease:
    seat = OperatorLease()
    seat.sit(viewer, "Anna", 0)
    seat.hear(viewer, RELEASED, 0)
    seat.hear(viewer, DRIVES, 0)
    return seat


@given(st.integers(0, SECOND))
def test_hands_count_until_they_have_been_silent_for_a_heartbeat(age_ns):
    assert seated().hands(age_ns) == (DRIVES if age_ns <= BROWSER_SILENCE_S * SECOND else RELEASED)


@pytest.mark.parametrize("was_noticed", [True, False])
def test_who_was_silent_must_let_go_of_the_switch_before_it_counts_again(was_noticed):
    seat = seated()
    if was_noticed:
        assert seat.hands(SECOND) == RELEASED
    seat.hear("a", DRIVES, SECOND)
    assert seat.hands(SECOND) == RELEASED
    seat.hear("a", RELEASED, SECOND)
    seat.hear("a", DRIVES, SECOND)
    assert seat.hands(SECOND) == DRIVES


def test_a_switch_that_was_held_when_the_seat_was_taken_counts_once_it_was_let_go():
    seat = OperatorLease()
    seat.sit("a", "Anna", 0)
    seat.hear("a", DRIVES, 0)
    assert seat.hands(0) == RELEASED


def test_a_second_driver_is_refused_and_changes_nothing():
    seat = seated()
    with pytest.raises(MessageError, match="Anna drives; wait until the seat is free"):
        seat.sit("b", "Ben", SECOND)
    with pytest.raises(MessageError, match="Anna drives; take the seat first"):
        seat.hear("b", OperatorInput(held=True), 1)
    assert not seat.leave("b")
    assert seat.hands(1) == DRIVES


def test_the_seat_is_free_once_its_driver_leaves_or_has_long_been_silent():
    seat = seated()
    assert seat.leave("a") and seat.hands(1) == RELEASED
    seat.sit("b", "Ben", 2)
    seat.sit("c", "Cleo", 2 + round(LEASE_S * SECOND))
    assert (seat.viewer, seat.name, seat.hands(3 + round(LEASE_S * SECOND))) == ("c", "Cleo", RELEASED)


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\x00b"])
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(MessageError, match="cannot be used"):
        OperatorLease().sit("a", name, 0)


def test_a_name_is_kept_without_needless_spaces():
    seat = OperatorLease()
    seat.sit("a", "  Anna   B. ", 0)
    assert seat.name == "Anna B."


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(-1, 1), st.tuples(*[st.booleans()] * 4))
def test_hands_are_read_as_they_are_told(deflection, turn, flags):
    held, fast, pointer, gripper = flags
    told = {"do": "hands", "deflection": list(deflection), "held": held, "fast": fast, "pointer": pointer}
    assert OperatorInput.from_json(told) == OperatorInput(held, deflection, fast, pointer)
    told |= {"turn": turn, "gripper": gripper}
    assert OperatorInput.from_json(told) == OperatorInput(held, deflection, fast, pointer, turn, gripper)


@pytest.mark.parametrize(
    "told",
    [
        {"held": 1},
        {"held": "yes"},
        {"pointer": None},
        {"gripper": 1},
        {"turn": 1.01},
        {"turn": None},
        {"deflection": [0, 0]},
        {"deflection": [0, 0, 1.01]},
        {"deflection": [0, math.nan, 0]},
        {"deflection": [0, True, 0]},
        {"deflection": "000"},
        {"deflection": {"x": 1}},
    ],
)
def test_hands_of_another_form_are_refused(told):
    with pytest.raises(MessageError, match="hands: "):
        OperatorInput.from_json(told)


@pytest.mark.parametrize("ends", ["silence", "the line breaks"])
def test_hands_that_were_on_the_switch_when_contact_ended_are_lost_and_others_released(ends):
    for hands in (DRIVES, RELEASED):
        seat = OperatorLease()
        seat.sit("a", "Anna", 0)
        seat.hear("a", RELEASED, 0)
        seat.hear("a", hands, 0)
        if ends == "the line breaks":
            seat.leave("a")
        assert seat.hands(SECOND) == RELEASED
        assert seat.hands(2 * SECOND).lost == (hands is DRIVES)
