# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is read from bytes, or written as bytes, is what objects of messages say."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import MessageError
from il_ros.core.types import Chunk, ChunkInPlay, PolicyUncertainty
from il_ros.ros import codecs
from il_ros.ros.codecs import numbers
from il_ros.ros.codecs.cdr_template import CdrTemplate
from il_ros.ros.message_types import message_class
from il_ros.sim.env import ArmEnv

CONTRACT = Contract.load("panda_joints")
TOPIC = topics.POLICY_ACTION


def a_chunk(seed: int = 0, rows: int = 16, author: str = "abc", **more: Any) -> Chunk:
    actions = np.random.default_rng(seed).normal(size=(rows, len(CONTRACT.action)))
    return Chunk(7_000_000_001 + seed, actions, author, **more)


def as_bytes(chunk: Chunk) -> bytes:
    message = JointTrajectory()
    messages.fill_chunk(message, chunk, CONTRACT, JointTrajectoryPoint)
    return serialize_message(message)


def assert_same(read: Any, chunk: Chunk) -> None:
    stamp, told = read
    assert isinstance(told, Chunk)
    assert stamp == told.stamp_ns == chunk.stamp_ns
    assert np.array_equal(told.actions, chunk.actions)
    assert (told.author, told.engaged) == (chunk.author, chunk.engaged)
    assert repr(told.doubts) == repr(chunk.doubts)


