# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import errno
import json
import shutil

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError, DataError, StorageError
from il_ros.learning.data.dataset import Dataset
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.export import base as exporters
from il_ros.recording.export import lerobot
from il_ros.recording.export.base import library
from il_ros.recording.lerobot.reader import is_dataset, read_dataset
from il_ros.recording.lerobot.summary import dataset_summary
from il_ros.recording.write.finalize import finalize

pyarrow = pytest.importorskip("pyarrow", reason="pip install -r requirements-export.txt brings pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
FIELDS = [f.name for f in dataclasses.fields(Episode) if f.name not in ("step_ns", "facts", "images")]


@pytest.fixture
def export(tmp_path, contract):
    def write(*episodes, name="exported"):
        named = {f"episode_{number:06d}": episode for number, episode in enumerate(episodes, 1)}
        return tmp_path / name, exporters.load("lerobot").write(named, contract, tmp_path / name)

    return write


def frames(folder):
    return parquet.read_table(folder / lerobot.DATA)


def assert_equal(ours, theirs, fields=FIELDS):
    for name in fields:
        one, other = getattr(ours, name), getattr(theirs, name)
        assert one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), name


# There and back -------------------------------------------------------------------------------------------------------


def test_a_lockstep_bag_comes_back_as_it_was_read(kit, journal_of, contract, export, tmp_path):
    who = ["policy", "policy", "expert", "expert", "hold", "policy"]
    sent = [m for k in range(6) for m in kit.step(k, who=who[k], intervention=int(who[k] == "expert"))]
    recorded = read_episode(finalize(journal_of(sent), tmp_path, {"outcome": "success"}), contract)
    folder, report = export(recorded)
    (back,) = read_dataset(folder, contract).values()
    assert_equal(recorded, back)
    assert {**back.facts, "digest": None} == {**recorded.facts, "digest": None}
    assert report["resampling"]["time_ms"] == {"greatest": 0.0, "rms": 0.0} and report["gaps"] == []


def test_a_summary_counts_what_was_recorded_whatever_the_contract(make_episode, offsets, export, contract):
    who = [("left", "success"), ("right", "success"), ("right", "lost"), ("right", "success")]
    episodes = [make_episode(offsets(50, n), n, expert=e, outcome=o) for n, (e, o) in enumerate(who)]
    folder, report = export(*episodes)
    told, back = dataset_summary(folder), list(read_dataset(folder, contract).values())
    assert (told["frames"], told["episodes"]) == (report["frames"], report["episodes"]) and told["episodes"] > 4
    of = {authority.name.lower(): sum(int((e.authority == authority).sum()) for e in back) for authority in Authority}
    assert told["steps"] == of and told["labels"] == sum(int(np.isfinite(e.expert).all(axis=1).sum()) for e in back)
    assert told["components"]["observation.state"] == list(contract.observation_names)
    rows = {(row["task"], row["expert"], row["outcome"]): row for row in told["rows"]}
    assert [row["episodes"] for row in rows.values()] == [1, 1, 2] and list(rows) == sorted(rows)
    assert rows["fork", "right", "success"]["frames"] == len(back[1]) + len(back[3])
    assert rows["fork", "right", "success"]["interventions"] == back[1].interventions + back[3].interventions
    assert told["interventions"] == sum(e.interventions for e in back) > 0


def test_authority_labels_and_doubts_come_back(make_episode, even, contract, export):
    episodes = [make_episode(even(count), seed) for seed, count in enumerate((1, 40, 7))]
    folder, _ = export(*episodes)
    back = read_dataset(folder, contract)
    assert list(back) == ["episode_000001", "episode_000002", "episode_000003"]
    for recorded, read in zip(episodes, back.values()):
        assert_equal(recorded, read)
        assert read.interventions == recorded.interventions and list(read.spans()) == list(recorded.spans())
    assert len({read.facts["digest"] for read in back.values()}) == 3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pace", [0.93, 1.0, 1.07])
