# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A contract is compared with recordings as they are trained on: what can be read there satisfies it, and no more."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.cli import main
from il_ros.core.contract import Contract
from il_ros.core.errors import DataError
from il_ros.recording.check.bag_check import check
from il_ros.recording.check.command_limits import shares
from il_ros.recording.check.contract_check import COMMAND, ERROR, OK, WARNING
from il_ros.recording.episodes.reader import read_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
JOINTS, ARRAY = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
TRAJECTORY, FLOAT = "trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64"
BEGIN_NS, STEP_NS = 10**18, 50_000_000
PLAIN = {
    "rate_hz": 20.0,
    "topics": {"joint_states": JOINTS, "force": FLOAT},
    "observation": {
        "elbow": {"topic": "joint_states", "field": "position[elbow]", "unit": "rad"},
        "force": {"topic": "force", "field": "data", "unit": "N"},
    },
    "action": {"elbow": {"low": -1.0, "high": 1.0, "max_step": 0.1, "rest": "elbow", "unit": "rad"}},
    "command": {"type": ARRAY},
}


def contract_of(**changes):
    return Contract.from_dict("one", {**PLAIN, **changes})


def joints(kit, ns, x):
    return kit.make(JOINTS, kit.header(ns), ["elbow"], np.array([x]), np.empty(0), np.empty(0))


def numbers(kit, *values):
    return kit.make(ARRAY, kit.make("std_msgs/msg/MultiArrayLayout", [], 0), np.array(values, float))


@pytest.fixture
def written(kit, tmp_path):
    """Write a bag: a leader arm and a follower at 20 Hz, with a force and the actions that are given."""

    def write(actions, name="bag", force=np.sin, topics=(), ahead_ns=0, folder=tmp_path):
        path = folder / name
        with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            known = {}
            for k, action in enumerate(actions):
                ns = BEGIN_NS + k * STEP_NS
                some = {"/joint_states": joints(kit, ns, k / 100), "/force": kit.make(FLOAT, float(force(k)))}
                some |= {"/command": numbers(kit, action), "/leader": joints(kit, ns + ahead_ns, action)}
                for topic, message in some.items():
                    if not topics or topic in topics:
                        kind = message.__msgtype__
                        if topic not in known:
                            known[topic] = writer.add_connection(topic, kind, typestore=STORE)
                        writer.write(known[topic], ns, STORE.serialize_cdr(message, kind))
        return path

    return write


def told_of(contract, path):
    return {finding.about: finding for finding in check(contract, path).findings}


def test_a_recording_that_fits_is_told_topic_by_topic(written):
    path = written(np.sin(np.arange(60) / 20))
    report = check(contract_of(), path)
    levels = {finding.about: finding.level for finding in report.findings}
    assert levels == dict.fromkeys(["joint_states", "force", "stamps", "clock", COMMAND, "elbow"], OK)
    assert (report.recordings, report.read, report.steps) == (1, 1, len(read_episode(path, contract_of())))
    assert report.findings[1].told == f"/force, {FLOAT}, 60 messages, 20.0 Hz, no header"
    assert told_of(contract_of(), path)["force"].told == "-1 to 0.9999 N"


@pytest.mark.parametrize(
    ("about", "words", "changes"),
    [
        (COMMAND, "leader_arm is not there, so the commands are not known", {"external": {"topic": "leader_arm"}}),
        (COMMAND, f"/command is {ARRAY}, not {TRAJECTORY}; correct", {"command": {"type": TRAJECTORY}}),
        ("force", f"/force is {FLOAT}, not {ARRAY}", {"topics": {"joint_states": JOINTS, "force": ARRAY}}),
        ("stamps", "no message of /leader can be used .*the message has elbow", {
            "external": {"topic": "leader", "fields": ["position[wrist]"]}}),
        ("stamps", "no message of /command can be used .*is not 2 finite numbers", {
            "action": {**PLAIN["action"], "wrist": {"low": -1.0, "high": 1.0, "max_step": 0.1}}}),
    ],
)  # fmt: skip
def test_what_training_would_refuse_is_an_error_with_the_same_words(written, about, words, changes):
    path, contract = written(np.linspace(0, 1, 30)), contract_of(**changes)
    told = told_of(contract, path)
    assert told[about].level == ERROR and re.search(words, told[about].told)
    with pytest.raises(DataError) as refused:
        read_episode(path, contract)
    assert told["stamps"].told == str(refused.value)


