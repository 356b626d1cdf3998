# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags that other programs recorded: written here by rosbags, in every storage, with topics at rates of their own."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.cli import main
from il_ros.core.contract import Contract
from il_ros.core.contract.components import External
from il_ros.core.episode import Authority
from il_ros.core.errors import ConfigError, DataError
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import read
from il_ros.recording.check.bag_check import check_bag
from il_ros.recording.episodes.hold_resample import TopicTrack, resample
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore

STORE = get_typestore(Stores.ROS2_JAZZY)
STEP_NS = 50_000_000
MS = 1_000_000
NONE = (CompressionMode.NONE, StoragePlugin.MCAP)
FORMS = [
    (mode, plugin)
    for plugin in StoragePlugin
    for mode in CompressionMode
    if (mode, plugin) != (CompressionMode.STORAGE, StoragePlugin.SQLITE3)
]


def twist(kit, ns, x):
    vector = kit.make("geometry_msgs/msg/Vector3", x, -x, 0.0)
    return kit.make(
        "geometry_msgs/msg/TwistStamped", kit.header(ns), kit.make("geometry_msgs/msg/Twist", vector, vector)
    )


@pytest.fixture
def write(kit):
    """Write ``(topic, message, log time)`` as a bag of another program."""

    def written(path, sent, form=NONE, version=9):
        mode, plugin = form
        with_compression = Writer(path, version=version, storage_plugin=plugin)
        with_compression.set_compression(mode, CompressionFormat.ZSTD)
        with with_compression as writer:
            connections = {}
            for topic, message, log_time_ns in sent:
                name = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, name, typestore=STORE)
                writer.write(connections[topic], log_time_ns, STORE.serialize_cdr(message, name))
        return path

    return written


@pytest.fixture
def session(kit):
    """Tool pose at 100 Hz, objects at 13 Hz and commands at 30 Hz, by a clock of their own."""

    def made(seconds=2.0, start_ns=10**9, log_ns=10**9, late_s=0.0, silent=(9e9, 9e9)):
        sent = []
        for topic, period_ms, build in (
            ("/arm/tool_pose", 10, lambda ns: kit.tool(ns, ns / 1e9)),
            ("/objects", 77, kit.objects),
            ("/arm/command", 33, lambda ns: twist(kit, ns, ns / 1e10)),
        ):
            for ns in range(int(late_s * 1e9) if topic == "/objects" else 0, int(seconds * 1e9), period_ms * MS):
                if not (topic == "/arm/tool_pose" and silent[0] <= ns / 1e9 < silent[1]):
                    sent.append((topic, build(start_ns + ns), log_ns + ns + 2 * MS))
        return sorted(sent, key=lambda row: row[2])

    return made


def spans(episode):
    return [(stop - start) for start, stop, _ in episode.spans()]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[1].name}-{form[0].name}".lower())
