# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a contract says of its numbers, by their names, fields and units."""

from __future__ import annotations

import pytest

from il_ros.core.contract import Contract, ObservationComponent
from il_ros.core.contract.layout import ObservationLayout


def named(*groups: tuple[int, ...], contract: Contract) -> list[set[str]]:
    return [{contract.observation_names[index] for index in group} for group in groups]


def test_numbers_of_one_topic_with_one_unit_are_alike_and_so_are_its_parts_of_rotations() -> None:
    contract = Contract.load("panda_gripper")
    made = named(*contract.layout.alike, contract=contract)
    places = [{f"{thing}_{axis}" for thing in things for axis in "xyz"} for things in (["tool"], ["block", "goal"])]
    turns = [{f"{thing}_{part}" for thing in things for part in "cs"} for things in (["tool"], ["block", "goal"])]
    assert sorted(map(sorted, made)) == sorted(map(sorted, places + turns))  # not the finger, on a topic of its own


@pytest.mark.parametrize(
    "field, unit, quantity",
    [
        ("position[elbow]", "rad", "rad"),
        ("position[elbow]", "", ""),
        ("position[wrist].cos", "", "rotation"),
        ("position[block_yaw].sin4", "", "rotation"),
        ("position[a,b,c,d].rot6d.3", "", "rotation"),
        ("poses.0.orientation.w", "", "rotation"),
        ("poses.0.position.x", "mm", "mm"),
        ("position[tool.cosine]", "", ""),
        ("position[orientation]", "", ""),
    ],
)
def test_a_number_is_of_the_quantity_that_its_unit_or_its_field_says(field: str, unit: str, quantity: str) -> None:
    assert ObservationComponent("number", "seen", field, unit).quantity == quantity


def test_what_nobody_says_anything_of_and_what_stands_alone_is_like_nothing() -> None:
    units = {"a": "", "b": "", "c": "N"}
    parts = [ObservationComponent(name, "seen", f"position[{name}]", unit) for name, unit in units.items()]
    assert ObservationLayout.of(parts, ()).alike == ()
