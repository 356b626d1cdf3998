# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Orientations as six numbers and angles as two: what every reader makes of a quaternion, and of an angle."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import Pose, PoseArray
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

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


WAVES = ["position[wrist].cos", "position[wrist].sin", "position[turn].cos4", "position[turn].sin4", "position[lift]"]
JOINTS = RecordedTopic("/joint_states", "sensor_msgs/msg/JointState", "", "", "ros2msg", distro="jazzy")
ANGULAR = Contract.from_dict(
    "angular",
    {
        **PLAIN,
        "topics": {"joint_states": "sensor_msgs/msg/JointState"},
        "observation": {f"o{n}": {"topic": "joint_states", "field": path} for n, path in enumerate(WAVES)},
    },
)
ANGLES = st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), min_size=1, max_size=5)


def joint_states(names, angles):
    return JointState(name=list(names), position=list(angles))


@given(ANGLES, st.permutations(["wrist", "turn", "lift"]))
def test_objects_bags_and_live_bytes_give_the_same_cosine_and_sine_of_an_angle(steps, order):
    data = [joint_states(order, [dict(zip(("wrist", "turn", "lift"), step))[name] for name in order]) for step in steps]
    (reader,) = codecs.observed(ANGULAR)
    columns = FieldColumns(WAVES, lambda topic, data: decoder(topic)(data))
    columns.add(JOINTS, packed([serialize_message(one) for one in data], *[np.arange(len(data))] * 2))
    for (wrist, turn, lift), message, row in zip(steps, data, columns.values):
        expected = [np.cos(wrist), np.sin(wrist), np.cos(4 * turn), np.sin(4 * turn), lift]
        seen = messages.observation(ANGULAR, {"joint_states": message})
        np.testing.assert_allclose(seen, expected, rtol=1e-6, atol=1e-6)
        live = messages.observation_of(ANGULAR, reader(serialize_message(message))[1])
        assert seen.tobytes() == live.tobytes() == row.astype(np.float32).tobytes()


def test_an_angle_that_comes_from_a_publisher_of_its_own_is_merged_like_any_joint():
    (reader,) = codecs.observed(ANGULAR)
    with pytest.raises(MessageError, match="joint 'wrist' is not in the joint states"):
        reader(serialize_message(joint_states(["turn", "lift"], [np.pi / 4, 2.0])))
    for angle in (0.0, np.pi / 2):  # the second is read from the bytes
        numbers = reader(serialize_message(joint_states(["wrist"], [angle])))[1]
        np.testing.assert_allclose(numbers, [np.cos(angle), np.sin(angle), -1.0, 0.0, 2.0], atol=1e-12)


def test_an_angle_that_is_not_finite_is_refused_as_any_number():
    message = joint_states(["wrist", "turn", "lift"], [np.inf, 0.0, 0.0])
    with pytest.raises(MessageError, match="'o0' is not a finite number"):
        messages.observation(ANGULAR, {"joint_states": message})


def test_no_times_an_angle_is_refused():
    with pytest.raises(ConfigError, match="0 times an angle"):
        messages.getter("position[wrist].cos0")


NUMBERS = ["q.0", "q.1", "q.2", "q.3"]
TURN = f"position[{','.join(NUMBERS)}].rot6d"
TURNED = Contract.from_dict(
    "turned_by_name",
    {
        **PLAIN,
        "topics": {"joint_states": "sensor_msgs/msg/JointState"},
        "observation": {
            **{f"o{n}": {"topic": "joint_states", "field": f"{TURN}.{n}"} for n in range(6)},
            "lift": {"topic": "joint_states", "field": "position[lift]"},
        },
    },
)  # fmt: skip


@given(QUATERNIONS, st.permutations([*NUMBERS, "lift"]))
def test_an_orientation_of_four_named_numbers_is_that_of_a_quaternion_for_every_reader(steps, order):
    data = [joint_states(order, [dict(zip([*NUMBERS, "lift"], [*q, 2.0]))[name] for name in order]) for q, _ in steps]
    (reader,) = codecs.observed(TURNED)
    columns = FieldColumns([part.field for part in TURNED.observation], lambda topic, data: decoder(topic)(data))
    columns.add(JOINTS, packed([serialize_message(one) for one in data], *[np.arange(len(data))] * 2))
    for (q, _), message, row in zip(steps, data, columns.values):
        seen = messages.observation(TURNED, {"joint_states": message})
        np.testing.assert_allclose(seen, [*matrix_of(q)[:, :2].T.ravel(), 2.0], atol=1e-6)
        live = messages.observation_of(TURNED, reader(serialize_message(message))[1])
        assert seen.tobytes() == live.tobytes() == row.astype(np.float32).tobytes()


def test_a_quaternion_of_named_numbers_comes_whole():
    (reader,) = codecs.observed(TURNED)
    with pytest.raises(MessageError, match="the message has q.0, q.1, lift"):
        reader(serialize_message(joint_states(["q.0", "q.1", "lift"], [0.0] * 3)))


@pytest.mark.parametrize("names", ["a", "a,b,c", "a,b,c,d,e", "a,b,c,a"])
def test_a_quaternion_has_four_names(names):
    with pytest.raises(ConfigError, match="a quaternion has four numbers, each once"):
        messages.getter(f"position[{names}].rot6d.0")
