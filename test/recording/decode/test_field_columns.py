# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags are read in bulk; here they are read message by message as well, and the numbers are compared bit by bit."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import DataError, MessageError
from il_ros.recording.bag.reader import read
from il_ros.recording.bag.typestore import decoder, types_of
from il_ros.recording.decode import field_columns as columns_module
from il_ros.recording.decode.cdr_layout import NUMBERS, CdrLayout
from il_ros.recording.decode.diagnostics import diagnostics
from il_ros.recording.decode.message_batch import ROOM, MessageBatch, RecordedTopic
from il_ros.recording.episodes.reader import AUTHORITY, find_topic, read_episode, read_observations
from il_ros.recording.write.finalize import finalize

STORE = get_typestore(Stores.ROS2_JAZZY)


def described(type_name):
    return RecordedTopic("/topic", type_name, "", "", "ros2msg")


def one_by_one(folder, contract):
    """Observations and records of a bag by stamp, joined by the code that the nodes use."""
    reader = read(folder)
    wanted = {find_topic(reader.types, topic, folder): topic for topic in (*contract.topics, AUTHORITY)}
    aligner = messages.ExactTimeSync(list(contract.topics), remember=2**62)
    joints = messages.JointStateMerger(messages.joints_of(contract, "joint_states"), contract.stale_ns)
    observations, records = {}, {}
    for name, _, message in reader.messages(list(wanted)):
        stamp = messages.stamp_ns(message)
        try:
            if wanted[name] == AUTHORITY:
                records.setdefault(stamp, messages.record_from(message))
                continue
            if wanted[name] == "joint_states":
                if not joints.add(message, stamp):
                    continue
                message = joints.merged(stamp)
            if (joined := aligner.add(wanted[name], stamp, message)) is not None:
                observations[stamp] = messages.observation(contract, joined[1])
        except MessageError:
            pass
    return observations, {stamp: r for stamp, r in records.items() if np.isfinite(r.executed).all()}


@pytest.fixture
def joints_contract():
    plain = Contract.load("panda_plane").to_dict()
    joints = {
        f"j{n}": {"topic": "joint_states", "field": f"{kind}[j{n}]"} for n, kind in ((1, "position"), (2, "effort"))
    }
    topics = {"joint_states": "sensor_msgs/msg/JointState", **plain["topics"]}
    return Contract.from_dict("joints", {**plain, "topics": topics, "observation": {**joints, **plain["observation"]}})


NAMES = [("j1", "j2"), ("j2", "j1"), ("j0", "j1", "j2"), ("j1", "j3"), ("j1", "jj"), ("j1",), ("j2",), ("j2", "j3")]
UNNAMED = [(), ("j1", "j1")]


def joint_state(kit, ns, frame, names, rng):
    numbers = [rng.normal(size=len(names)) for _ in range(3)]
    header = dataclasses.replace(kit.header(ns), frame_id=frame)
    return kit.make("sensor_msgs/msg/JointState", header, list(names), *numbers)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bulk_and_single_reading_agree_whatever_a_bag_holds(kit, journal_of, tmp_path_factory, joints_contract, data):
    """Layouts change, messages are missing, come twice, late or out of order, and some lack a field or hold NaN.

    Joint states come from two publishers, each with joints and stamps of its own.
    """
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    sent = []
    for _ in range(data.draw(st.integers(1, 12))):
        ns = 10**9 + data.draw(st.integers(0, 8)) * kit.STEP_NS
        names = data.draw(st.sampled_from(NAMES + UNNAMED))
        frame = data.draw(st.sampled_from(["", "a", "b", "base"]))
        x = data.draw(st.sampled_from([float("nan"), 0.5, rng.normal()]))
        some = [
            ("/joint_states", joint_state(kit, ns, frame, names, rng)),
            ("/tool_pose", kit.tool(ns, x)),
            ("/objects", kit.make("geometry_msgs/msg/PoseArray", kit.header(ns), [kit.pose(x, 2)] * rng.integers(3))),
            ("/gate/authority", kit.authority(ns, executed=data.draw(st.sampled_from(["0.1 2", "nan 1", "", "x"])))),
        ]
        if data.draw(st.booleans()):  # a second publisher of joint states
            late = ns + data.draw(st.sampled_from([-120, -40, 7, 60])) * 10**6
            others = data.draw(st.sampled_from(NAMES))
            some.insert(rng.integers(5), ("/joint_states", joint_state(kit, late, frame, others, rng)))
        sent += [kit.sent(topic, message, ns) for topic, message in some if rng.random() < 0.9]
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=4)) if sent else []
    folder = tmp_path_factory.mktemp("episodes")
    bag = finalize(journal_of(sent, folder=folder), folder, {})
    if {"/joint_states", "/tool_pose", "/objects", "/gate/authority"} - set(read(bag).types):
        return
    observations, records = one_by_one(bag, joints_contract)
    finite = {stamp: row for stamp, row in observations.items() if np.isfinite(row).all()}
    common = sorted(finite.keys() & records.keys())
    try:
        episode = read_episode(bag, joints_contract)
    except DataError:
        assert not common or len(finite) < len(observations)
        return
    assert episode.stamps_ns.tolist() == common
    assert all((row == finite[stamp]).all() for row, stamp in zip(episode.observations, common))
    assert all((row == records[s].executed.astype(np.float32)).all() for row, s in zip(episode.executed, common))
    stamps, values = read_observations(bag, joints_contract)
    assert dict(zip(stamps.tolist(), values.tolist())) == {s: row.tolist() for s, row in sorted(observations.items())}


