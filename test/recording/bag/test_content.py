# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""What a bag holds beside ROS 2's own messages harms nobody, and what is asked for is decoded or refused by name."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mcap.writer import CompressionType, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from il_ros.core.contract import Contract
from il_ros.core.errors import DataError
from il_ros.recording.bag.mcap_records import MAGIC, RECORD
from il_ros.recording.bag.mcap_scanner import UNCHECKED, McapScanner
from il_ros.recording.bag.reader import read
from il_ros.recording.episodes.reader import TypeMismatchError, find_authority, find_topic, read_episode

JAZZY, HUMBLE = get_typestore(Stores.ROS2_JAZZY), get_typestore(Stores.ROS2_HUMBLE)
STEP_NS, START_NS, STEPS = 50_000_000, 1_650_000_000 * 10**9, 24
COMMAND = "std_msgs/msg/Float64MultiArray"
LINE = "=" * 80 + "\n"
GRIP = "some_driver/msg/Grip"
GRIP_MSG = (
    "std_msgs/Header header\nfloat32[3] force\nInner inner\n" + LINE + "MSG: some_driver/Inner\nuint8 n\nfloat64 w\n"
)
GRIP_IDL = (
    LINE
    + f'IDL: {GRIP}\n// of a driver\n#include "std_msgs/msg/Header.idl"\nmodule some_driver {{ module msg {{\n'
    + 'typedef float float__3[3];\n@verbatim (language="comment", text="grip")\n'
    + "struct Grip { std_msgs::msg::Header header; float__3 force; some_driver::msg::Inner inner; }; }; };\n"
    + LINE
    + "IDL: some_driver/msg/Inner\nmodule some_driver { module msg { struct Inner { uint8 n; double w; }; }; };\n"
)


def store_of(text, kind=GRIP):
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(text, kind))
    return store


GRIPS = store_of(GRIP_MSG)


def header(store, ns):
    return store.types["std_msgs/msg/Header"](store.types["builtin_interfaces/msg/Time"](*divmod(ns, 10**9)), "")


def grip(k, ns):
    inner = GRIPS.types["some_driver/msg/Inner"](k % 7, k * 0.125)
    force = np.array([k, k + 0.5, -k], np.float32)
    return bytes(GRIPS.serialize_cdr(GRIPS.types[GRIP](header(GRIPS, ns), force, inner), GRIP))


def command(k):
    layout = JAZZY.types["std_msgs/msg/MultiArrayLayout"]([], 0)
    return bytes(JAZZY.serialize_cdr(JAZZY.types[COMMAND](layout, np.array([k * 0.5])), COMMAND))


def text_of(kind, store=JAZZY):
    return store.generate_msgdef(kind, ros_version=2)[0].encode()


def write(path, topics, **options):
    """Write topics, each with its encoding, the name, encoding and text of its schema, and what makes step k."""
    with path.open("wb") as file:
        writer = Writer(file, **options)
        writer.start("ros2", "another")
        channels = []
        for topic, encoding, kind, form, text, make in topics:
            schema = 0 if kind is None else writer.register_schema(kind, form, text)
            channels.append((writer.register_channel(topic, encoding, schema), make))
        for k in range(STEPS):
            ns = START_NS + k * STEP_NS
            for channel, make in channels:
                writer.add_message(channel, ns, make(k, ns), ns)
        writer.add_attachment(ns, ns, "arm.urdf", "text/xml", b"<robot/>")
        writer.add_metadata("session", {"crc32": "abc", "operator": "anna"})
        writer.finish()
    return path


COMMANDS = ("/command", "cdr", COMMAND, "ros2msg", text_of(COMMAND), lambda k, ns: command(k))


def contract(tmp_path, topic, kind, field, **more):
    path = tmp_path / f"{field.replace('.', '_').replace('[', '_').replace(']', '')}.yaml"
    told = f"rate_hz: 20.0\ntopics: {{{topic}: {kind}}}\nobservation:\n"
    told += f"  x: {{topic: {topic}, field: '{field}', unit: m}}\n"
    told += "action:\n  u: {low: -100.0, high: 100.0, max_step: 100.0, rest: 0.0, unit: m}\n"
    path.write_text(told + f"command: {{type: {COMMAND}}}\n" + "".join(f"{k}: {v}\n" for k, v in more.items()))
    return Contract.load(str(path))


GRIP_CONTRACT = ("grip", GRIP)
FORMS = [
    ("cdr", GRIP, "ros2msg", GRIP_MSG),
    ("cdr", "some_driver/Grip", "ros2msg", GRIP_MSG),
    ("cdr", GRIP, "ros2msg", GRIP_MSG.replace("\n", "\r\n")),
    ("cdr", GRIP, "ros2idl", GRIP_IDL),
    (
        "cdr",
        GRIP,
        "ros2idl",
        GRIP_IDL.split(LINE + "IDL: some_driver/msg/Inner")[0]
        + LINE
        + "MSG: some_driver/msg/Inner\nuint8 n\nfloat64 w\n",
    ),
]