def test_a_bag_of_any_form_is_a_demonstration_of_its_latest_messages(write, session, contract, tmp_path, form):
    episode = read_episode(write(tmp_path / "rosbag2_2024", session(), form), contract)
    assert len(episode) == 40 and spans(episode) == [40]  # 2 s at 20 Hz
    assert set(episode.authority) == {Authority.EXPERT}
    since = episode.stamps_ns - 10**9
    np.testing.assert_array_equal(since, np.arange(40) * STEP_NS)
    tool, told = (10**9 + since // (10 * MS) * 10 * MS) / 1e9, (10**9 + since // (33 * MS) * 33 * MS) / 1e10
    np.testing.assert_array_equal(episode.observations[:, 0], tool.astype(np.float32))
    np.testing.assert_array_equal(episode.executed, np.stack([told, -told], axis=1).astype(np.float32))
    assert episode.expert.tolist() == episode.executed.tolist() and np.isnan(episode.policy).all()
    report = episode.facts["resampled"]
    assert report["clock"] == "header" and list(report["topics"]) == [
        "/arm/tool_pose",
        "/objects",
        "/arm/command (action)",
    ]
    objects = report["topics"]["/objects"]
    ages = (since % (77 * MS)) / 1e9
    assert objects["greatest_age_s"] == pytest.approx(ages.max()) and objects["messages"] == 26
    assert objects["rms_age_s"] == pytest.approx(np.sqrt((ages**2).mean()), abs=1e-6)
    assert objects["padded"] == 40 - len(set(since // (77 * MS))) and objects["dropped"] == 0
    assert report["topics"]["/arm/tool_pose"]["dropped"] == 200 - 40


def test_an_old_bag_and_files_without_metadata_are_read_alike(write, session, contract, tmp_path):
    bag = write(tmp_path / "bag", session(), (CompressionMode.NONE, StoragePlugin.SQLITE3), version=8)
    expected = read_episode(bag, contract)
    text = yaml.safe_load((bag / METADATA).read_text())
    information = text["rosbag2_bagfile_information"]
    information.update(version=5)  # as Humble's
    for key in ("custom_data", "ros_distro"):
        information.pop(key)
    for topic in information["topics_with_message_count"]:
        topic["topic_metadata"].pop("type_description_hash")
        topic["topic_metadata"]["offered_qos_profiles"] = ""
    (bag / METADATA).write_text(yaml.safe_dump(text))
    same = read_episode(bag, contract)
    np.testing.assert_array_equal(same.observations, expected.observations)
    mcap = next(write(tmp_path / "other", session()).glob("*.mcap"))
    for file in (next(bag.glob("*.db3")), mcap):
        bare = read_episode(shutil.copy(file, tmp_path), contract)
        np.testing.assert_array_equal(bare.observations, expected.observations)
        np.testing.assert_array_equal(bare.executed, expected.executed)


def test_a_late_start_shortens_the_beginning(write, session, contract, tmp_path):
    episode = read_episode(write(tmp_path / "bag", session(late_s=0.73)), contract)
    assert episode.stamps_ns[0] == 10**9 + 730 * MS and spans(episode) == [26]


def test_a_gap_splits_and_is_counted(write, session, contract, tmp_path):
    episode = read_episode(write(tmp_path / "bag", session(silent=(0.5, 1.2))), contract)
    tool = episode.facts["resampled"]["topics"]["/arm/tool_pose"]
    assert spans(episode) == [12, 16] and tool["stale"] == 12 == 40 - len(episode)  # 0.49 s serves until 0.59 s
    assert tool["greatest_age_s"] == 0.06 and episode.facts["dropped"] == {"a topic was stale": 12}


@pytest.mark.parametrize("second_ns", [10**8, 10**9 + 500 * MS, 10**15])
def test_a_clock_that_jumps_begins_a_new_stretch_and_nothing_is_stitched(write, session, contract, tmp_path, second_ns):
    sent = session() + session(seconds=1.0, start_ns=second_ns, log_ns=3 * 10**9)
    episode = read_episode(write(tmp_path / "bag", sent), contract)
    stretches = episode.facts["resampled"]["stretches"]
    assert spans(episode) == [40, 20] == [stretch["steps"] for stretch in stretches]
    moved = stretches[1]["moved_ns"]
    assert episode.stamps_ns[40] == second_ns + moved and (moved > 0) == (second_ns < 10**10)
    tool = (second_ns + np.arange(20) * STEP_NS) / 1e9
    np.testing.assert_array_equal(episode.observations[40:, 0], tool.astype(np.float32))


def test_times_of_recording_serve_where_a_topic_has_no_stamps(kit, write, session, contract, tmp_path):
    names = kit.make("std_msgs/msg/MultiArrayLayout", [], 0)
    sent = [row for row in session(start_ns=5) if row[0] != "/arm/command"]
    for k in range(60):
        numbers = np.array([k / 100, 0.1] if k != 30 else [1.0])
        sent.append(("/command", kit.make("std_msgs/msg/Float64MultiArray", names, numbers), 10**9 + k * 33 * MS))
    arrays = dataclasses.replace(contract, command_type="std_msgs/msg/Float64MultiArray")
    episode = read_episode(write(tmp_path / "bag", sorted(sent, key=lambda row: row[2])), arrays)
    report = episode.facts["resampled"]
    assert report["clock"] == "recording" and report["topics"]["/command (action)"]["malformed"] == 1
    at = (episode.stamps_ns - 10**9) // (33 * MS)
    np.testing.assert_array_equal(episode.executed[:, 0], (np.where(at == 30, 29, at) / 100).astype(np.float32))


def joints(kit, ns, **positions):
    names, values = list(positions), np.array([*positions.values()], float)
    return kit.make("sensor_msgs/msg/JointState", kit.header(ns), names, values, np.empty(0), np.empty(0))


def two_drivers(kit, silent_s=9e9):
    """An arm at 100 Hz and a gripper at 40 Hz on one topic, which tell the time; the gripper falls silent."""
    sent = []
    for ns in range(10**9, 4 * 10**9, 10 * MS):
        sent.append(("/joint_states", joints(kit, ns, j1=ns / 1e9, j2=-ns / 1e9), ns))
        if (ns // MS) % 50 == 0:
            sent.append(("/command", kit.make("std_msgs/msg/Float64MultiArray", LAYOUT, np.array([ns / 1e9])), ns))
    for ns in range(10**9 + 3 * MS, 4 * 10**9, 25 * MS):
        if (ns - 10**9) / 1e9 < silent_s:
            sent.append(("/joint_states", joints(kit, ns, finger=ns / 1e9), ns))
    return sorted(sent, key=lambda row: row[2])


LAYOUT = STORE.types["std_msgs/msg/MultiArrayLayout"]([], 0)
TWO_DRIVERS = {
    "rate_hz": 20.0,
    "topics": {"joint_states": "sensor_msgs/msg/JointState"},
    "observation": {n: {"topic": "joint_states", "field": f"position[{n}]"} for n in ("finger", "j1", "j2")},
    "action": {"a": {"low": -9.0, "high": 9.0, "max_step": 9.0}},
    "command": {"type": "std_msgs/msg/Float64MultiArray"},
}


def test_joints_of_two_drivers_are_each_the_latest_at_every_step(kit, write, tmp_path):
    bag = write(tmp_path / "two", two_drivers(kit))
    episode = read_episode(bag, Contract.from_dict("two", TWO_DRIVERS))
    assert len(episode) == 60 and episode.facts["resampled"]["clock"] == "recording"
    now = episode.stamps_ns / 1e9
    finger = 1.003 + np.floor((now - 1.003) / 0.025 + 1e-6) * 0.025
    arm = np.floor(now * 100 + 1e-6) / 100
    assert np.allclose(episode.observations, np.stack([finger, arm, -arm], axis=1), atol=1e-6)
    assert {"/joint_states (finger)", "/joint_states (j1, j2)"} < episode.facts["resampled"]["topics"].keys()


def test_a_driver_that_falls_silent_makes_no_more_steps(kit, write, tmp_path):
    episode = read_episode(write(tmp_path / "two", two_drivers(kit, 1.0)), Contract.from_dict("two", TWO_DRIVERS))
    assert 20 <= len(episode) <= 23 and "/joint_states (finger)" in episode.facts["resampled"]["topics"]
    with pytest.raises(DataError, match=r"position\[finger\]"):
        read_episode(write(tmp_path / "one", two_drivers(kit, 0.0)), Contract.from_dict("two", TWO_DRIVERS))


def test_the_contract_says_where_the_action_is(write, session, contract, tmp_path):
    sent = [("/leader" if topic == "/arm/command" else topic, *rest) for topic, *rest in session()]
    bag = write(tmp_path / "bag", sent)
    with pytest.raises(DataError, match="needs command, the bag has .*/leader.*external: topic"):
        read_episode(bag, contract)
    fields = ("twist.linear.y", "twist.linear.x")
    episode = read_episode(bag, dataclasses.replace(contract, external=External("leader", fields)))
    np.testing.assert_array_equal(episode.executed[:, 0], -episode.executed[:, 1])
    assert episode.executed[3, 1] > 0
    commands = read_episode(bag, dataclasses.replace(contract, external=External("leader")))
    np.testing.assert_array_equal(commands.executed, episode.executed[:, ::-1])


def test_topics_that_never_speak_together_are_told_with_their_times(write, session, contract, tmp_path):
    late = [(t, m, ns) for t, m, ns in session() if t != "/objects"]
    late += [(t, m, ns) for t, m, ns in session(start_ns=10**12, log_ns=10**12) if t == "/objects"]
    with pytest.raises(DataError, match=r"at most 0.1 s old .*/objects from 1000.000 to"):
        read_episode(write(tmp_path / "bag", sorted(late, key=lambda row: row[2])), contract)


def test_damage_to_a_database_is_told(write, session, contract, tmp_path):
    bag = write(tmp_path / "bag", session(), (CompressionMode.NONE, StoragePlugin.SQLITE3))
    (file,) = bag.glob("*.db3")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"bag_?0?\.db3 is damaged: .*copy it again"):
        read_episode(bag, contract)
    with pytest.raises(DataError, match="is damaged"):
        read(bag).verify()


def test_the_foreign_section_of_a_contract_comes_back_and_is_checked(contract):
    chosen = dataclasses.replace(contract, external=External("leader", ("a", "b"), 0.3))
    assert Contract.from_dict(contract.name, chosen.to_dict()) == chosen and chosen.stale_ns == 300 * MS
    assert "external" not in contract.to_dict() and contract.stale_ns == 100 * MS
    assert dataclasses.replace(contract, rate_hz=5.0).stale_ns == 400 * MS
    for wrong in ({"fields": ["a"]}, {"fields": "ab"}, {"stale_s": -1.0}, {"late": 1}, {"topic": 3}, []):
        with pytest.raises(ConfigError):
            Contract.from_dict("x", {**contract.to_dict(), "external": wrong})


gaps = st.lists(st.integers(1, 300), min_size=2, max_size=40)


@settings(max_examples=60)
@given(periods=st.lists(gaps, min_size=1, max_size=3), starts=st.lists(st.integers(0, 400), min_size=3, max_size=3))
def test_a_step_holds_the_latest_message_that_is_not_of_the_future_nor_stale(periods, starts):
    times = [start + np.cumsum([0, *gaps]) for start, gaps in zip(starts, periods)]
    tracks = [TopicTrack(own, own, np.arange(len(own)) * len(times) + n) for n, own in enumerate(times)]
    found = resample(tracks, 10, 120)
    begin, end = max(own[0] for own in times), max(own[-1] for own in times)
    expected = {}
    for tick in range(begin, end + 1, 10):
        rows = [max(n for n, ns in enumerate(own) if ns <= tick) for own in times]
        if all(tick - own[row] <= 120 for own, row in zip(times, rows)):
            expected[tick] = rows
    assert dict(zip(found.times_ns.tolist(), found.rows.tolist())) == expected
    assert found.possible == len(range(begin, end + 1, 10)) and len(found.stale) == len(times)


def test_a_policy_is_trained_on_a_folder_of_foreign_bags_or_on_one(write, session, tmp_path, capsys):
    folder = tmp_path / "bags"
    write(folder / "rosbag2_a", session(), (CompressionMode.NONE, StoragePlugin.SQLITE3))
    bag = write(folder / "rosbag2_b", session(silent=(0.5, 1.2)))
    assert [path.name for path in EpisodeStore(folder).closed()] == ["rosbag2_a", "rosbag2_b"]
    for path, episodes, labels in ((folder, 2, 68), (bag, 1, 28)):
        options = ["--policy", "deterministic", "--steps", "3", "--checkpoints", str(tmp_path / "made"), "--json"]
        assert main(["train", str(path), *options]) == 0
        made = json.loads(capsys.readouterr().out)
        assert (made["episodes"], made["skipped"]) == (episodes, 0) and 0 < made["labels"] <= labels
    assert main(["info", str(bag), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == {"expert": 28} and told["facts"]["resampled"]["topics"]["/objects"]["padded"] > 0
    assert main(["info", str(bag)]) == 0 and "resampled by the clock" in capsys.readouterr().out
    assert main(["info", str(bag), "--contract", "panda_joints", "--json"]) == 0
    assert "needs joint_states" in json.loads(capsys.readouterr().out)["facts"]["not read"]


def test_commands_of_an_arm_and_of_its_gripper_are_one_action(kit, write, session, contract, tmp_path):
    plain = contract.to_dict()
    plain["action"]["finger"] = {"kind": "gripper", "low": 0.0, "high": 9.0, "max_velocity": 1.0, "rest": 0.0}
    plain["command"]["gripper"] = {"topic": "gripper_command"}
    both = Contract.from_dict("both", plain)
    zero = kit.make("builtin_interfaces/msg/Duration", 0, 0)
    sent = session()
    for ns in range(0, 2 * 10**9, 40 * MS):
        none = [np.empty(0)] * 3
        point = kit.make("trajectory_msgs/msg/JointTrajectoryPoint", np.array([ns / 1e9]), *none, zero)
        message = kit.make("trajectory_msgs/msg/JointTrajectory", kit.header(10**9 + ns), ["finger"], [point])
        sent.append(("/arm/gripper_command", message, 10**9 + ns + 2 * MS))
    bag = write(tmp_path / "bag", sorted(sent, key=lambda row: row[2]))
    alone, episode = read_episode(bag, contract), read_episode(bag, both)
    np.testing.assert_array_equal(episode.executed[:, :2], alone.executed)
    since = (episode.stamps_ns - 10**9) // (40 * MS) * 40 * MS
    np.testing.assert_array_equal(episode.executed[:, 2], (since / 1e9).astype(np.float32))
    findings = {finding.about: finding.level for finding in check_bag(both, bag).findings}
    assert findings["command"] == findings["gripper_command"] == "ok"
    with pytest.raises(DataError, match="needs gripper_command"):
        read_episode(write(tmp_path / "arm_alone", session()), both)