def test_the_action_is_looked_for_where_the_contract_says_that_it_is(written):
    path = written(np.full(60, 3.0))
    leader = {"topic": "leader", "fields": ["position[elbow]"]}
    told = told_of(contract_of(external=leader), path)
    assert told[COMMAND].told == f"/leader, {JOINTS}, 60 messages, its fields position[elbow]"
    missing = written(np.zeros(60), "missing", topics=("/joint_states", "/force", "/leader"))
    assert told_of(contract_of(external=leader), missing)[COMMAND].level == OK
    assert told_of(contract_of(), missing)[COMMAND].level == ERROR


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.floats(-3, 3).map(lambda x: round(x, 2)), min_size=4, max_size=40))
def test_the_share_outside_the_limits_is_what_one_counts_by_hand(written, tmp_path_factory, actions):
    contract = contract_of()
    (share,) = check(contract, written(actions, folder=tmp_path_factory.mktemp("share"))).limits
    steps = [abs(b - a) for a, b in zip(actions, actions[1:])]
    assert share.outside == pytest.approx(sum(abs(a) > 1 for a in actions) / len(actions))
    assert share.too_fast == pytest.approx(sum(step > 0.1 + 1e-5 for step in steps) / len(steps))
    np.testing.assert_allclose([share.low, share.high, share.step], [min(actions), max(actions), max(steps)], atol=1e-6)
    assert share.is_within == (share.outside == share.too_fast == 0)


def test_limits_are_told_in_check_info_and_training_alike(written, capsys, tmp_path):
    path = written(np.repeat([0.0, 0.5, 1.5, 1.5], 15))
    (tmp_path / "one.yaml").write_text(json.dumps(PLAIN))
    assert told_of(contract_of(), path)["elbow"].level == WARNING
    words = "50.0% lie outside -1 to 1, where the gate clips; at 3.4% of the steps it changes by more than 0.1"
    assert main(["contract", "check", str(tmp_path / "one.yaml"), "--bag", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["limits"][0]["outside"] == 0.5 and answer["steps"] == 60
    assert words in answer["findings"][-1]["told"]
    assert main(["info", str(path), "--contract", str(tmp_path / "one.yaml"), "--json"]) == 0
    assert words in json.loads(capsys.readouterr().out)["facts"]["beyond the limits"][0]


def test_what_never_changes_is_told(written):
    told = told_of(contract_of(), written(np.full(30, 0.25), force=lambda _: 9.81))
    assert told["elbow"].level == told["force"].level == WARNING
    assert told["force"].told == "9.81 N at every one of 30 steps; look at its publisher and field"
    assert told["elbow"].told.endswith("it never changes: look at its publisher and field")


def test_a_clock_a_constant_apart_is_told_with_how_far(written):
    contract = contract_of(
        topics={"joint_states": JOINTS},
        observation={"elbow": PLAIN["observation"]["elbow"]},
        external={"topic": "leader", "fields": ["position[elbow]"]},
    )
    report = check(contract, written(np.linspace(0, 1, 60), ahead_ns=3 * 10**9))
    clocks = [finding for finding in report.findings if finding.about == "clock"]
    assert clocks[0].level == WARNING and "3.000 s ahead" in clocks[0].told


def test_a_folder_has_a_verdict_on_each_recording_and_one_on_all(written, tmp_path):
    folder = tmp_path / "day"
    folder.mkdir()
    good = [written(np.linspace(0, x, 30), name, folder=folder) for x, name in ((1, "a"), (2, "b"))]
    written(np.zeros(30), "c", folder=folder, topics=("/joint_states", "/command"))
    (folder / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    report = check(contract_of(), folder)
    told = {finding.about: finding for finding in report.findings}
    steps = sum(len(read_episode(path, contract_of())) for path in good)
    assert (report.recordings, report.read, report.steps) == (4, 2, steps)
    assert told["stamps"].told == f"2 of 4 recordings can be read, {steps} steps" and told["stamps"].level == ERROR
    assert told["a"].level == OK and told["b"].level in (OK, WARNING)
    assert told["c"].level == ERROR and "needs force" in told["c"].told
    assert told["old.bag"].level == ERROR and "ROS 1" in told["old.bag"].told
    assert report.limits == shares(contract_of(), [read_episode(path, contract_of()) for path in good])
    with pytest.raises(DataError, match="holds no recording"):
        check(contract_of(), tmp_path / "nothing")


def test_a_damaged_recording_is_damaged_and_does_not_only_not_fit(written):
    path = written(np.linspace(0, 1, 400))
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DataError, match="is damaged"):
        check(contract_of(external={"topic": "leader_arm"}), path)
    with pytest.raises(DataError, match="is damaged"):
        check(contract_of(), path)


def test_a_recording_of_ours_is_looked_at_where_the_gate_told_who_commanded(kit, journal_of, contract, tmp_path):
    from il_ros.recording.write.finalize import finalize

    path = finalize(journal_of(message for k in range(30) for message in kit.step(k, "/cell/")), tmp_path, {})
    told = told_of(contract, path)
    assert told[COMMAND].told.startswith("/cell/gate/authority, diagnostic_msgs/msg/DiagnosticArray, 30 messages")
    assert told["stamps"].told == "30 steps" and told["tool_pose"].level == OK