CHUNKS = [
    a_chunk(0),
    a_chunk(1),
    a_chunk(2, author="another"),
    a_chunk(3, rows=1),
    a_chunk(4, rows=0, engaged=False),
    a_chunk(5, doubts=PolicyUncertainty(0.5)),
    a_chunk(6, engaged=False),
    a_chunk(7),
]


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages of which an object was made."""
    made: list[bytes] = []

    def counted(data: bytes, kind: Any) -> Any:
        made.append(data)
        return deserialize_message(data, kind)

    monkeypatch.setattr(numbers, "deserialize_message", counted)
    return made


def test_chunks_read_from_bytes_are_those_of_objects_and_only_a_new_pattern_needs_one(objects: list[bytes]) -> None:
    read = codecs.answers(CONTRACT, TOPIC)
    for chunk in CHUNKS * 2:
        assert_same(read(as_bytes(chunk)), chunk)
    del objects[:]
    for seed in range(100):
        read(as_bytes(a_chunk(seed)))
    assert len(objects) <= 1


def test_chunks_are_written_as_objects_are(objects: list[bytes]) -> None:
    write, read = codecs.ChunkWriter(CONTRACT), codecs.answers(CONTRACT, TOPIC)
    for chunk in CHUNKS * 2:
        data = write(chunk)
        assert deserialize_message(data, JointTrajectory) == deserialize_message(as_bytes(chunk), JointTrajectory)
        assert_same(read(data), chunk)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_chunk_that_is_not_finite_is_told_with_its_stamp_also_when_its_pattern_is_known(number: float) -> None:
    read, broken = codecs.answers(CONTRACT, TOPIC), a_chunk(1)
    broken.actions[3, 2] = number
    for _ in range(2):
        stamp, error = read(as_bytes(broken))
        assert stamp == broken.stamp_ns and isinstance(error, MessageError) and "NaN or infinity" in str(error)
        assert_same(read(as_bytes(a_chunk(2))), a_chunk(2))


def test_what_differs_beside_the_numbers_is_looked_at_anew() -> None:
    read = codecs.answers(CONTRACT, TOPIC)
    read(as_bytes(a_chunk()))
    message = deserialize_message(as_bytes(a_chunk()), JointTrajectory)
    message.points[5].time_from_start.nanosec += 40_000_000  # as long as before in bytes
    _, error = read(serialize_message(message))
    assert isinstance(error, MessageError) and "chunk point 5" in str(error)
    message = deserialize_message(as_bytes(a_chunk()), JointTrajectory)
    message.joint_names[0], message.joint_names[1] = message.joint_names[1], message.joint_names[0]
    _, swapped = read(serialize_message(message))
    assert isinstance(swapped, Chunk)
    assert np.array_equal(swapped.actions[:, [1, 0]], a_chunk().actions[:, :2])


PLANE = Contract.load("panda_plane")
NUMBERS = st.sampled_from([0.0, 0.1, -0.25, 7.0, math.nan, math.inf, 1e300])
NAMES = st.lists(
    st.sampled_from(["tool_vx", "tool_vy", "tool_vz", messages.ENGAGE, "spread", "tool_xv"]), max_size=4
) | st.permutations(["tool_vx", "tool_vy", messages.ENGAGE])


@st.composite
def trajectories(draw: st.DrawFn) -> bytes:
    """Chunks that are sound, nearly sound, or not at all."""
    message = JointTrajectory(joint_names=draw(NAMES))
    messages.set_stamp(message, draw(st.integers(0, 3)) * 10**9)
    message.header.frame_id = draw(st.sampled_from(["", "ab", "ba"]))
    apart = draw(st.sampled_from([PLANE.step_ns] * 4 + [0, 2 * PLANE.step_ns, 10**9]))
    for i in range(draw(st.integers(0, 3))):
        width = len(message.joint_names) + draw(st.sampled_from([0] * 8 + [1, -1]))
        point = JointTrajectoryPoint(positions=draw(st.lists(NUMBERS, min_size=max(0, width), max_size=max(0, width))))
        point.time_from_start.sec, point.time_from_start.nanosec = divmod(i * apart, 10**9)
        message.points.append(point)
    data = serialize_message(message)
    cut = draw(st.sampled_from([0] * 12 + [4, len(data) // 2, len(data) - 3]))
    return bytes(data[: len(data) - cut])


def said_of(read: Any, data: bytes) -> str:
    try:
        return repr(read(data))
    except MessageError as error:
        return repr(error)


@given(st.lists(trajectories(), min_size=1, max_size=12))
def test_whatever_came_before_a_chunk_is_read_as_if_it_were_the_first(sent: list[bytes]) -> None:
    read = codecs.answers(PLANE, TOPIC)
    for data in sent * 2:
        assert said_of(read, data) == said_of(codecs.answers(PLANE, TOPIC), data)


@given(st.lists(st.tuples(st.permutations(PLANE.action_names), st.sampled_from(["ab", "ba"]), NUMBERS), max_size=12))
def test_sound_chunks_of_authors_that_take_turns_need_an_object_once_a_layout(sent: list[Any]) -> None:
    read, seen = codecs.answers(PLANE, TOPIC), set()
    read.object = lambda data: seen.add(layout) or codecs.object_of(data, TOPIC)  # type: ignore[method-assign,func-returns-value]
    for names, author, number in [*sent, *[(n, a, 0.5) for n, a, _ in sent]] * 2:
        layout = *names, author
        message = JointTrajectory(joint_names=list(names), points=[JointTrajectoryPoint(positions=[number, 0.1])])
        message.header.frame_id = author
        assert isinstance(read(serialize_message(message))[1], Chunk) == (abs(number) < 1e38)
    before = set(seen)
    seen.clear()
    for names, author, _ in sent:
        layout = *names, author
        message = JointTrajectory(joint_names=list(names), points=[JointTrajectoryPoint(positions=[0.5, 0.1])])
        message.header.frame_id = author
        read(serialize_message(message))
    assert not seen and before == {(*names, author) for names, author, _ in sent}


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1\0\0", b"\0\1\0\0" + b"\xff" * 40, b"\0\1\0\0\2\0\0\0"])
def test_bytes_that_are_no_message_are_told_and_no_more(data: bytes) -> None:
    readers = [codecs.answers(PLANE, TOPIC), codecs.commands(PLANE), codecs.RecordReader(), *codecs.observed(CONTRACT)]
    for read in (*readers, *(codecs.whole(PLANE, topic) for topic in topics.READING)):
        with pytest.raises(MessageError, match="check who publishes it"):
            read(data)


def test_a_text_that_is_no_text_is_read_each_time_as_an_object() -> None:
    read = codecs.answers(PLANE, TOPIC)
    broken = as_bytes(a_chunk()).replace(b"abc\0", b"\xff\xfe\xff\0")
    plain = codecs.answers(CONTRACT, TOPIC)
    for _ in range(2):
        assert isinstance(plain(broken)[1], Chunk) and isinstance(read(broken)[1], MessageError)


def test_a_topic_with_more_patterns_than_are_looked_for_is_read_all_the_same() -> None:
    read, write = codecs.answers(CONTRACT, TOPIC), codecs.ChunkWriter(CONTRACT)
    for n in range(3 * codecs.MAX_TEMPLATES):
        chunk = a_chunk(n, author=f"author {n}")
        assert_same(read(write(chunk)), chunk)
    assert read._free == 0 and len(write._templates) <= codecs.MAX_TEMPLATES  # type: ignore[attr-defined]


def test_a_type_whose_patterns_cannot_be_known_is_read_as_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "CdrTemplate", lambda *_: {}["wstring"])
    read = codecs.answers(CONTRACT, TOPIC)
    for chunk in CHUNKS:
        assert_same(read(as_bytes(chunk)), chunk)


def test_observations_read_from_bytes_are_those_of_objects(objects: list[bytes]) -> None:
    contract = Contract.load("panda_plane")
    readers = {reader.topic.name: reader for reader in codecs.observed(contract)}
    rng = np.random.default_rng(0)
    for step in range(5):
        live = {name: message_class(kind)() for name, kind in contract.topics.items()}
        for message in live.values():
            messages.set_stamp(message, 10**9 * step + 17)
        tool = live["tool_pose"].pose
        tool.position.x, tool.position.y, tool.orientation.x = rng.normal(size=3)
        objects_ = live["objects"].poses
        for _ in range(3):
            objects_.append(PoseStamped().pose)
            objects_[-1].position.x, objects_[-1].position.y = rng.normal(size=2)
        parts = {}
        for name, message in live.items():
            stamp, parts[name] = readers[name](serialize_message(message))
            assert stamp == 10**9 * step + 17
        assert np.array_equal(messages.observation_of_topics(contract, parts), messages.observation(contract, live))
    assert len(objects) == len(contract.topics)


def test_a_joint_is_found_by_its_name_also_after_the_names_have_changed_places() -> None:
    (reader,) = (r for r in codecs.observed(CONTRACT) if r.topic.name == "joint_states")
    names = [f"panda_joint{n}" for n in range(1, 8)]
    for order in (names, names[::-1], names):
        message = JointState(name=order, position=[float(name[-1]) for name in order], velocity=[0.0] * 7)
        _, numbers = reader(serialize_message(message))
        positions = [n for part, n in zip(_of("joint_states"), numbers) if part.field.startswith("position")]
        assert positions == [float(n) for n in range(1, 1 + len(positions))]
    message.name = names[:-1] + ["elbow"]
    messages.set_stamp(message, CONTRACT.stale_ns + 1)
    with pytest.raises(MessageError, match="panda_joint7"):
        reader(serialize_message(message))


JOINTS = [f"panda_joint{n}" for n in range(1, 8)]


def joint_states(stamp_ns: int, names: list[str], value: float) -> bytes:
    message = JointState(name=names, position=[value] * len(names), velocity=[value] * len(names))
    messages.set_stamp(message, stamp_ns)
    return serialize_message(message)


def test_joints_of_two_publishers_are_read_as_one_with_an_age_for_each() -> None:
    (reader,) = (r for r in codecs.observed(CONTRACT) if r.topic.name == "joint_states")
    whole = codecs.whole(CONTRACT, reader.topic)
    step, arm, rest = CONTRACT.step_ns, JOINTS[:5], JOINTS[5:]
    for read in (reader, whole):
        with pytest.raises(MessageError, match=r"'panda_joint\d' is not in the joint states"):
            read(joint_states(0, ["gripper"], 0.0))
        with pytest.raises(MessageError, match="'panda_joint6' is not in the joint states"):
            read(joint_states(0, arm, 0.0))
        for k in range(1, 5):
            assert read(joint_states(k * step - 7, rest, 10.0 + k)) is None
            stamp, said = read(joint_states(k * step, arm, float(k)))
            positions = (said.position if read is whole else said)[: len(JOINTS)]
            assert stamp == k * step and list(positions) == [float(k)] * 5 + [10.0 + k] * 2
        late = 4 * step - 7 + CONTRACT.stale_ns
        assert read(joint_states(late, arm, 0.0)) is not None
        for _ in range(2):
            with pytest.raises(MessageError, match=r"'panda_joint6' is 0\.100 s older than the newest"):
                read(joint_states(late + 1, arm, 0.0))
        with pytest.raises(MessageError, match="'panda_joint1' is .* older than the newest"):
            read(joint_states(late + 2 + CONTRACT.stale_ns, rest, 0.0))
        assert read(joint_states(late, JOINTS, 0.0)) is not None  # one publisher has them all now
        assert read(joint_states(late + 1, arm, 0.0)) is not None


some_joints = st.sets(st.sampled_from([*JOINTS, "gripper"])).map(sorted) | st.sampled_from(
    [JOINTS, JOINTS[:3], JOINTS[3:]]
)


@given(st.lists(st.tuples(some_joints, st.integers(-1, 3), NUMBERS), min_size=1, max_size=20))
def test_the_numbers_of_joint_states_are_those_of_the_merged_messages(sent: list[tuple[list[str], int, float]]) -> None:
    (reader,) = (r for r in codecs.observed(CONTRACT) if r.topic.name == "joint_states")
    whole, now = codecs.whole(CONTRACT, reader.topic), 10**9
    for names, passed, number in sent:
        now += passed * CONTRACT.step_ns // 2
        data = joint_states(now, names, number)
        assert said_of(lambda data: listed(reader(data)), data) == said_of(lambda data: listed(whole(data)), data)


def listed(said: Any) -> Any:
    """The stamp and the numbers of an observation, read from bytes or from an object."""
    if isinstance(said and said[1], JointState):
        return said[0], [messages.getter(part.field)(said[1]) for part in _of("joint_states")]
    return said and (said[0], list(said[1]))


@pytest.mark.parametrize("names", [[], ["panda_joint1", *JOINTS]])
def test_joint_states_that_do_not_name_each_joint_once_are_refused(names: list[str]) -> None:
    (reader,) = (r for r in codecs.observed(CONTRACT) if r.topic.name == "joint_states")
    for read in (reader, codecs.whole(CONTRACT, reader.topic)):
        for _ in range(2):
            with pytest.raises(MessageError, match="name each joint once"):
                read(joint_states(0, names, 1.0))
            message = JointState(name=JOINTS, position=[0.0] * 6)
            with pytest.raises(MessageError, match="7 names and 6 numbers of position"):
                read(serialize_message(message))


def _of(topic: str) -> list[Any]:
    return [part for part in CONTRACT.observation if part.topic == topic]


@pytest.mark.parametrize(("name", "ahead"), [("panda_plane", 0), ("panda_joints", 0), ("panda_joints", 3)])
def test_commands_are_read_and_written_as_objects_are(name: str, ahead: int) -> None:
    contract = Contract.load(name)
    read, write = codecs.commands(contract), codecs.CommandWriter(contract)
    for step in range(4):
        action = np.random.default_rng(step).normal(size=len(contract.action))
        message = message_class(contract.command_type)()
        messages.fill_command(message, step, action, contract, JointTrajectoryPoint, [action + 1.0] * ahead)
        stamp, told = read(serialize_message(message))
        assert stamp == step and np.array_equal(told, action)
        assert_equal(write(codecs.Command(step, action, [action + 1.0] * ahead)), message)
    messages.fill_command(message, 9, action * math.nan, contract, JointTrajectoryPoint)
    with pytest.raises(MessageError, match="finite"):
        read(serialize_message(message))


@pytest.mark.parametrize("first", ["panda_link0", "", "panda_hand"])
def test_a_command_in_another_frame_is_refused_each_time(first: str) -> None:
    read = codecs.commands(PLANE)
    for frame in (first, "panda_hand", "panda_link0", "panda_hand", "panda_hanb"):
        message = TwistStamped()
        message.header.frame_id, message.twist.linear.x = frame, 0.1
        if frame in ("", PLANE.frame):
            assert read(serialize_message(message))[1].tolist() == [0.1, 0.0]
        else:
            with pytest.raises(MessageError, match=f"{frame!r}.*{PLANE.frame!r}"):
                read(serialize_message(message))


@pytest.mark.parametrize("names", [CONTRACT.action_names[:-1], [*CONTRACT.action_names, "extra"], ["a"] * 7])
def test_a_command_of_other_joints_is_refused_and_one_in_another_order_is_not(names: list[str]) -> None:
    read = codecs.commands(CONTRACT)
    for order in (CONTRACT.action_names, CONTRACT.action_names[::-1]):
        point = JointTrajectoryPoint(positions=[float(name[-1]) for name in order])
        told = read(serialize_message(JointTrajectory(joint_names=list(order), points=[point])))
        assert told[1].tolist() == [float(name[-1]) for name in CONTRACT.action_names]
        for row in ([1.0] * len(names), [1.0]):
            wrong = JointTrajectory(joint_names=list(names), points=[JointTrajectoryPoint(positions=row)])
            with pytest.raises(MessageError, match="command"):
                read(serialize_message(wrong))


def test_a_command_without_a_stamp_has_none() -> None:
    plain = CONTRACT.to_dict()
    contract = Contract.from_dict("bare", {**plain, "command": {"type": "std_msgs/msg/Float64MultiArray"}})
    read, write = codecs.commands(contract), codecs.CommandWriter(contract)
    for half in (0.5, 1.5):
        message = Float64MultiArray(data=[half] * len(contract.action))
        stamp, told = read(serialize_message(message))
        assert stamp is None and told.tolist() == list(message.data)
        assert_equal(write(codecs.Command(7, told)), message)
    with pytest.raises(MessageError, match="finite numbers"):
        read(serialize_message(Float64MultiArray(data=[0.5])))


def test_readings_are_written_as_objects_are(simulation: None) -> None:
    writers = [codecs.ReadingWriter(topic) for topic in topics.READING]
    for task in ("fork", "avoid"):
        env = ArmEnv(task, CONTRACT)
        env.reset(seed=1)
        for step in range(3):
            reading = env.reading()
            for write in writers:
                assert_equal(write(reading), write.message(reading))
            env.advance(env.observe(reading)[: len(CONTRACT.action)] + 0.01 * step)
        env.close()


def assert_equal(data: bytes, message: Any) -> None:
    """The bytes say what the message says; between its parts, and after them, rclpy leaves bytes of any value."""
    assert deserialize_message(data, type(message)) == deserialize_message(serialize_message(message), type(message))


def test_records_are_read_and_written_as_objects_are() -> None:
    record = Record(
        stamp_ns=10**9 + 1,
        authority=Authority.EXPERT,
        reason="engaged, für ihn",
        intervention=3,
        executed=np.array([0.1, 1 / 3]),
        policy=None,
        expert=np.array([math.pi, 0.0]),
        checkpoint="abc",
        expert_name="left",
        score=0.25,
        doubts=PolicyUncertainty(0.1),
        plays=ChunkInPlay(10**9, 10**9 + 8),
    )
    message = DiagnosticArray()
    messages.fill_record(message, record, DiagnosticStatus, KeyValue)
    assert repr(codecs.RecordReader()(serialize_message(message))) == repr(record)
    for n in range(5):  # every remainder of the length by four
        longer = dataclasses.replace(record, reason=n * "ü", checkpoint=n * "a")
        assert_equal(codecs.RecordWriter()(longer), codecs.RecordWriter().message(longer))
    with pytest.raises(MessageError, match="no record of authority"):
        codecs.RecordReader()(serialize_message(DiagnosticArray()))


@pytest.mark.parametrize(
    ("message", "kind", "paths"),
    [
        (Imu(), "sensor_msgs/msg/Imu", ["orientation.w", "angular_velocity_covariance.8"]),
        (SolidPrimitive(dimensions=[1.0, 2.0]), "shape_msgs/msg/SolidPrimitive", ["type", "dimensions.1"]),
        (TwistStamped(), "geometry_msgs/msg/TwistStamped", ["twist.angular.z"]),
    ],
)
def test_a_pattern_of_any_type_is_read_and_written(message: Any, kind: str, paths: list[str]) -> None:
    told = [n + 3 for n in range(len(paths))]
    data = CdrTemplate(serialize_message(message), kind, paths).write(told)
    again = deserialize_message(data, type(message))
    assert [messages.getter(path)(again) for path in paths] == told
    pattern = CdrTemplate(data, kind, paths)
    assert list(pattern.read(data) or ()) == told
    assert pattern.read(data + b"\0") is None