def test_with_jitter_and_gaps_all_comes_back_within_the_error_that_is_told(
    make_episode, offsets, contract, export, seed, pace
):
    recorded = make_episode(offsets(60, seed, pace=pace), seed)
    folder, report = export(recorded)
    (back,) = read_dataset(folder, contract).values()
    told = report["resampling"]
    rows = np.abs(back.stamps_ns[:, None] - recorded.stamps_ns).argmin(axis=1)
    assert np.abs(recorded.stamps_ns[rows] - back.stamps_ns).max() <= told["time_ms"]["greatest"] * 1e6 + 1
    for name in set(FIELDS) - {"stamps_ns"}:
        assert np.array_equal(getattr(back, name), getattr(recorded, name)[rows], equal_nan=True), name
    assert len(set(rows.tolist())) == len(recorded) - told["left_out"] and len(back) == report["frames"]
    for kind, values, own in (
        ("observation", recorded.observations, back.observations),
        ("action", recorded.executed, back.executed),
    ):
        for column, limit in enumerate(told[kind].values()):
            for start, stop in gaps_of(recorded):
                inside = (back.stamps_ns >= recorded.stamps_ns[start]) & (
                    back.stamps_ns <= recorded.stamps_ns[stop - 1] + contract.step_ns
                )
                x = (recorded.stamps_ns[start:stop] - recorded.stamps_ns[0]).astype(float)
                then = np.interp(back.stamps_ns[inside] - recorded.stamps_ns[0], x, values[start:stop, column])
                assert np.abs(own[inside, column] - then).max() <= limit + 1e-6


def gaps_of(episode):
    edges = np.flatnonzero(np.diff(episode.stamps_ns) > 1.5 * episode.step_ns) + 1
    return list(zip([0, *edges], [*edges, len(episode)]))


@pytest.mark.parametrize("seed", range(3))
def test_our_data_set_made_of_the_export_is_the_one_made_of_the_bags(make_episode, offsets, contract, export, seed):
    """No step is left out or repeated, so that only the stamps change: every window is the same."""
    recorded = [make_episode(offsets(50, seed + 10 * i, gaps=i), seed) for i in range(3)]
    folder, report = export(*recorded)
    assert report["resampling"]["left_out"] == report["resampling"]["repeated"] == 0
    assert report["resampling"]["time_ms"]["greatest"] > 1.0
    back = list(read_dataset(folder, contract).values())
    ours, theirs = (
        Dataset.from_episodes(episodes, history=2, horizon=4, min_labels=2) for episodes in (recorded, back)
    )
    for field in dataclasses.fields(Dataset):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))


def test_a_gap_is_told_and_parts_the_frames_but_not_the_episode(make_episode, even, contract, export):
    when = even(10)
    when[6:] += 3 * contract.step_ns
    folder, report = export(make_episode(when), make_episode(even(4), 1))
    assert report["gaps"] == [{"episode": "episode_000001", "after_s": 0.25, "lasts_s": 0.2}]
    table = frames(folder)
    assert table["episode_index"].to_pylist() == [0] * 6 + [1] * 4 + [2] * 4
    assert [i for i, done in enumerate(table["next.done"].to_pylist()) if done] == [9, 13]
    assert [len(list(e.spans())) >= 1 and len(e) for e in read_dataset(folder, contract).values()] == [10, 4]
    assert np.diff(next(iter(read_dataset(folder, contract).values())).stamps_ns).max() == 4 * contract.step_ns


def test_an_action_of_one_component_comes_back_too(tmp_path, contract):
    plain = contract.to_dict()
    plain["action"] = {"tool_vx": plain["action"]["tool_vx"]}
    narrow = Contract.from_dict("narrow", plain)
    rng = np.random.default_rng(0)
    one = rng.uniform(-0.2, 0.2, (5, 1)).astype(np.float32)
    episode = Episode(
        stamps_ns=np.arange(5) * narrow.step_ns,
        observations=rng.normal(size=(5, 4)).astype(np.float32),
        executed=one,
        policy=one * np.nan,
        expert=one,
        authority=np.full(5, Authority.EXPERT, np.uint8),
        intervention=np.zeros(5, np.int32),
        doubts=np.full((5, 5), np.nan, np.float32),
        step_ns=narrow.step_ns,
    )
    exporters.load("lerobot").write({"only": episode}, narrow, tmp_path / "narrow")
    (back,) = read_dataset(tmp_path / "narrow", narrow).values()
    assert_equal(episode, back)
    assert frames(tmp_path / "narrow")["action"].type == pyarrow.float32()  # as LeRobot has a shape of (1,)


# What is in the files -------------------------------------------------------------------------------------------------


