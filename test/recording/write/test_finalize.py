# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from il_ros.core import messages
from il_ros.core.episode import Authority
from il_ros.core.errors import DataError, StorageError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import read
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.recovery import recover


@pytest.fixture
def sent(kit):
    return [message for k in range(8) for message in kit.step(k)]


@pytest.fixture
def bag(sent, journal_of, tmp_path):
    return finalize(journal_of(sent), tmp_path, {"outcome": "success"})


def test_a_bag_holds_every_message_and_the_facts(sent, bag, content, tmp_path):
    reader = read(bag)
    assert content(reader.raw()) == sent
    assert {"task": "fork", "seed": 1, "outcome": "success"}.items() <= reader.facts.items()
    assert reader.counts == {"/tool_pose": 8, "/objects": 8, "/gate/authority": 8}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["episode_000001"]
    assert sorted(p.name for p in bag.iterdir()) == ["episode_000001_0.mcap", METADATA]


def test_rosbags_reads_what_we_write(sent, bag):
    with Reader(bag) as reader:
        assert [(c.topic, c.msgtype, t, data) for c, t, data in reader.messages()] == [
            (m.topic, m.type_name, m.log_time_ns, m.data) for m in sorted(sent, key=lambda m: m.log_time_ns)
        ]
        assert all(c.msgdef.data and c.digest.startswith("RIHS01_") for c in reader.connections)
    with AnyReader([bag]) as reader:
        assert reader.message_count == len(sent)
        assert {reader.deserialize(data, c.msgtype).__msgtype__ for c, _, data in reader.messages()} == {
            m.type_name for m in sent
        }


def test_metadata_is_what_rosbag2_decodes(bag):
    information = yaml.safe_load((bag / METADATA).read_text())["rosbag2_bagfile_information"]
    assert (information["version"], information["storage_identifier"]) == (9, "mcap")
    assert information["relative_file_paths"] == ["episode_000001_0.mcap"]
    assert information["compression_format"] == information["compression_mode"] == ""
    assert information["message_count"] == 24 and information["ros_distro"]
    for part in (information, *information["files"]):
        assert part["starting_time"]["nanoseconds_since_epoch"] == 1_000_000_000
        assert part["duration"]["nanoseconds"] == 7 * 50_000_000 + 2
    for topic in information["topics_with_message_count"]:
        described = topic["topic_metadata"]
        assert topic["message_count"] == 8
        assert (described["serialization_format"], described["offered_qos_profiles"]) == ("cdr", [])
        assert described["type_description_hash"].startswith("RIHS01_")
    assert all(isinstance(text, str) for item in information["custom_data"].items() for text in item)
    assert "*id" not in (bag / METADATA).read_text()


ENDLESS = {"sec": 9223372036, "nsec": 854775807}
OFFERED = {
    "history": "unknown",
    "depth": 0,
    "reliability": "reliable",
    "durability": "transient_local",
    "deadline": ENDLESS,
    "lifespan": ENDLESS,
    "liveliness": "automatic",
    "liveliness_lease_duration": ENDLESS,
    "avoid_ros_namespace_conventions": False,
}


def test_what_publishers_offer_is_known_to_other_readers_and_survives_amendment(kit, tmp_path):
    with Journal(tmp_path / "episode_000001.journal.mcap", {}) as journal:
        for k, (*message, time_ns, sent_ns, number) in enumerate(kit.clocks(3)):
            journal.write(*message, time_ns, sent_ns, number, lambda k=k: [OFFERED, {**OFFERED, "depth": k}][: 2 - k])
    bag = finalize(journal.path, tmp_path, {})
    for _ in range(2):
        text = (bag / METADATA).read_text()
        (topic,) = yaml.safe_load(text)["rosbag2_bagfile_information"]["topics_with_message_count"]
        assert topic["topic_metadata"]["offered_qos_profiles"] == [OFFERED, OFFERED] and "*id" not in text
        with AnyReader([bag]) as reader:
            first, second = reader.connections[0].ext.offered_qos_profiles
        assert first == second
        assert (first.durability.name, first.history.name) == ("TRANSIENT_LOCAL", "UNKNOWN")
        assert (first.deadline.sec, first.deadline.nsec) == tuple(ENDLESS.values())
        with next(bag.glob("*.mcap")).open("rb") as file:
            (channel,) = make_reader(file).get_summary().channels.values()
        assert yaml.safe_load(channel.metadata["offered_qos_profiles"]) == [OFFERED, OFFERED]
        metadata.amend(bag, {"outcome": "failure"})


