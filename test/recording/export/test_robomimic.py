# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import numpy as np
import pytest

from il_ros.core.episode import Authority
from il_ros.core.errors import ConfigError, DataError
from il_ros.recording import export as exporters

h5py = pytest.importorskip("h5py", reason="pip install -r requirements-export.txt brings h5py")


@pytest.fixture
def export(tmp_path, contract):
    def write(*episodes):
        named = {f"episode_{number:06d}": episode for number, episode in enumerate(episodes, 1)}
        report = exporters.load("robomimic").write(named, contract, tmp_path / "exported.hdf5")
        return h5py.File(tmp_path / "exported.hdf5"), report

    return write


@pytest.fixture
def episodes(make_episode, offsets):
    return [make_episode(offsets(40, seed), seed, outcome="success" if seed % 2 else "timeout") for seed in range(12)]


def rows_of(demo, episode):
    """Which steps of the episode a demo holds."""
    start = int(np.searchsorted(episode.stamps_ns, demo.attrs["first_stamp_ns"]))
    return np.arange(start, start + demo.attrs["num_samples"])


def keys_of(file, key):
    return [name.decode() for name in file[f"mask/{key}"][:]] if f"mask/{key}" in file else []


def test_demos_are_the_steps_that_somebody_drove_and_none_mixes_two_authorities(episodes, export):
    file, report = export(*episodes)
    seen = {number: [] for number in range(len(episodes))}
    for demo in file["data"].values():
        number = int(demo.attrs["recorded_episode"][-6:]) - 1
        rows = rows_of(demo, episodes[number])
        assert len(set(episodes[number].authority[rows])) == len(set(episodes[number].intervention[rows])) == 1
        assert np.all(np.diff(episodes[number].stamps_ns[rows]) <= 1.5 * episodes[number].step_ns)
        seen[number] += rows.tolist()
    for number, episode in enumerate(episodes):
        assert sorted(seen[number]) == np.flatnonzero(episode.authority != Authority.HOLD).tolist()
    held = sum(int((episode.authority == Authority.HOLD).sum()) for episode in episodes)
    assert (report["held_steps"], report["steps"]) == (held, file["data"].attrs["total"])


def test_each_filter_key_has_just_what_its_name_says(episodes, export):
    file, report = export(*episodes)
    kinds = {"demonstrations", "interventions", "policy"}
    for name, demo in file["data"].items():
        number = int(demo.attrs["recorded_episode"][-6:]) - 1
        episode, row = episodes[number], rows_of(demo, episodes[number])[0]
        expert = episode.authority[row] == Authority.EXPERT
        kind = ("interventions" if episode.intervention[row] else "demonstrations") if expert else "policy"
        part = "valid" if number == 9 else "train"  # the tenth episode
        wanted = {kind, f"{kind}_{part}"} | ({part} if expert else set())
        assert {key for key in file["mask"] if name in keys_of(file, key)} == wanted
    assert report["filter_keys"] == {key: len(keys_of(file, key)) for key in file["mask"]}
    assert kinds <= set(file["mask"]) and len(file["data"]) == sum(report["filter_keys"][kind] for kind in kinds)


def test_what_a_demo_holds_is_what_was_recorded(episodes, export, contract):
    file, _ = export(*episodes)
    ends = {}
    low, high = file["data"].attrs["action_low"], file["data"].attrs["action_high"]
    for demo in file["data"].values():
        episode = episodes[int(demo.attrs["recorded_episode"][-6:]) - 1]
        rows = rows_of(demo, episode)
        np.testing.assert_array_equal(demo["obs/state"], episode.observations[rows])
        np.testing.assert_array_equal(demo["next_obs/state"][:-1], demo["obs/state"][1:])
        follows = rows[-1] + 1 < len(episode)
        follows = follows and episode.stamps_ns[rows[-1] + 1] - episode.stamps_ns[rows[-1]] <= 1.5 * episode.step_ns
        np.testing.assert_array_equal(demo["next_obs/state"][-1], episode.observations[rows[-1] + int(follows)])
        for name, recorded in (("", episode.executed), ("expert_", episode.expert), ("policy_", episode.policy)):
            given = low + (demo[f"{name}actions"][:].astype(float) + 1.0) / 2.0 * (high - low)
            np.testing.assert_allclose(given, recorded[rows], atol=1e-6)
        assert np.abs(demo["actions"][:]).max() <= 1.0
        is_end = rows == len(episode) - 1
        assert demo["dones"][:].tolist() == is_end.tolist()
        assert demo["rewards"][:].tolist() == (is_end * (episode.facts["outcome"] == "success")).tolist()
        ends[demo.attrs["recorded_episode"]] = ends.get(demo.attrs["recorded_episode"], 0) + demo["dones"][:].sum()
    assert all(count <= 1 for count in ends.values()) and sum(ends.values()) >= 6
    assert json.loads(file["data"].attrs["env_args"])["env_name"] == "fork"
    assert list(file["data"].attrs["observation_names"]) == list(contract.observation_names)


def test_a_partial_episode_has_no_end(make_episode, even, export):
    file, _ = export(make_episode(even(30), partial=True))
    assert not any(demo["dones"][:].any() or demo["rewards"][:].any() for demo in file["data"].values())


def test_nothing_is_overwritten_and_nothing_that_is_empty_is_written(make_episode, even, export, tmp_path):
    with pytest.raises(DataError, match="none of 1 episodes was driven by anybody"):
        export(make_episode(even(0)))
    assert list(tmp_path.iterdir()) == []
    export(make_episode(even(30)))
    with pytest.raises(ConfigError, match="exported.hdf5 exists already and is not overwritten"):
        export(make_episode(even(30)))
    assert [path.name for path in tmp_path.iterdir()] == ["exported.hdf5"]
