# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Commands of a bag, many at a time, are read as a robot's driver reads each of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.recording.bag.typestore import decoder, serialised
from il_ros.recording.decode import field_columns as columns_module
from il_ros.recording.decode.message_batch import RecordedTopic, packed
from il_ros.recording.episodes.component_source import CommandColumns

KINDS = ("geometry_msgs/msg/TwistStamped", "std_msgs/msg/Float64MultiArray", "trajectory_msgs/msg/JointTrajectory")
NUMBERS = st.sampled_from([0.25, -3.0, 1e300, float("nan"), float("inf")]) | st.floats(-1, 1)


def contract_of(kind):
    plain = Contract.load("panda_plane").to_dict()
    action = {name: {**part, "field": f"twist.linear.{name}"} for name, part in zip("xy", plain["action"].values())}
    frame = {"frame": "base"} if kind.endswith("TwistStamped") else {}
    return Contract.from_dict("two", {**plain, "action": action, "moves": {}, "command": {"type": kind, **frame}})


def command(kit, kind, draw):
    if kind.endswith("Float64MultiArray"):
        numbers = draw(st.lists(NUMBERS, max_size=3))
        return kit.make(kind, kit.make("std_msgs/msg/MultiArrayLayout", [], 0), np.array(numbers))
    header = dataclasses.replace(
        kit.header(draw(st.integers(0, 3)) * 10**9), frame_id=draw(st.sampled_from(["", "base", "tool"]))
    )
    if kind.endswith("TwistStamped"):
        linear = kit.make("geometry_msgs/msg/Vector3", *(draw(NUMBERS) for _ in range(3)))
        return kit.make(kind, header, kit.make("geometry_msgs/msg/Twist", linear, linear))
    names = draw(st.sampled_from([("x", "y"), ("y", "x"), ("x",), ("x", "y", "z"), ("x", "x"), ()]))
    zero = kit.make("builtin_interfaces/msg/Duration", 0, 0)
    points = [
        kit.make(
            "trajectory_msgs/msg/JointTrajectoryPoint",
            np.array(draw(st.lists(NUMBERS, min_size=2, max_size=2))),
            np.empty(0),
            np.empty(0),
            np.empty(0),
            zero,
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    return kit.make(kind, header, list(names), points)


@pytest.mark.parametrize("most_layouts", [1, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_commands_in_bulk_are_those_that_a_driver_reads_one_by_one(kit, monkeypatch, kind, most_layouts):
    contract, topic = contract_of(kind), RecordedTopic("/command", kind, "", "", "ros2msg")
    decode = decoder(topic)
    monkeypatch.setattr(columns_module, "MOST_LAYOUTS", most_layouts)

    @settings(max_examples=60)
    @given(data=st.data())
    def check(data):
        sent = [serialised(command(kit, kind, data.draw), kind) for _ in range(data.draw(st.integers(1, 6)))]
        commands = CommandColumns(contract, lambda _, one: decode(one))
        commands.add(topic, packed(sent, *[np.arange(len(sent))] * 3))
        first = None
        for row, one in enumerate(sent):
            try:
                stamp, expected = messages.command_from(decode(one), contract)
            except MessageError as error:
                assert np.isnan(commands.values[row]).all()
                first = first or (row, str(error))
            else:
                np.testing.assert_array_equal(commands.values[row], expected)
                assert commands.stamps_ns[row] == (-1 if stamp is None else stamp)
        assert (commands.refused is None) == (first is None)
        assert first is None or (commands.refused[0], str(commands.refused[1])) == first

    check()


def test_a_command_that_lacks_a_field_of_its_type_is_refused_and_no_traceback(kit):
    contract = contract_of(KINDS[2])
    topic = RecordedTopic("/command", "std_msgs/msg/Float64MultiArray", "", "", "ros2msg")  # not a JointTrajectory
    array = kit.make(topic.type_name, kit.make("std_msgs/msg/MultiArrayLayout", [], 0), np.zeros(2))
    commands = CommandColumns(contract, lambda _, one: decoder(topic)(one))
    commands.add(topic, packed([serialised(array, topic.type_name)], *[np.zeros(1, int)] * 3))
    assert np.isnan(commands.values).all() and "joint_names" in str(commands.refused[1])