@pytest.mark.parametrize("compression", [CompressionMode.NONE, CompressionMode.STORAGE])
def test_a_bag_that_another_tool_wrote_is_read_with_types_of_its_own(tmp_path, sent, compression):
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg("float64 grip\nstd_msgs/Header header\n", "my_msgs/msg/Hand"))
    hand = store.types["my_msgs/msg/Hand"](0.5, store.types["std_msgs/msg/Header"](_time(store, 7), "tool"))
    writer = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        own = writer.add_connection("/hand", "my_msgs/msg/Hand", typestore=store)
        writer.write(own, 7, store.serialize_cdr(hand, "my_msgs/msg/Hand"))
        pose = writer.add_connection("/tool_pose", sent[0].type_name, typestore=store)
        writer.write(pose, 8, sent[0].data)
    (_, _, first), (topic, log_time_ns, _) = read(tmp_path / "bag").messages()
    assert (first.grip, messages.stamp_ns(first)) == (0.5, 7)
    assert (topic, log_time_ns) == ("/tool_pose", 8)


def _time(store, ns):
    return store.types["builtin_interfaces/msg/Time"](0, ns)


@pytest.mark.parametrize("chunked", [True, False])
def test_other_forms_of_mcap_are_read(sent, tmp_path, content, chunked):
    path = tmp_path / "other.mcap"
    with path.open("wb") as file:
        writer = McapWriter(file, compression=CompressionType.LZ4, use_chunking=chunked, enable_data_crcs=True)
        writer.start("ros2")
        schema = writer.register_schema(sent[0].type_name, "ros2msg", b"")
        channel = writer.register_channel(sent[0].topic, "cdr", schema)
        for _, _, data, log_time_ns, publish_time_ns, sequence in sent[::3]:
            writer.add_message(channel, log_time_ns, data, publish_time_ns, sequence)
        writer.finish()
    scan = McapScanner(path)
    assert content(scan) == sent[::3] and scan.complete and not scan.damage


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(facts=st.dictionaries(st.text(min_size=1), values, max_size=4))
def test_facts_come_back_as_they_were(facts):
    with tempfile.TemporaryDirectory() as name:
        metadata.write(Path(name), metadata.BagMetadata(("a.mcap",), {}, {}, {}, facts=facts))
        assert metadata.read(Path(name)).facts == facts


def test_an_episode_without_messages_is_a_bag(journal_of, tmp_path):
    bag = finalize(journal_of([]), tmp_path, {})
    assert list(read(bag).messages()) == []
    with Reader(bag) as reader:
        assert reader.message_count == 0


def test_many_chunks_are_one_bag(kit, journal_of, tmp_path, content):
    rng = np.random.default_rng(0)
    pictures = [
        kit.sent(
            "/camera", kit.make("std_msgs/msg/UInt8MultiArray", _layout(kit), rng.integers(0, 255, 9000, np.uint8)), k
        )
        for k in range(1, 60)
    ]
    reader = read(finalize(journal_of(pictures), tmp_path, {}))
    assert content(reader.raw()) == pictures
    assert [t for _, t, _ in reader.messages(["/camera"])] == list(range(1, 60))


def _layout(kit):
    return kit.make("std_msgs/msg/MultiArrayLayout", [], 0)


def test_a_record_of_authority_is_read_from_a_decoded_message(kit, journal_of, tmp_path):
    sent = [kit.sent("/gate/authority", kit.authority(7, "expert", 3, expert="1.5 -2.5", score="0.25"), 7)]
    ((_, log_time_ns, message),) = read(finalize(journal_of(sent), tmp_path, {})).messages()
    assert isinstance(message.status[0].level, int)  # rosbags gives an octet as int, rclpy as bytes
    record = messages.record_from(message)
    assert (record.stamp_ns, record.authority, record.intervention, record.score) == (7, Authority.EXPERT, 3, 0.25)
    assert record.expert is not None and record.expert.tolist() == [1.5, -2.5]
    assert log_time_ns == 7


def test_every_truncation_of_a_bag_is_found(kit, journal_of, tmp_path):
    bag = finalize(journal_of(kit.step(0)[:1] + kit.clocks(1)), tmp_path, {"outcome": "success"})
    path = next(bag.glob("*.mcap"))
    data = path.read_bytes()
    for size in range(0, len(data), 13):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=rf"{path}.*il-ros recover"):
            read(bag).verify()
    path.unlink()
    with pytest.raises(DataError, match=r"missing.*il-ros recover"):
        read(bag).verify()


def test_every_flipped_bit_in_a_bag_is_found(kit, journal_of, tmp_path):
    bag = finalize(journal_of(kit.step(0)[:1] + kit.clocks(1)), tmp_path, {"outcome": "success"})
    path, rng = next(bag.glob("*.mcap")), random.Random(1)
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DataError, match="il-ros recover"):
            read(bag).verify()


