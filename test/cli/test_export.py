# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes go out in other people's forms and come back, from the command line."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.lerobot.reader import read_dataset

pytest.importorskip("pyarrow", reason="pip install -r requirements-export.txt brings pyarrow and h5py")
CONTRACT = Contract.load("panda_plane")


def test_lerobots_form_has_every_recorded_step_and_trains_to_the_same_weights(il_ros, episodes, tmp_path):
    told = il_ros("export", "lerobot", episodes, tmp_path / "exported", "--json").json
    recorded = {bag.name: read_episode(bag, CONTRACT) for bag in episodes.iterdir()}
    assert told["frames"] == sum(map(len, recorded.values())) and told["skipped"] == {}
    assert told["resampling"]["time_ms"]["greatest"] == 0.0
    for name, episode in read_dataset(tmp_path / "exported", CONTRACT).items():
        np.testing.assert_array_equal(episode.observations, recorded[name].observations)
        np.testing.assert_array_equal(episode.stamps_ns, recorded[name].stamps_ns)
    words = ["--policy", "deterministic", "--steps", "5", "--json", "--checkpoints"]
    made = [il_ros("train", data, *words, tmp_path / data.name[:2]).json for data in (episodes, tmp_path / "exported")]
    bags, exported = ((Path(m["path"]) / "model.safetensors").read_bytes() for m in made)
    assert bags == exported and made[0]["labels"] == made[1]["labels"]


def test_a_data_set_of_lerobots_is_read_by_the_workshop_and_exported_again(il_ros, episodes, tmp_path):
    il_ros("export", "lerobot", episodes, tmp_path / "one")
    workshop = TrainingPipeline(tmp_path / "one", tmp_path, CONTRACT)
    assert [e.facts["task"] for e in workshop.ingest()] == ["fork", "fork"]
    assert list(workshop.episodes) == ["episode_000001", "episode_000002"]
    said = il_ros("export", "robomimic", tmp_path / "one", tmp_path / "two.hdf5")
    assert said.code == 0 and "filter_keys: demonstrations" in said.out and (tmp_path / "two.hdf5").is_file()


def test_info_tells_what_a_data_set_of_lerobots_holds_and_how_its_experts_compare(il_ros, episodes, tmp_path):
    steps = sum(len(read_episode(bag, CONTRACT)) for bag in episodes.iterdir())
    il_ros("export", "lerobot", episodes, tmp_path / "x")
    told = il_ros("info", tmp_path / "x", "--json").json
    assert (told["kind"], told["episodes"], told["steps"]) == ("dataset", 2, {"expert": steps})
    assert [(row["expert"], row["episodes"]) for row in told["rows"]] == [("left", 1), ("right", 1)]
    said = il_ros("info", tmp_path / "x").out
    assert "LeRobot v3.0" in said and f"{steps} expert; 0 interventions" in " ".join(said.split())
    assert [row["expert"] for row in il_ros("info", tmp_path / "x", "--experts", "--json").json["rows"]] == [
        "left",
        "right",
    ]
    (tmp_path / "x" / "data" / "chunk-000" / "file-000.parquet").write_bytes(b"PAR1")
    said = il_ros("info", tmp_path / "x")
    assert said.code == 4 and "file-000.parquet is damaged" in said.complaint


def test_what_cannot_be_exported_is_told_with_what_to_do(il_ros, episodes, tmp_path):
    said = il_ros("export", "lerobott", episodes, tmp_path / "x")
    assert said.code == 2 and "export format 'lerobott' is not known; choose from lerobot, robomimic" in said.complaint
    said = il_ros("export", "lerobot", tmp_path / "nowhere", tmp_path / "x")
    assert said.code == 4 and "nowhere holds no closed episode" in said.complaint
    said = il_ros("export", "lerobot", episodes, episodes)
    assert said.code == 2 and "exists already and is not overwritten" in said.complaint
    il_ros("export", "lerobot", episodes, tmp_path / "x")
    said = il_ros("train", tmp_path / "x", "--contract", "panda_joints")
    assert said.code == 4 and "component of observation 'panda_joint1' is not known" in said.complaint


@pytest.mark.parametrize("form", ["lerobot", "robomimic"])
def test_a_full_disk_leaves_no_half_export(child, episodes, form):
    full = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000)), "env": dict(os.environ)}
    said = child("export", form, episodes, episodes.parent / "exported", **full)
    assert said.code == 6 and "cannot be written" in said.complaint and "nothing was exported" in said.complaint
    assert [path.name for path in episodes.parent.iterdir()] == ["episodes"]
