# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages that rclpy serialised are decoded, with the bytes that it leaves behind empty sequences; no others are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from rosbags.serde import SerdeError
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.recording.bag.typestore import decoder
from il_ros.recording.decode.message_batch import RecordedTopic

NUMBERS = st.lists(st.floats(-9, 9), max_size=3)
NAMES = st.lists(st.text("ab_", max_size=9), max_size=3)
COLUMNS = ("positions", "velocities", "accelerations", "effort")


def decoded(message, type_name):
    topic = RecordedTopic("/topic", type_name, "", "", "ros2msg", distro="jazzy")
    return decoder(topic)(serialize_message(message))


@given(NAMES, st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_joint_states_of_rclpy_are_decoded_whatever_is_empty(names, columns):
    message = JointState(name=names, **dict(zip(("position", "velocity", "effort"), columns)))
    seen = decoded(message, "sensor_msgs/msg/JointState")
    assert list(seen.name) == names
    assert tuple(part.tolist() for part in (seen.position, seen.velocity, seen.effort)) == columns


@given(NAMES, st.lists(st.tuples(*[NUMBERS] * 4), max_size=5))
def test_trajectories_of_rclpy_are_decoded_whatever_is_empty(names, rows):
    points = [JointTrajectoryPoint(**dict(zip(COLUMNS, row))) for row in rows]
    seen = decoded(JointTrajectory(joint_names=names, points=points), "trajectory_msgs/msg/JointTrajectory")
    assert list(seen.joint_names) == names
    assert [tuple(getattr(point, column).tolist() for column in COLUMNS) for point in seen.points] == rows


@pytest.mark.parametrize("more", [4, 8, 64])
def test_bytes_behind_a_message_that_has_nothing_empty_are_damage(more):
    topic = RecordedTopic("/topic", "sensor_msgs/msg/JointState", "", "", "ros2msg", distro="jazzy")
    data = serialize_message(JointState(name=["a"], **{column: [1.0] for column in ("position", "velocity", "effort")}))
    assert decoder(topic)(data).effort.tolist() == [1.0]
    with pytest.raises(SerdeError, match="size mismatch"):
        decoder(topic)(data + bytes(more))


def test_what_is_cut_off_is_damage_however_many_sequences_are_empty():
    topic = RecordedTopic("/topic", "sensor_msgs/msg/JointState", "", "", "ros2msg", distro="jazzy")
    data = serialize_message(JointState(name=["a", "b"], position=[1.0, 2.0]))
    for size in range(2, len(data) - 16):
        with pytest.raises((SerdeError, ValueError)):
            decoder(topic)(data[:size])
    assert np.array_equal(decoder(topic)(data).position, [1.0, 2.0])