def test_columns_counts_and_times_are_as_the_format_has_them(make_episode, offsets, contract, export):
    folder, report = export(make_episode(offsets(30, 1)), make_episode(offsets(20, 2), 2, outcome="collision"))
    info = json.loads((folder / lerobot.INFO).read_text())
    table = frames(folder)
    assert table.column_names == list(info["features"])
    assert info["features"]["observation.state"]["names"] == list(contract.observation_names)
    assert (info["codebase_version"], info["fps"], info["total_tasks"]) == ("v3.0", 20, 1)
    assert (info["total_frames"], info["total_episodes"]) == (len(table), 6) == (report["frames"], report["episodes"])
    index = table["frame_index"].to_numpy()
    np.testing.assert_array_equal(table["timestamp"].to_numpy(), (index / 20).astype(np.float32))
    assert table["index"].to_pylist() == list(range(len(table)))
    rows = parquet.read_table(folder / lerobot.EPISODES).to_pylist()
    for number, row in enumerate(rows):
        own = np.flatnonzero(table["episode_index"].to_numpy() == number)
        assert [row["dataset_from_index"], row["dataset_to_index"]] == [own[0], own[-1] + 1]
        assert row["length"] == len(own) and index[own].tolist() == list(range(len(own)))
        assert (row["tasks"], row["data/file_index"]) == (["fork"], 0)
    assert sum(table["next.reward"].to_pylist()) == 1.0 and sum(table["next.done"].to_pylist()) == 2
    assert set(table["source"].to_pylist()) <= {"expert", "policy", "hold"}
    tasks = parquet.read_table(folder / lerobot.TASKS)
    assert tasks.to_pylist() == [{"task_index": 0, "task": "fork"}]
    assert json.loads((folder / lerobot.ABOUT).read_text())["resampling"] == report["resampling"]


def test_statistics_are_those_of_what_is_known(make_episode, even, export):
    folder, _ = export(make_episode(even(40)))
    stats = json.loads((folder / lerobot.STATS).read_text())
    values = np.array(frames(folder)["expert_action"].to_pylist())
    assert np.isnan(values).any()
    told = stats["expert_action"]
    np.testing.assert_allclose(told["mean"], np.nanmean(values, axis=0))
    np.testing.assert_allclose(told["std"], np.nanstd(values, axis=0))
    np.testing.assert_allclose(told["q10"], np.nanquantile(values, 0.1, axis=0))
    assert told["count"] == [40] and "source" not in stats
    assert lerobot.statistics(np.full((3, 2), np.nan))["max"] == [0.0, 0.0]


# Other people's data sets ---------------------------------------------------------------------------------------------


@pytest.fixture
def foreign(make_episode, even, export):
    """A data set as others write it: no column of ours, two files, float64, another order and more components."""
    folder, _ = export(*(make_episode(even(count), seed) for seed, count in enumerate((6, 9))))
    info = json.loads((folder / lerobot.INFO).read_text())
    table = frames(folder)
    state = np.array(table["observation.state"].to_pylist())
    keep = ["action", "timestamp", "frame_index", "episode_index", "index", "task_index"]
    info["features"] = {name: info["features"][name] for name in keep}
    names = ["obstacle_y", "gripper", "tool_x"]
    info["features"]["observation.state"] = {"dtype": "float64", "shape": [3], "names": {"motors": names}}
    info["features"]["observation.more"] = {"dtype": "float64", "shape": [2], "names": ["obstacle_x", "tool_y"]}
    info["features"]["observation.image"] = {"dtype": "video", "shape": [3, 96, 96], "names": ["c", "h", "w"]}
    (folder / lerobot.INFO).write_text(json.dumps(info))
    columns = {name: table[name] for name in keep}
    columns["observation.state"] = np.column_stack([state[:, 3], state[:, 3] * 0, state[:, 0]]).tolist()
    columns["observation.more"] = state[:, [2, 1]].tolist()
    whole = pyarrow.table(columns)
    parquet.write_table(whole.slice(6), (folder / lerobot.DATA).with_name("file-001.parquet"))
    parquet.write_table(whole.slice(0, 6), folder / lerobot.DATA)
    rows = parquet.read_table(folder / lerobot.EPISODES)
    parquet.write_table(rows.select(["episode_index", "tasks", "length"]), folder / lerobot.EPISODES)
    return folder


def test_other_peoples_frames_are_demonstrations_with_components_found_by_name(foreign, make_episode, even, contract):
    assert is_dataset(foreign)
    back = read_dataset(foreign, contract)
    assert list(back) == ["episode_000000", "episode_000001"]
    for seed, (count, read) in enumerate(zip((6, 9), back.values())):
        recorded = make_episode(even(count), seed)
        assert_equal(recorded, read, ["observations", "executed"])
        assert (read.authority == Authority.EXPERT).all() and not read.intervention.any()
        assert np.isnan(read.expert).all() and np.isnan(read.policy).all() and np.isnan(read.doubts).all()
        assert read.facts["task"] == "fork" and np.diff(read.stamps_ns).tolist() == [contract.step_ns] * (count - 1)
    data = Dataset.from_episodes(list(back.values()), history=1, horizon=1)
    assert len(data) == 15
    told = dataset_summary(foreign)
    assert (told["steps"], told["interventions"], told["labels"]) == ({"expert": 15}, 0, 0)
    row = {"task": "fork", "expert": "-", "outcome": "-", "episodes": 2, "partial": 0, "frames": 15, "interventions": 0}
    assert told["rows"] == [row] and told["components"]["observation.more"] == ["obstacle_x", "tool_y"]


