# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What we export, read by the loaders of the projects that it is for, each in its own environment."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.environment import ONE_THREAD, OURS_ALONE
from il_ros.core.contract import ImageComponent
from il_ros.core.episode import Authority, ImageTrack
from il_ros.recording import export
from il_ros.recording.lerobot.reader import read_dataset

ROOT = Path(__file__).resolve().parents[3]
FIELDS = ("observations", "executed", "authority", "intervention")
PEERS, LEROBOT = ROOT / ".venv-peers", ROOT / ".venv-lerobot"


def found_by(environment, *words):
    kept = {name: value for name, value in os.environ.items() if name not in OURS_ALONE}
    done = subprocess.run(
        [environment / "bin" / "python", "-m", "benchmarks.loaders", *map(str, words)],
        cwd=ROOT,
        env={**kept, **ONE_THREAD, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def there(environment):
    reason = f"{environment.name} is not there; make {environment.name}/.complete"
    return pytest.mark.skipif(not (environment / ".complete").exists(), reason=reason)


@pytest.fixture
def episodes(make_episode, offsets):
    made = [make_episode(offsets(25, seed, gaps=seed), seed) for seed in range(3)]
    return {f"episode_{number:06d}": episode for number, episode in enumerate(made, 1)}


@pytest.mark.slow
@there(PEERS)
def test_robomimics_loader_gives_what_each_filter_key_says(episodes, contract, tmp_path):
    pytest.importorskip("h5py", reason="pip install -r requirements-export.txt brings h5py")
    report = export.load("robomimic").write(episodes, contract, tmp_path / "exported.hdf5")
    found = found_by(PEERS, "robomimic", tmp_path / "exported.hdf5", "interventions", "train", "policy")
    assert (found["action_dim"], found["shapes"]) == (2, {"state": [4]})
    assert found["env"] == {"env_name": "fork", "type": 2, "env_kwargs": {}}
    together = {name: np.concatenate([getattr(e, name) for e in episodes.values()]) for name in FIELDS}
    by_expert = together["authority"] == Authority.EXPERT
    for key, rows in (
        ("interventions", by_expert & (together["intervention"] > 0)),
        ("train", by_expert),
        ("policy", together["authority"] == Authority.POLICY),
    ):
        given = found["keys"][key]
        assert 0 < given["demos"] == report["filter_keys"][key] and rows.any()
        np.testing.assert_array_equal(np.array(given["obs"], np.float32), together["observations"][rows])
        unscaled = contract.low + (np.array(given["actions"]) + 1) / 2 * (contract.high - contract.low)
        np.testing.assert_allclose(unscaled, together["executed"][rows], atol=1e-6)


@pytest.mark.slow
@there(LEROBOT)
def test_lerobots_loader_gives_frames_chunks_and_who_commanded_and_we_read_what_it_writes(episodes, contract, tmp_path):
    pytest.importorskip("pyarrow", reason="pip install -r requirements-export.txt brings pyarrow")
    report = export.load("lerobot").write(episodes, contract, tmp_path / "exported")
    found = found_by(LEROBOT, "lerobot", tmp_path / "exported", tmp_path / "theirs")
    assert (found["fps"], found["episodes"], len(found["frames"])) == (20, 6, report["frames"])
    environment = {"observation.environment_state": ["ENV", 2]}
    assert found["policy"] == {"observation.state": ["STATE", 4], **environment, "action": ["ACTION", 2]}
    assert found["batch"]["observation.state"] == [4, 4] and found["batch"]["action"] == [4, 2, 2]
    together = {name: np.concatenate([getattr(e, name) for e in episodes.values()]) for name in FIELDS}
    assert report["resampling"]["left_out"] == report["resampling"]["repeated"] == 0
    assert [f["source"] for f in found["frames"]] == [Authority(who).name.lower() for who in together["authority"]]
    np.testing.assert_array_equal(np.array([f["action"][0] for f in found["frames"]], np.float32), together["executed"])
    for frame, following in zip(found["frames"], found["frames"][1:]):
        is_last = following["episode_index"] != frame["episode_index"]
        assert frame["action_is_pad"] == [False, is_last]
        assert frame["action"][1] == (frame if is_last else following)["action"][0]
        assert frame["timestamp"] == np.float32(frame["frame_index"] / 20) and frame["task"] == "fork"
    np.testing.assert_allclose(found["stats"]["action"]["mean"], together["executed"].mean(axis=0), rtol=1e-5)
    theirs = list(read_dataset(tmp_path / "theirs", contract).values())
    assert [len(e) for e in theirs] == found["lengths"] and theirs[0].facts["task"] == "go round the post"
    assert all((e.authority == Authority.EXPERT).all() for e in theirs)
    for name in ("observations", "executed"):
        np.testing.assert_array_equal(np.concatenate([getattr(e, name) for e in theirs]), together[name])


@pytest.fixture
def seeing(contract):
    cameras = [ImageComponent(n, n, width=width, height=48) for n, width in (("front", 64), ("wrist", 48))]
    return dataclasses.replace(contract, images=tuple(cameras))


@pytest.fixture
def looking(episodes, seeing):
    """The episodes, each step with images of its own."""

    def track(camera, count, seed):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (count, camera.height // 8, camera.width // 8, 3), dtype=np.uint8)
        return ImageTrack(coarse.repeat(8, axis=1).repeat(8, axis=2), np.arange(count))

    return {
        name: dataclasses.replace(e, images={c.name: track(c, len(e), seed) for c in seeing.images})
        for seed, (name, e) in enumerate(episodes.items())
    }


def digests(frames):
    return [hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest() for frame in frames]


@pytest.mark.slow
@there(LEROBOT)
@pytest.mark.parametrize("form", ["video", "lossless"])
def test_lerobots_loader_gives_the_images_that_ours_gives_of_our_sets_and_of_its_own(looking, seeing, tmp_path, form):
    pytest.importorskip("av", reason="pip install -r requirements-export.txt brings PyAV")
    export.load("lerobot").write(looking, seeing, tmp_path / "exported", images=form)
    found = found_by(LEROBOT, "lerobot_images", tmp_path / "exported", tmp_path / "own")
    for name in ("exported", "own"):
        read = read_dataset(tmp_path / name, seeing).values()
        for camera in seeing.images:
            images = np.concatenate([e.images[camera.name].frames for e in read])
            assert found[name][f"observation.images.{camera.name}"] == digests(images)
    if form == "lossless":
        for camera in seeing.images:
            recorded = np.concatenate([e.images[camera.name].frames for e in looking.values()])
            assert found["own"][f"observation.images.{camera.name}"] == digests(recorded)


@pytest.mark.slow
@there(PEERS)
def test_robomimics_loader_gives_the_images_of_each_step(looking, seeing, tmp_path):
    pytest.importorskip("h5py", reason="pip install -r requirements-export.txt brings h5py")
    export.load("robomimic").write(looking, seeing, tmp_path / "exported.hdf5")
    found = found_by(PEERS, "robomimic_images", tmp_path / "exported.hdf5", "front", "wrist")
    state_of = {tuple(o.tolist()): (e, row) for e in looking.values() for row, o in enumerate(e.observations)}
    assert len(found["states"]) > 30
    for number, state in enumerate(found["states"]):
        episode, row = state_of[tuple(np.array(state, np.float32).tolist())]
        for camera in seeing.images:
            assert (
                found["images"][f"{camera.name}_image"][number] == digests([episode.images[camera.name].frames[row]])[0]
            )