@pytest.mark.parametrize("form", FORMS, ids=["msg", "two-parts", "crlf", "idl", "idl-and-msg"])
@pytest.mark.parametrize(
    ("field", "expected"),
    [("force.1", lambda k: k + 0.5), ("inner.w", lambda k: k * 0.125), ("inner.n", lambda k: k % 7)],
)
def test_a_drivers_own_type_is_read_as_the_bag_defines_it(tmp_path, form, field, expected):
    encoding, kind, how, text = form
    path = write(tmp_path / "grip.mcap", [("/grip", encoding, kind, how, text.encode(), grip), COMMANDS])
    episode = read_episode(path, contract(tmp_path, *GRIP_CONTRACT, field))
    np.testing.assert_array_equal(episode.observations[:, 0], np.float32([expected(k) for k in range(STEPS)]))


STRANGERS = [
    ("/log", "json", None, "", b"", lambda k, ns: b"{}"),
    ("/note", "json", "note", "jsonschema", b"{}", lambda k, ns: b"{}"),
    ("/camera", "protobuf", "foxglove.CompressedImage", "protobuf", bytes(range(128, 255)), lambda k, ns: b"\x0a\x00"),
    ("/old", "ros1", "std_msgs/String", "ros1msg", b"string data", lambda k, ns: b"\1\0\0\0a"),
    ("/odd", "cdr", "pkg/msg/Odd", "ros2msg", b"this is no definition (", lambda k, ns: b"\0\1\0\0\1"),
    ("/wide", "cdr", "pkg/msg/Wide", "ros2msg", b"float64 x\nwstring name\n", lambda k, ns: b"\0\1\0\0" + bytes(20)),
    ("/bare", "cdr", "pkg/msg/Bare", "ros2msg", b"", lambda k, ns: b"\0\1\0\0" + bytes(8)),
    ("/later", "cdr", "std_msgs/msg/Float64", "ros2msg", b"float64 data", lambda k, ns: b"\0\7\0\0" + bytes(8)),
]


@pytest.mark.parametrize("compression", [CompressionType.NONE, CompressionType.ZSTD])
@pytest.mark.parametrize("chunked", [True, False])
def test_what_is_not_asked_for_is_passed_over(tmp_path, compression, chunked):
    own = ("/grip", "cdr", GRIP, "ros2msg", GRIP_MSG.encode(), grip)
    path = write(tmp_path / "all.mcap", [*STRANGERS, own, COMMANDS], compression=compression, use_chunking=chunked)
    reader = read(path)
    reader.verify()
    assert reader.counts == dict.fromkeys([*(topic for topic, *_ in STRANGERS), "/grip", "/command"], STEPS)
    assert (UNCHECKED in reader.remarks) == (not chunked)
    episode = read_episode(path, contract(tmp_path, *GRIP_CONTRACT, "force.0"))
    assert episode.observations[:, 0].tolist() == list(range(STEPS))


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("/log", "encoded as 'json'"),
        ("/camera", "encoded as 'protobuf'"),
        ("/old", "encoded as 'ros1'"),
        ("/odd", "not defined"),
        ("/wide", "wstring"),
        ("/bare", "no definition in the bag"),
        ("/later", "no plain CDR"),
    ],
)
def test_what_is_asked_for_and_cannot_be_decoded_is_refused_by_name(tmp_path, topic, told):
    path = write(tmp_path / "all.mcap", [*STRANGERS, COMMANDS])
    with pytest.raises(DataError, match=told) as caught:
        list(read(path).messages({topic}))
    with pytest.raises(DataError, match=topic):
        read_episode(path, contract(tmp_path, topic, "sensor_msgs/msg/JointState", "data"))
    assert topic in str(caught.value) and str(path) in str(caught.value)


def test_two_topics_whose_types_share_a_name_are_each_read_as_they_are_defined(tmp_path):
    kind = "other_driver/msg/State"
    texts = {"/left": b"float64 x\nfloat64 y\n", "/right": b"float64 y\nfloat64 x\n"}
    made = lambda k, ns: b"\0\1\0\0" + struct.pack("<dd", k, 100 + k)  # noqa: E731
    path = write(
        tmp_path / "arms.mcap", [*((t, "cdr", kind, "ros2msg", text, made) for t, text in texts.items()), COMMANDS]
    )
    for topic, first in (("/left", 0), ("/right", 100)):
        episode = read_episode(path, contract(tmp_path, topic, kind, "x"))
        assert episode.observations[:, 0].tolist() == [first + k for k in range(STEPS)]


@pytest.mark.parametrize("has_definition", [True, False])
def test_a_type_is_that_of_the_distribution_that_recorded_it(tmp_path, has_definition):
    kind = "sensor_msgs/msg/Range"
    assert len(HUMBLE.fielddefs[kind][1]) < len(JAZZY.fielddefs[kind][1])

    def made(k, ns):
        message = HUMBLE.types[kind](header(HUMBLE, ns), 0, 0.5, 0.0, 2.0, k * 0.25)
        return bytes(HUMBLE.serialize_cdr(message, kind))

    text = text_of(kind, HUMBLE) if has_definition else b""
    bag = tmp_path / "bag"
    bag.mkdir()
    write(bag / "bag_0.mcap", [("/distance", "cdr", kind, "ros2msg", text, made), COMMANDS])
    topics = "".join(
        f"\n  - {{topic_metadata: {{name: {n}, type: {t}}}, message_count: {STEPS}}}"
        for n, t in (("/distance", kind), ("/command", COMMAND))
    )
    told = (
        f"rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n  topics_with_message_count:{topics}"
    )
    (bag / "metadata.yaml").write_text(told + "\n  relative_file_paths: [bag_0.mcap]\n")
    episode = read_episode(bag, contract(tmp_path, "distance", kind, "range"))
    assert episode.observations[:, 0].tolist() == [k * 0.25 for k in range(STEPS)]


