# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0
"""By which clock recordings of other programs are read, and that their order in the file makes no difference."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from mcap.writer import Writer
from rosbags.typesys import Stores, get_typestore

from benchmarks import recordings
from il_ros.cli import main
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, DataError
from il_ros.recording.episodes import clocks, hold_resample
from il_ros.recording.episodes.arrival_order import arrivals
from il_ros.recording.episodes.reader import read_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
MS, S = 10**6, 10**9
WALL_NS = 1_700_000_000 * S
POSE = "geometry_msgs/msg/PoseStamped"
LATCHED = "- durability: transient_local\n"
TWIST = "geometry_msgs/msg/TwistStamped"


@pytest.fixture
def arm():
    """A contract of a pose, a goal and a twist, whose numbers all tell the time."""
    place = {n: {"topic": n, "field": "pose.position.x"} for n in ("pose", "goal")}
    limits = {"low": -1e6, "high": 1e6, "max_step": 1e6, "field": "twist.linear.x"}
    told = {"rate_hz": 20.0, "topics": {n: POSE for n in place}, "observation": place, "action": {"v": limits}}
    return Contract.from_dict("arm", {**told, "command": {"type": TWIST}})


def told_by(contract, **external):
    return Contract.from_dict("arm", {**contract.to_dict(), "external": external})


@pytest.fixture
def write(kit, tmp_path):
    """Write rows of topic, stamp, value and time of recording as one bare MCAP."""

    def message(topic, ns, x):
        if topic != "command":
            return kit.make(POSE, kit.header(ns), kit.pose(x, 0.0))
        vector = kit.make("geometry_msgs/msg/Vector3", x, 0.0, 0.0)
        return kit.make(TWIST, kit.header(ns), kit.make("geometry_msgs/msg/Twist", vector, vector))

    def written(rows, name="other.mcap", latched=(), published_ns=0):
        path, channels = tmp_path / name, {}
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            writer = Writer(file)
            writer.start("ros2", "test")
            for topic, ns, x, log_ns in rows:
                made = message(topic, ns, x)
                kind = made.__msgtype__
                if topic not in channels:
                    text = STORE.generate_msgdef(kind, ros_version=2)[0].encode()
                    schema, qos = writer.register_schema(kind, "ros2msg", text), LATCHED if topic in latched else ""
                    channels[topic] = writer.register_channel(topic, "cdr", schema, {"offered_qos_profiles": qos})
                data = bytes(STORE.serialize_cdr(made, kind))
                writer.add_message(channels[topic], log_ns, data, log_ns + published_ns)
            writer.finish()
        return path

    return written


def ticking(
    count=40, pace=1, begin_ns=100 * S, log_ns=WALL_NS, ahead=(("pose", 0),), topics=("pose", "goal", "command")
):
    """Three topics at 20 Hz that carry the true time; ``ahead`` is by how much a topic's stamps are wrong, ns."""
    shift = dict(ahead)
    return [
        (topic, begin_ns + k * 50 * MS + shift.get(topic, 0), k * 0.05, log_ns + k * 50 * MS // pace)
        for k in range(count)
        for topic in topics
    ]


def is_paired(episode):
    """Whether what one step holds was all of one time."""
    return bool((episode.observations[:, 0] == episode.executed[:, 0]).all())


@pytest.mark.parametrize("first", [0, 40, 80, 120])
def test_random_recordings_are_read_as_they_were(first, tmp_path, monkeypatch):
    if first >= 80:  # the others fit into one piece
        for module in (clocks, hold_resample):
            monkeypatch.setattr(module, "TOGETHER", 7)
    found = {seed: recordings.difference(seed, tmp_path)[0] for seed in range(first, first + 40)}
    assert not {seed: told for seed, told in found.items() if told}


def test_laps_of_one_clock_are_never_mixed_in_whatever_order_the_file_is(write, arm):
    laps = [
        (topic, ns, 10 * lap + x, log)
        for lap, count in enumerate((30, 20, 25))
        for topic, ns, x, log in ticking(count, log_ns=WALL_NS + lap * 5 * S)
    ]
    in_order = read_episode(write(laps), arm)
    assert [end - begin for begin, end, _ in in_order.spans()] == [30, 20, 25] and is_paired(in_order)
    for n, order in enumerate((sorted(laps, key=lambda row: row[0]), laps[::-1])):
        episode = read_episode(write(order, f"{n}.mcap"), arm)
        np.testing.assert_array_equal(episode.observations, in_order.observations)
        np.testing.assert_array_equal(episode.stamps_ns, in_order.stamps_ns)


def test_a_recorder_whose_own_clock_begins_anew_is_told_by_the_order_of_the_file():
    lap = np.arange(0, 2000, 50) * MS
    file = np.concatenate([lap, lap[:30] + 3 * MS])
    (arrived,) = arrivals([file], [np.arange(len(file))], 100 * MS)
    assert (np.diff(arrived) > 0).all()
    late = np.concatenate([lap[:10], lap[14:], lap[10:14]])  # a part of it was written late
    (arrived,) = arrivals([late], [np.arange(len(late))], 100 * MS)
    assert arrived.tolist() == late.tolist()


@pytest.mark.parametrize("wrong_ns", [0, 5, WALL_NS])
@pytest.mark.parametrize("at", [0, 17, 39])
def test_one_stamp_that_cannot_be_right_is_left_out_and_counted(write, arm, wrong_ns, at):
    rows = ticking(pace=10)
    rows[3 * at] = ("pose", wrong_ns, *rows[3 * at][2:])
    episode = read_episode(write(rows), arm)
    told = episode.facts["resampled"]
    assert told["clock"] == "header" and told["topics"]["pose"]["bad_stamps"] == 1
    assert len(episode) >= 39 and np.diff(episode.stamps_ns).max() == 50 * MS  # not 10 times as fast
    assert np.abs(episode.observations[:, 0] - episode.executed[:, 0]).max() < 0.051


def test_clocks_that_are_apart_are_measured_told_and_never_paired(write, arm, capsys, tmp_path):
    bag = write(ticking(begin_ns=WALL_NS, ahead=[("goal", -3600 * S)]), "bags/apart.mcap")
    for contract in (arm, told_by(arm, stale_s=4000.0), told_by(arm, clock="log"), told_by(arm, clock="publish")):
        episode = read_episode(bag, contract)
        assert is_paired(episode) and (episode.observations[:, 0] == episode.observations[:, 1]).all()
        assert episode.facts["resampled"]["topics"]["goal"]["offset_s"] == -3600.0
    assert "goal are 3600.000 s behind" in read_episode(bag, arm).facts["resampled"]["why"]
    mended = read_episode(bag, told_by(arm, offsets={"goal": 3600.0}))
    assert mended.facts["resampled"]["clock"] == "header" and is_paired(mended) and mended.stamps_ns[0] == WALL_NS
    with pytest.raises(DataError, match="external: clock") as refused:
        read_episode(bag, told_by(arm, clock="header"))
    assert "stale_s" not in str(refused.value)
    contract = tmp_path / "arm.yaml"
    contract.write_text(json.dumps(arm.to_dict()))
    options = ["--policy", "deterministic", "--steps", "2", "--checkpoints", str(tmp_path / "made"), "--json"]
    assert main(["train", str(bag.parent), "--contract", str(contract), *options]) == 0
    assert "goal are 3600.000 s behind" in " ".join(json.loads(capsys.readouterr().out)["notes"])
    assert main(["info", str(bag), "--contract", str(contract)]) == 0
    assert "3600.000 s" in capsys.readouterr().out.replace("\n", " ")


def test_a_small_offset_can_be_mended(write, arm):
    bag = write(ticking(ahead=[("goal", -100 * MS)]))
    assert not (lambda e: (e.observations[:, 0] == e.observations[:, 1]).all())(read_episode(bag, arm))
    mended = read_episode(bag, told_by(arm, offsets={"goal": 0.1}))
    assert (mended.observations[:, 0] == mended.observations[:, 1]).all() and len(mended) == 40


def test_messages_without_stamps_go_by_a_simulation_that_is_not_in_real_time(write, arm):
    rows = [(topic, 0 if topic == "command" else ns, x, log) for topic, ns, x, log in ticking(pace=10)]
    episode = read_episode(write(rows), arm)
    assert len(episode) == 40 and is_paired(episode) and np.diff(episode.stamps_ns).max() == 50 * MS
    assert episode.facts["resampled"]["topics"]["command (action)"]["clock"] == "recording"


@pytest.mark.parametrize("stamp_ns", [0, 5, 100 * S, 99 * S])
def test_a_latched_topic_holds_until_its_next_message(write, arm, stamp_ns):
    rows = ticking(80, topics=("pose", "command"))
    rows.insert(0, ("goal", stamp_ns, 7.0, WALL_NS))
    rows.insert(81, ("goal", 0, 8.0, rows[81][3]))
    seen = [7.0] * 40 + [8.0] * 40
    for name, contract, latched in (("a", told_by(arm, static=["goal"]), ()), ("b", arm, ("goal",))):
        episode = read_episode(write(rows, f"{name}.mcap", latched), contract)
        assert episode.observations[:, 1].tolist() == seen
        assert episode.facts["resampled"]["topics"]["goal"]["static"]
    with pytest.raises(DataError, match=r"goal has [12] message.*static: \[goal\]"):
        read_episode(write(rows, "c.mcap"), arm)


def test_a_stream_that_is_transient_local_keeps_its_limit_of_age(write, arm):
    rows = [row for row in ticking(80) if row[0] != "goal" or row[3] < WALL_NS + S]
    episode = read_episode(write(rows, latched=("goal",)), arm)
    assert 20 <= len(episode) <= 23 and not episode.facts["resampled"]["topics"]["goal"]["static"]


@pytest.mark.parametrize(
    "wrong",
    [{"clock": "wall"}, {"clock": 3}, {"offsets": {"joints": 1.0}}, {"offsets": {"goal": "1"}}, {"offsets": [1]},
     {"offsets": {"goal": float("inf")}}, {"static": ["joints"]}, {"static": "goal"}],
)  # fmt: skip
def test_what_a_contract_says_of_clocks_is_checked(arm, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        told_by(arm, **wrong)


def test_what_a_contract_says_of_clocks_comes_back(arm):
    chosen = told_by(arm, clock="log", offsets={"goal": -0.5}, static=["goal"])
    assert Contract.from_dict("arm", chosen.to_dict()) == chosen
    assert "external" not in arm.to_dict() and "static" not in told_by(arm, stale_s=1.0).to_dict()["external"]
    assert dataclasses.replace(arm, external=chosen.external) == chosen
