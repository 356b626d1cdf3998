# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""Every recording in a folder is read, or told with the reason, by each command alike."""

from __future__ import annotations

import json
import shutil
import sqlite3

import numpy as np
import pytest
import yaml
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.cli import main
from il_ros.core.contract import Contract
from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.discovery import recordings
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import read, verdicts
from il_ros.recording.episodes.reader import read_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
MS, START_NS = 10**6, 1_600_000_000 * 10**9
POINT, NUMBER = "geometry_msgs/msg/PointStamped", "std_msgs/msg/Float64MultiArray"
CONTRACT = f"""
rate_hz: 10.0
topics: {{tip: {POINT}}}
observation:
  height: {{topic: tip, field: point.z, unit: m}}
action:
  lift: {{low: -1000.0, high: 1000.0, max_step: 1000.0, rest: height, unit: m}}
command: {{type: {NUMBER}}}
"""


@pytest.fixture
def contract_path(tmp_path):
    path = tmp_path / "lift.yaml"
    path.write_text(CONTRACT)
    return path


@pytest.fixture
def contract(contract_path):
    return Contract.load(str(contract_path))


def serialised(message):
    return bytes(STORE.serialize_cdr(message, message.__msgtype__))


def tip(ns, z):
    make = STORE.types
    header = make["std_msgs/msg/Header"](make["builtin_interfaces/msg/Time"](*divmod(ns, 10**9)), "base")
    return make[POINT](header, make["geometry_msgs/msg/Point"](0.0, 0.0, z))


def lift(z):
    return STORE.types[NUMBER](STORE.types["std_msgs/msg/MultiArrayLayout"]([], 0), np.array([z]))


def session(steps=30):
    """The tip's height in mm, and the command that asks for one more, ten times a second."""
    sent = []
    for k in range(steps):
        ns = START_NS + k * 100 * MS
        sent += [("/tip", tip(ns, float(k)), ns), ("/command", lift(k + 1.0), ns + MS)]
    return sent


def write_mcap(path, sent):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer, channels = Writer(file), {}
        writer.start("ros2", "someone")
        for topic, message, ns in sent:
            if topic not in channels:
                kind = message.__msgtype__
                text = STORE.generate_msgdef(kind, ros_version=2)[0].encode()
                channels[topic] = writer.register_channel(topic, "cdr", writer.register_schema(kind, "ros2msg", text))
            writer.add_message(channels[topic], ns, serialised(message), ns)
        writer.finish()
    return path


def write_metadata(bag, files, sent, without=(), **changed):
    """A metadata.yaml of the usual keys, but those ``without``."""
    kinds = {topic: message.__msgtype__ for topic, message, _ in sent}
    topics = [
        {
            "topic_metadata": {"name": name, "type": kind, "serialization_format": "cdr"},
            "message_count": sum(topic == name for topic, _, _ in sent),
        }
        for name, kind in kinds.items()
    ]
    told = {
        "version": 9,
        "storage_identifier": "mcap",
        "starting_time": {"nanoseconds_since_epoch": START_NS},
        "duration": {"nanoseconds": 10**9},
        "message_count": len(sent),
        "topics_with_message_count": topics,
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": files,
        "custom_data": None,
        "ros_distro": "jazzy",
        **changed,
    }
    kept = {key: value for key, value in told.items() if key not in without}
    (bag / METADATA).write_text(yaml.safe_dump({"rosbag2_bagfile_information": kept}, sort_keys=False))


def write_bag(bag, count=1, sent=None, order=None, closed=True, **options):
    """A bag of ``count`` split files, which its metadata lists in ``order``."""
    sent = session() if sent is None else sent
    for n, rows in enumerate(np.array_split(np.arange(len(sent)), count)):
        write_mcap(bag / f"{bag.name}_{n}.mcap", [sent[row] for row in rows])
    if closed:
        files = [f"{bag.name}_{n}.mcap" for n in (order or range(count))]
        write_metadata(bag, files, sent, **options)
    return bag


def heights(path, contract):
    return read_episode(path, contract).observations[:, 0].tolist()


WHOLE = [float(k) for k in range(30)]