def with_records(path, change):
    """The same file, without a summary and its CRCs; ``change`` makes of each record those that it becomes."""
    data, out, at = path.read_bytes(), MAGIC, len(MAGIC)
    while at < len(data) - len(MAGIC):
        kind, size = RECORD.unpack_from(data, at)
        payload, at = data[at + RECORD.size : at + RECORD.size + size], at + RECORD.size + size
        payload = {0x0F: bytes(4), 0x02: bytes(20)}.get(kind, payload)
        if kind in (0x01, 0x02, 0x06, 0x0F):
            out += b"".join(RECORD.pack(k, len(p)) + p for k, p in change(kind, payload))
    path.write_bytes(out + MAGIC)
    return path


@pytest.mark.parametrize("kind", [0x10, 0x7F, 0x80, 0xFF])
def test_records_of_other_kinds_are_passed_over_and_told(tmp_path, kind):
    path = write(tmp_path / "private.mcap", [COMMANDS])
    scan = McapScanner(with_records(path, lambda k, data: [(kind, b"mine"), (k, data)])).read()
    assert not scan.damage and scan.count == STEPS and len(scan.remarks) == 1


@pytest.mark.parametrize("kind", [0x01, 0x02, 0x06, 0x0F])
def test_bytes_after_the_known_fields_of_a_record_are_passed_over(tmp_path, kind):
    path = write(tmp_path / "padded.mcap", [COMMANDS])
    scan = McapScanner(with_records(path, lambda k, data: [(k, data + b"\1\2\3" if k == kind else data)])).read()
    assert not scan.damage and scan.count == STEPS


def test_a_chunk_whose_kind_was_damaged_is_missed(tmp_path):
    path = write(tmp_path / "bag.mcap", [COMMANDS], chunk_size=200)
    data = bytearray(path.read_bytes())
    starts, at = [], len(MAGIC)
    while data[at] != 0x0F:  # the end of the data
        starts += [at] if data[at] == 0x06 else []
        at += RECORD.size + RECORD.unpack_from(data, at)[1]
    data[starts[-1]] = 0x86
    path.write_bytes(data)
    assert "its summary counts" in McapScanner(path).read().damage[0]


def test_the_topic_of_exactly_that_name_is_meant():
    topics = ["/joint_states", "/gripper/joint_states", "/left/tip"]
    assert find_topic(topics, "/joint_states", Path("bag")) == "/joint_states"
    assert find_topic(topics, "gripper/joint_states", Path("bag")) == "/gripper/joint_states"
    assert find_topic(topics, "tip", Path("bag")) == "/left/tip"
    with pytest.raises(DataError, match="may be any of"):
        find_topic(topics, "joint_states", Path("bag"))


def test_of_two_arms_the_authority_is_that_of_the_contracts_topics():
    arms = ["/left/gate/authority", "/right/gate/authority"]
    assert find_authority(arms, ["/left/tip"], Path("bag")) == arms[0]
    assert find_authority(arms, ["/right/joint_states", "/clock"], Path("bag")) == arms[1]
    assert find_authority([*arms, "/gate/authority"], ["/right/tip"], Path("bag")) == arms[1]
    assert find_authority([*arms, "/gate/authority"], ["/tip"], Path("bag")) == "/gate/authority"
    for chosen in (["/tip"], ["/left/tip", "/right/tip"]):
        with pytest.raises(DataError, match="arms"):
            find_authority(arms, chosen, Path("bag"))


def test_a_topic_of_another_type_than_the_contracts_is_refused_with_both(tmp_path):
    own = ("/grip", "cdr", GRIP, "ros2msg", GRIP_MSG.encode(), grip)
    path = write(tmp_path / "bag.mcap", [own, COMMANDS])
    with pytest.raises(TypeMismatchError, match=f"/grip is {GRIP}, not geometry_msgs/msg/PoseStamped"):
        read_episode(path, contract(tmp_path, "grip", "geometry_msgs/msg/PoseStamped", "force.0"))
    named = contract(tmp_path, *GRIP_CONTRACT, "force.0", external="{topic: grip}")
    with pytest.raises(TypeMismatchError, match=f"/grip is {GRIP}, not {COMMAND}"):
        read_episode(path, named)
    named = contract(tmp_path, *GRIP_CONTRACT, "force.0", external="{topic: grip, fields: ['inner.w']}")
    assert read_episode(path, named).executed[:, 0].tolist() == [k * 0.125 for k in range(STEPS)]