@pytest.mark.parametrize("text", ["", "{", "[1]", "rosbag2_bagfile_information: {version: 9}", "\x00"])
def test_damaged_metadata_is_one_clear_line(bag, text):
    (bag / METADATA).write_text(text)
    with pytest.raises(DataError, match=r"metadata.yaml is damaged.*il-ros recover") as caught:
        read(bag)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: '1'", "seed: '21'"),
        ("outcome: success", "outcome: succdss"),
        ("task: fork", "tasc: fork"),
        ("silences: '[]'", "silences: 'K]'"),
        ("silences: '[]'", "silences: '[3]'"),
        ("gaps: '{}'", "gaps: '[}'"),
        ("nanoseconds: 350000002", "nanoseconds: .inf"),
        ("nanoseconds: 350000002", "nanoseconds: .nan"),
        ("silences: '[]'", "silences: '" + "[" * 3000 + "'"),
        ("type: geometry_msgs/msg/PoseStamped", "type: 3"),
    ],
)
def test_facts_that_are_not_those_beside_the_messages_are_told(sent, journal_of, tmp_path, old, new):
    bag = finalize(journal_of(sent), tmp_path, {"outcome": "success", "silences": [], "gaps": {}})
    text = (bag / METADATA).read_text()
    assert old in text
    (bag / METADATA).write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=r"metadata.yaml is damaged.*il-ros recover") as caught:
        read(bag).verify()
    assert "\n" not in str(caught.value)
    recover(tmp_path, thorough=True)
    facts = read(bag).facts
    assert (facts["task"], facts["seed"], facts["outcome"], facts["partial"]) == ("fork", 1, "success", False)


@pytest.mark.parametrize("seed", range(4))
def test_any_damaged_byte_in_metadata_is_told_or_does_not_matter(sent, journal_of, tmp_path, seed):
    bag = finalize(journal_of(sent), tmp_path, {"outcome": "success", "silences": [], "gaps": {}, "note": "a"})
    rng, good = random.Random(seed), (bag / METADATA).read_bytes()
    facts = read(bag).facts
    for _ in range(60):
        data = bytearray(good)
        data[rng.randrange(len(data))] = rng.randrange(256)
        (bag / METADATA).write_bytes(data)
        try:
            reader = read(bag)
            reader.verify()
        except DataError as error:
            assert "\n" not in str(error)
        else:
            assert "digest" not in reader.facts or facts.items() <= reader.facts.items()


def test_a_judgement_after_the_end_is_no_damage(bag):
    metadata.amend(bag, {"outcome": "failure", "judged": True, "note": "slipped"})
    read(bag).verify()
    assert read(bag).facts["outcome"] == "failure"


def test_what_is_no_bag_is_refused(tmp_path, bag, journal_of):
    with pytest.raises(DataError, match="not a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds 1 recordings of its own, and is none; name one of them"):
        read(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        finalize(tmp_path / "episode_000009.journal.mcap", tmp_path, {})
    with pytest.raises(DataError, match="closed already"):
        finalize(journal_of([]), tmp_path, {})
    text = (bag / METADATA).read_text()
    for change in (
        ("storage_identifier: mcap", "storage_identifier: tar"),
        ("compression_mode: ''", "compression_mode: odd"),
    ):
        (bag / METADATA).write_text(text.replace(*change))
        with pytest.raises(DataError, match="(tar|odd).*ros2 bag convert"):
            read(bag)


def test_a_journal_that_is_open_or_damaged_is_not_finalised(kit, tmp_path):
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {})
    journal.write(*kit.clocks(1)[0])
    with pytest.raises(DataError, match="still being written"):
        finalize(journal.path, tmp_path, {})
    os.close(journal._file)  # as a kill does
    with pytest.raises(DataError, match="without the mark of its end.*il-ros recover"):
        finalize(journal.path, tmp_path, {})
    assert journal.path.exists() and not (tmp_path / "episode_000001" / METADATA).exists()


def test_facts_that_json_does_not_know_are_refused(journal_of):
    with pytest.raises(DataError, match="cannot be written as JSON"):
        journal_of([], path=Path())


def test_a_disk_that_gives_back_other_bytes_is_noticed(sent, journal_of, tmp_path, monkeypatch):
    journal = journal_of(sent)

    def damage(path):
        if path.suffix == ".mcap":
            data = bytearray(path.read_bytes())
            data[len(data) // 3] ^= 1
            path.write_bytes(data)

    monkeypatch.setattr("il_ros.recording.write.finalize.sync", damage)
    with pytest.raises(StorageError, match="not read back alike"):
        finalize(journal, tmp_path, {})
    assert journal.exists() and not (tmp_path / "episode_000001" / METADATA).exists()