def write_day(day):
    """One recording of each kind that people's folders hold; returns the names of those that cannot be read."""
    write_bag(day / "whole")
    write_bag(day / "unclosed", closed=False)
    write_bag(day / "unclosed_in_parts", 3, closed=False)
    write_bag(day / "episode_9", 2, closed=False)
    lost = write_bag(day / "lost_part", 3)
    (lost / "lost_part_1.mcap").unlink()
    torn = write_bag(day / "torn")
    torn_file = torn / "torn_0.mcap"
    torn_file.write_bytes(torn_file.read_bytes()[:-200])
    write_bag(day / "future", version=99)
    write_mcap(day / "loose.mcap", session())
    packed = write_mcap(day / "packed.mcap", session())
    packed.with_name("packed.mcap.zst").write_bytes(zstandard.compress(packed.read_bytes()))
    packed.unlink()
    (day / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    (day / "teleop.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (day / "pointer.mcap").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    write_mcap(day / "several" / "a.mcap", session())
    write_mcap(day / "several" / "b.mcap", session())
    (day / "notes.txt").write_text("no recording")
    (day / "pictures").mkdir()
    return {"lost_part", "torn", "future", "old.bag", "teleop.hdf5", "pointer.mcap", "several"}


def test_every_command_tells_the_same_recordings_and_the_same_verdicts(tmp_path, contract_path, capsys):
    day = tmp_path / "day"
    refused = write_day(day)
    told = verdicts(day)
    assert {path.name for path, why in told.items() if why} == refused and len(told) == 13
    assert all(path.name in why or str(path) in why for path, why in told.items() if why)
    assert main(["info", str(day), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["recordings"] == 13 and info["not_read"].keys() == refused
    assert sum(row["episodes"] for row in info["rows"]) == 6
    assert main(["recover", str(day), "--json"]) == 0
    recovered = json.loads(capsys.readouterr().out)
    options = ["--contract", str(contract_path), "--policy", "deterministic", "--steps", "2", "--json"]
    assert main(["train", str(day), *options, "--checkpoints", str(tmp_path / "made")]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert (trained["episodes"], trained["skipped"]) == (6, 7)
    expected = {str(path): why for path, why in told.items() if why}
    assert recovered["not_read"] == trained["left_out"] == expected and recovered["recovered"] == []
    assert set(info["not_read"].values()) == set(expected.values())
    for path, why in expected.items():  # and named singly
        assert main(["info", path, "--json"]) == (4 if not path.endswith("several") else 0)
        error = capsys.readouterr().err
        assert why in error.replace("\n", " ") or path.endswith("several")


@pytest.mark.parametrize("end", ["", ".zstd", ".zst"])
@pytest.mark.parametrize("listed", ["", ".zstd", ".zst"])
def test_a_compressed_file_is_found_whatever_the_metadata_calls_it(tmp_path, contract, end, listed):
    bag = tmp_path / "bag"
    plain = write_mcap(bag / "bag_0.mcap", session())
    data = zstandard.compress(plain.read_bytes())
    plain.unlink()
    plain.with_name(plain.name + end).write_bytes(data)
    write_metadata(bag, [plain.name + listed], session(), version=4, compression_mode="FILE", compression_format="zstd")
    if listed and end and listed != end:
        assert "is missing" in verdicts(bag)[bag]
        return
    assert heights(bag, contract) == WHOLE
    (bag / METADATA).unlink()
    if not end:
        return
    assert heights(bag, contract) == WHOLE == heights(recordings(bag)[0].path, contract)


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(5)))
def test_split_files_are_read_in_the_order_of_their_times(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("split")
    (folder / "lift.yaml").write_text(CONTRACT)
    bag = write_bag(folder / "bag", 5, order=order)
    episode = read_episode(bag, Contract.load(str(folder / "lift.yaml")))
    assert episode.observations[:, 0].tolist() == WHOLE
    assert [stretch["moved_ns"] for stretch in episode.facts["resampled"]["stretches"]] == [0]
    assert any("another order" in remark for remark in episode.facts.get("remarks", [])) == (order != sorted(order))


def test_files_of_a_clock_that_was_set_back_stay_in_the_order_that_is_listed(tmp_path, contract):
    later, earlier = session(), [(t, m, ns - 1500 * MS) for t, m, ns in session()]
    bag = tmp_path / "bag"
    write_mcap(bag / "bag_0.mcap", later)
    write_mcap(bag / "bag_1.mcap", earlier)
    write_metadata(bag, ["bag_0.mcap", "bag_1.mcap"], later + earlier)
    times = [message.log_time_ns for message in read(bag).raw({"/tip"})]
    assert times == [ns for topic, _, ns in later + earlier if topic == "/tip"]


def test_numbered_files_are_one_recording_only_if_one_goes_on_where_another_ends(tmp_path, contract):
    apart = [(t, m, ns + 60 * 10**9) for t, m, ns in session()]
    write_mcap(tmp_path / "takes" / "take_0.mcap", session())
    write_mcap(tmp_path / "takes" / "take_1.mcap", apart)
    assert [found.path.name for found in recordings(tmp_path / "takes")] == ["take_0.mcap", "take_1.mcap"]
    write_bag(tmp_path / "arm", 3, closed=False).rename(tmp_path / "renamed")
    assert [found.path.name for found in recordings(tmp_path / "renamed")] == ["renamed"]
    assert heights(tmp_path / "renamed", contract) == WHOLE


def test_a_journal_stands_for_its_bag_once(tmp_path, journal_of, kit):
    journal_of(kit.step(1), 1)
    (tmp_path / "episode_000001").mkdir()
    (tmp_path / "episode_000001" / "episode_000001_0.mcap").write_bytes(b"half")
    (found,) = recordings(tmp_path)
    assert found.path.name == "episode_000001.journal.mcap" and "il-ros recover" in found.why_not


@pytest.mark.parametrize("more", [-3, 2])
def test_counts_that_differ_are_told_and_the_files_believed(tmp_path, contract, more):
    sent = session()
    bag = write_bag(tmp_path / "bag", sent=sent)
    text = (bag / METADATA).read_text().replace("message_count: 30", f"message_count: {30 + more}")
    (bag / METADATA).write_text(text)
    episode = read_episode(bag, contract)
    assert episode.observations[:, 0].tolist() == WHOLE
    assert any(f"30 messages of /tip, {METADATA} says {30 + more}" in remark for remark in episode.facts["remarks"])


OPTIONAL = (
    *("version", "starting_time", "duration", "message_count", "compression_format", "compression_mode"),
    *("custom_data", "ros_distro", "topics_with_message_count"),
)


@pytest.mark.parametrize("without", [*((key,) for key in OPTIONAL), OPTIONAL], ids=lambda keys: "-".join(keys))
def test_metadata_may_lack_what_is_optional(tmp_path, contract, without):
    bag = write_bag(tmp_path / "bag", 2, without=without)
    assert heights(bag, contract) == WHOLE and read(bag).counts["/tip"] == 30
    assert "remarks" not in read_episode(bag, contract).facts


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None)
@given(custom=st.none() | plain | st.dictionaries(st.text(max_size=5), plain, max_size=3))
def test_custom_data_of_any_type_harms_nothing(tmp_path_factory, custom):
    bag = tmp_path_factory.mktemp("custom")
    write_metadata(bag, ["x_0.mcap"], [], custom_data=custom)
    facts = metadata.read(bag).facts
    json.dumps(facts)
    if isinstance(custom, dict) and custom:
        assert facts.keys() == {str(key) for key in custom}


@pytest.mark.parametrize(
    ("written", "fact"),
    [("5", 5), ("true", True), ("yes", "yes"), ("12:30:00", "12:30:00"), ("2024-05-01", "2024-05-01"), ("", "")],
)
def test_a_word_that_yaml_takes_for_something_else_stays_a_word(tmp_path, written, fact):
    write_metadata(tmp_path, ["x_0.mcap"], [], custom_data="HERE")
    path = tmp_path / METADATA
    path.write_text(path.read_text().replace("custom_data: HERE", f"custom_data:\n    note: {written}"))
    assert metadata.read(tmp_path).facts == {"note": fact}


def write_database(path, sent, since=None):
    """A database of which the rows from ``since`` on are only in its write-ahead log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    live = path.with_name("live.db3")
    base = sqlite3.connect(live)
    if since is not None:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA wal_autocheckpoint=0")
    base.execute("CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
    base.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)")
    names = list(dict.fromkeys(topic for topic, _, _ in sent))
    kinds = {topic: message.__msgtype__ for topic, message, _ in sent}
    base.executemany("INSERT INTO topics VALUES(?, ?, ?, 'cdr')", [(n, t, kinds[t]) for n, t in enumerate(names, 1)])
    for row, (topic, message, ns) in enumerate(sent):
        if row == since:
            base.commit()
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        values = names.index(topic) + 1, ns, serialised(message)
        base.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES(?, ?, ?)", values)
    base.commit()
    for end in ("", "-wal"):
        if live.with_name(live.name + end).exists():
            shutil.copy(live.with_name(live.name + end), path.with_name(path.name + end))
    base.close()
    live.unlink()
    return path


@pytest.mark.parametrize("since", [None, 1, 20])
def test_what_is_only_in_the_log_beside_a_database_is_read_and_nothing_is_changed(tmp_path, contract, since):
    path = write_database(tmp_path / "bag" / "bag_0.db3", session(), since)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert ("bag_0.db3-wal" in before) == (since is not None)
    episode = read_episode(path.parent, contract)
    assert episode.observations[:, 0].tolist() == WHOLE
    assert any("-wal" in remark for remark in episode.facts["remarks"]) == (since is not None)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_what_is_no_recording_is_refused_with_what_it_is(tmp_path, capsys):
    path = tmp_path / "demo.hdf5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(DataError, match="is an HDF5 file"):
        read(path)
    for command in (["info", str(path)], ["train", str(path)], ["recover", str(tmp_path)]):
        assert main(command) in (0, 4)
        told = capsys.readouterr()
        assert "HDF5" in (told.out + told.err).replace("\n", " ")