def change(folder, **changes):
    path = folder / lerobot.INFO
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_does_not_fit_is_refused_with_the_value_and_the_remedy(foreign, contract):
    change(foreign, fps=30)
    with pytest.raises(DataError, match="30 frames a second, contract 'panda_plane' 20 steps; use a contract with"):
        read_dataset(foreign, contract)
    for fps in (0, "20"):
        change(foreign, fps=fps)
        with pytest.raises(DataError, match="info.json is not one of LeRobot's"):
            dataset_summary(foreign)
    change(foreign, fps=20, codebase_version="v2.1")
    with pytest.raises(DataError, match="format v2.1; only v3.0 is read; convert it: .*convert_dataset_v21_to_v30"):
        read_dataset(foreign, contract)
    change(foreign, codebase_version="v3.0", total_frames=16)
    with pytest.raises(DataError, match="holds 15 frames of 2 episodes, its meta/info.json says 16 of 2; get the rest"):
        read_dataset(foreign, contract)
    joints = Contract.load("panda_joints")
    with pytest.raises(DataError, match="component of observation 'panda_joint1' is not known; choose from gripper, "):
        read_dataset(foreign, joints)


def test_damage_is_told_with_the_file(foreign, contract):
    file = foreign / lerobot.DATA
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"file-000.parquet is damaged \(.*\); download it again"):
        read_dataset(foreign, contract)
    table = parquet.read_table(pyarrow.BufferReader(whole))
    broken = [[float("nan")] * 2] * len(table)
    parquet.write_table(table.set_column(table.column_names.index("action"), "action", [broken]), file)
    with pytest.raises(DataError, match="exported: 12 numbers are not finite in float32: episode 0, frame 0: tool_vx"):
        read_dataset(foreign, contract)
    parquet.write_table(table.drop_columns(["action"]), file)
    with pytest.raises(DataError, match="file-000.parquet lacks action, which meta/info.json has; download it again"):
        read_dataset(foreign, contract)
    shutil.rmtree(foreign / "data")
    with pytest.raises(DataError, match="has no parquet files in data"):
        read_dataset(foreign, contract)
    (foreign / lerobot.INFO).write_text("[]")
    with pytest.raises(DataError, match=r"info.json is not one of LeRobot's"):
        read_dataset(foreign, contract)


# Writing --------------------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_and_nothing_is_half_written(make_episode, even, export, tmp_path, monkeypatch):
    episode = make_episode(even(3))
    folder, _ = export(episode)
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    with pytest.raises(ConfigError, match="exported exists already and is not overwritten; name another path"):
        export(episode)
    assert before == {path: path.read_bytes() for path in folder.rglob("*.json")}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="No space left.*nothing was exported"):
        patch.setattr(lerobot, "_write_json", full)
        export(episode, name="second")
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]
    (tmp_path / "second.part").mkdir()  # an export was killed here
    export(episode, name="second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "second"]


def test_an_export_without_a_step_is_refused_and_one_such_episode_is_told(make_episode, even, export, tmp_path):
    with pytest.raises(DataError, match="none of 1 episodes has a step, so there is nothing to export"):
        export(make_episode(even(0)))
    assert list(tmp_path.iterdir()) == []
    _, report = export(make_episode(even(0)), make_episode(even(3)))
    assert (report["without_steps"], report["recorded_episodes"]) == (["episode_000001"], 2)


def test_numbers_that_never_changed_in_any_episode_are_told(make_episode, even, export, contract):
    first, second = (make_episode(even(4), seed) for seed in (1, 2))
    _, report = export(first, second, name="moving")
    assert report["never_changed"] == []
    for number, episode in enumerate((first, second)):
        episode.observations[:, 0] = 0.5
        episode.observations[:, -1] = number  # in each episode, but not in both
    _, report = export(first, second, name="still")
    assert report["never_changed"] == [contract.observation_names[0]]


def test_a_library_that_is_not_there_is_told_with_the_remedy():
    with pytest.raises(ConfigError, match=r"no_such_package cannot be imported .* run pip install 'il_ros\[export\]'"):
        library("no_such_package.tables")


def test_forms_are_found_by_their_names():
    assert exporters.available() == ("lerobot", "robomimic")
    with pytest.raises(
        ConfigError, match="export format 'leerobot' is not known; choose from lerobot, robomimic; did you mean"
    ):
        exporters.load("leerobot")