NUMBERED = sorted(
    name
    for name, (_, fields) in STORE.fielddefs.items()
    if name.split("/")[0] in ("geometry_msgs", "nav_msgs", "sensor_msgs", "std_msgs", "trajectory_msgs")
)


def filled(type_name, rng, depth=0):
    """A message of any type with anything in it."""

    def value(kind, detail):
        if kind == Nodetype.NAME:
            return filled(detail, rng, depth + 1)
        if kind == Nodetype.BASE:
            return "x" * int(rng.integers(5)) if detail[0] == "string" else number(detail[0])
        element, count = detail
        count = count if kind == Nodetype.ARRAY else int(rng.integers(4))
        if element[0] == Nodetype.BASE and element[1][0] != "string":
            return np.array([number(element[1][0]) for _ in range(count)], np.dtype(NUMBERS[element[1][0]]))
        return [value(*element) for _ in range(count)]

    def number(name):
        code = NUMBERS[name]
        return bool(rng.integers(2)) if code == "?" else np.dtype(code).type(rng.integers(100)).item()

    fields = STORE.fielddefs[type_name][1]
    return STORE.types[type_name](**{name: value(*description) for name, description in fields})


def numbers_of(message, prefix=""):
    """Every number of a message by its path."""
    items = message if isinstance(message, (list, np.ndarray)) else None
    if hasattr(message, "__msgtype__"):
        inner = {name: getattr(message, name) for name, _ in STORE.fielddefs[message.__msgtype__][1]}
        return {path: n for name, value in inner.items() for path, n in numbers_of(value, f"{prefix}{name}.").items()}
    if items is not None:
        return {k: v for n, item in enumerate(items) for k, v in numbers_of(item, f"{prefix}{n}.").items()}
    return {} if isinstance(message, str) else {prefix[:-1]: float(message)}


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("type_name", NUMBERED)
def test_every_number_of_every_common_type_is_found_where_the_decoder_finds_it(type_name, little):
    rng = np.random.default_rng(len(type_name))
    for _ in range(3):
        message = filled(type_name, rng)
        data = bytes(STORE.serialize_cdr(message, type_name, little_endian=little))
        layout = CdrLayout(data, type_name, types_of(described(type_name)))
        block = MessageBatch(
            b"..." + data + bytes(ROOM), np.array([3]), np.array([len(data)]), *np.zeros((3, 1), np.int64)
        )
        assert layout.is_of(block).tolist() == [True]
        for path, number in numbers_of(message).items():
            assert layout.read(block, *layout.find(path)).tolist() == [number], path


def test_more_layouts_than_are_kept_are_read_all_the_same(kit, journal_of, tmp_path, monkeypatch):
    monkeypatch.setattr(columns_module, "MOST_LAYOUTS", 2)
    rng = np.random.default_rng(0)
    states = [joint_state(kit, k, "f" * (k % 7), ("a", "b"), rng) for k in range(1, 30)]
    bag = finalize(journal_of([kit.sent("/joint_states", m, 5) for m in states]), tmp_path, {})
    columns = read(bag).columns({"/joint_states": ["position[b]", "velocity.0"]})["/joint_states"]
    assert columns.stamps_ns.tolist() == list(range(1, 30)) and columns.order.tolist() == list(range(29))
    assert columns.values.tolist() == [[m.position[1], m.velocity[0]] for m in states]


def test_a_message_that_is_cut_off_is_named(kit, journal_of, tmp_path):
    whole = kit.sent("/tool_pose", kit.tool(1), 1)
    bag = finalize(journal_of([whole, whole._replace(data=whole.data[:-8])]), tmp_path, {})
    with pytest.raises(DataError, match="/tool_pose is no geometry_msgs/msg/PoseStamped"):
        read(bag).columns({"/tool_pose": ["pose.position.x"]})


def test_a_field_that_is_a_text_is_no_number(kit):
    data = kit.sent("/tool_pose", kit.tool(1), 1).data
    layout = CdrLayout(data, "geometry_msgs/msg/PoseStamped", types_of(described("geometry_msgs/msg/PoseStamped")))
    with pytest.raises(MessageError, match="header.frame_id"):
        layout.find("header.frame_id")


@settings(max_examples=30)
@given(texts=st.lists(st.text(max_size=9), min_size=4, max_size=4), pairs=st.dictionaries(st.text(), st.text()))
def test_a_record_is_read_from_its_bytes_as_the_decoder_reads_it(texts, pairs):
    make, name = STORE.types, "diagnostic_msgs/msg/DiagnosticArray"
    items = [make["diagnostic_msgs/msg/KeyValue"](key, value) for key, value in pairs.items()]
    status = make["diagnostic_msgs/msg/DiagnosticStatus"](1, *texts[1:], items)
    header = make["std_msgs/msg/Header"](make["builtin_interfaces/msg/Time"](3, 4), texts[0])
    data = bytes(STORE.serialize_cdr(make[name](header, [status, status]), name))
    read, decoded = diagnostics(data), decoder(described(name))(data)
    assert plain(read) == plain(decoded)
    for size in range(0, len(data), 7):
        with pytest.raises((ValueError, struct.error, IndexError)):
            diagnostics(data[:size])


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {key: plain(item) for key, item in vars(value).items() if key.islower() and key != "__msgtype__"}
    return value
