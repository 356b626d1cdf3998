# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Orientations as six continuous numbers: what every reader makes of a quaternion."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import Pose, PoseArray
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.recording.bag.typestore import decoder
from il_ros.recording.decode.field_columns import FieldColumns
from il_ros.recording.decode.message_batch import RecordedTopic, packed
from il_ros.ros import codecs

FIELDS = [f"poses.{i}.orientation.rot6d.{n}" for i in range(2) for n in range(6)]
TOPIC = RecordedTopic("/objects", "geometry_msgs/msg/PoseArray", "", "", "ros2msg", distro="jazzy")
PLAIN = Contract.load("panda_plane").to_dict()
CONTRACT = Contract.from_dict(
    "turned",
    {
        **PLAIN,
        "topics": {"objects": "geometry_msgs/msg/PoseArray"},
        "observation": {f"o{n}": {"topic": "objects", "field": path} for n, path in enumerate(FIELDS)},
    },
)
QUATERNIONS = st.lists(
    st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(2, 4)) * 10 ** (seed % 7 - 3)),
    min_size=1,
    max_size=5,
)


def message_of(quaternions):
    message = PoseArray(poses=[Pose() for _ in quaternions])
    for pose, q in zip(message.poses, quaternions):
        pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = q.tolist()
    return message


def columns_of(data):
    columns = FieldColumns(FIELDS, lambda topic, data: decoder(topic)(data))
    columns.add(TOPIC, packed(data, np.arange(len(data)), np.arange(len(data))))
    return columns


def matrix_of(q):
    """Rotate the unit vectors by q v q* (Hamilton's product)."""
    v, w = q[:3] / np.linalg.norm(q), q[3] / np.linalg.norm(q)
    return np.array([e + 2 * np.cross(v, np.cross(v, e) + w * e) for e in np.eye(3)]).T


@given(QUATERNIONS)
def test_objects_bags_and_live_bytes_give_the_same_numbers_of_an_orientation(steps):
    data = [serialize_message(message_of(step)) for step in steps]
    (reader,) = codecs.observed(CONTRACT)
    read = columns_of(data).values
    for step, bytes_, row in zip(steps, data, read):
        message = message_of(step)
        expected = np.concatenate([matrix_of(q)[:, :2].T.ravel() for q in step])
        seen = messages.observation(CONTRACT, {"objects": message})
        np.testing.assert_allclose(seen, expected, atol=1e-6)
        live = messages.observation_of(CONTRACT, reader(bytes_)[1])
        assert seen.tobytes() == live.tobytes() == row.astype(np.float32).tobytes()
        assert np.array_equal(messages.observation(CONTRACT, {"objects": message_of(-step)}), seen)


@pytest.mark.parametrize("bad", [[0.0] * 4, [1e-9] * 4, [0.0, np.nan, 0.0, 1.0], [np.inf, 0.0, 0.0, 1.0], [1e200] * 4])
def test_a_quaternion_that_is_no_orientation_is_refused_by_every_reader(bad):
    sound = np.array([[0.0, 0.0, 0.0, 1.0]] * 2)
    message = message_of(np.array([[0.0, 0.0, 0.0, 1.0], bad]))
    with pytest.raises(MessageError, match=r"poses\.1\.orientation\.rot6d\.0.*is no orientation"):
        messages.observation(CONTRACT, {"objects": message})
    (reader,) = codecs.observed(CONTRACT)
    with pytest.raises(MessageError, match="is no orientation"):
        reader(serialize_message(message))
    reader(serialize_message(message_of(sound)))  # from now on the numbers are read from the bytes
    with pytest.raises(MessageError, match="not a finite number"):
        messages.observation_of(CONTRACT, reader(serialize_message(message))[1])
    columns = columns_of([serialize_message(message)])
    assert columns.refused is None
    assert np.isnan(columns.values).tolist() == [[False] * 6 + [True] * 6]


@pytest.mark.parametrize("index", ["6", "-1", "x", "00"])
def test_an_orientation_has_six_numbers(index):
    with pytest.raises(ConfigError, match=f"rot6d has no number '{index}'; choose one of 0 to 5"):
        messages.getter(f"pose.orientation.rot6d.{index}")
