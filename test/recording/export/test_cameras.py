# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images in exports, and back."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
import sys

import numpy as np
import pytest

from il_ros.core.contract import ImageComponent
from il_ros.core.episode import ImageTrack
from il_ros.core.errors import ConfigError, DataError, StorageError
from il_ros.core.messages import fitted_image
from il_ros.learning.data.dataset import Dataset
from il_ros.recording.export import base as exporters
from il_ros.recording.export import lerobot, lerobot_images, lerobot_table, robomimic
from il_ros.recording.lerobot.reader import read_dataset
from il_ros.recording.lerobot.summary import dataset_summary

parquet = pytest.importorskip("pyarrow.parquet", reason="pip install -r requirements-export.txt brings pyarrow")
pytest.importorskip("av", reason="pip install -r requirements-export.txt brings PyAV")
CAMERAS = (
    ImageComponent("front", "front/image_raw", width=96, height=72),
    ImageComponent("wrist", "wrist/image_raw", width=33, height=25),
)
LOSS = 4.0
"""The greatest mean error of these images in a video, levels of 255; those of the simulation lose half as much."""


@pytest.fixture
def seeing(contract):
    return dataclasses.replace(contract, images=CAMERAS)


def drawn(camera, number, seed=0):
    """An image that no other number has: a background with a bright square somewhere, of some colour."""
    rng = np.random.default_rng((seed, number))
    y, x = np.mgrid[: camera.height, : camera.width]
    image = np.stack([60 + x, 80 + y, 100 + (x + y) // 2], axis=2).astype(np.uint8)
    top, left = rng.integers(camera.height // 2), rng.integers(camera.width // 2)
    image[top : top + camera.height // 2, left : left + camera.width // 2] = rng.integers(0, 256, 3)
    return image


@pytest.fixture
def looking(make_episode, offsets, seeing):
    """``looking(count, seed, missing)``: an episode whose cameras are slower than its steps and lack some images."""

    def made(count=40, seed=0, missing=0, **how):
        episode, rng = make_episode(offsets(count, seed, **how), seed), np.random.default_rng(seed)
        images = {}
        for camera in seeing.images:
            index = np.sort(rng.integers(0, count, count))
            index[rng.choice(count, missing, replace=False)] = -1
            frames = np.array([drawn(camera, number, seed) for number in range(count)])
            images[camera.name] = ImageTrack(frames, index)
        return dataclasses.replace(episode, images=images)

    return made


@pytest.fixture
def export(tmp_path, seeing):
    def write(*episodes, form="lerobot", name="exported", **options):
        named = {f"episode_{number:06d}": episode for number, episode in enumerate(episodes, 1)}
        report = exporters.load(form).write(named, seeing, tmp_path / name, **options)
        return tmp_path / name, report

    return write


def shown(episode, camera):
    track = episode.images[camera.name]
    return np.asarray(track.frames[track.index])


def steps_of(back, recorded):
    """The step of the recorded episode that each step of what was read shows."""
    sees = np.flatnonzero(np.all([track.index >= 0 for track in recorded.images.values()], axis=0))
    stamps = recorded.stamps_ns[sees]
    return sees[np.abs(back.stamps_ns[:, None] - stamps).argmin(axis=1)]


# LeRobot --------------------------------------------------------------------------------------------------------------


def test_what_changed_only_at_steps_that_no_frame_shows_never_changed(looking, seeing, export):
    recorded = looking(40, 0, missing=3)
    unseen = ~np.all([track.index >= 0 for track in recorded.images.values()], axis=0)
    recorded.observations[:, 0] = np.where(unseen, 0.7, 0.5)
    _, report = export(recorded, images="lossless")
    assert unseen.any() and report["never_changed"] == [seeing.observation_names[0]]


@pytest.mark.parametrize("seed", range(3))
def test_lossless_images_come_back_to_the_bit(looking, seeing, export, monkeypatch, seed):
    monkeypatch.setattr(lerobot_table, "GROUP_BYTES", 200_000)  # several groups an episode
    recorded = [looking(40, 10 * seed + n, missing=3 * n, gaps=n) for n in range(2)]
    folder, report = export(*recorded, images="lossless")
    without = sum(len(e) - np.all([t.index >= 0 for t in e.images.values()], axis=0).sum() for e in recorded)
    assert report["steps_without_image"] == without > 0 and report["cameras_left_out"] == []
    back = list(read_dataset(folder, seeing).values())
    for ours, theirs in zip(recorded, back):
        rows = steps_of(theirs, ours)
        np.testing.assert_array_equal(theirs.observations, ours.observations[rows])
        for camera in CAMERAS:
            assert isinstance(theirs.images[camera.name].frames, np.memmap)
            np.testing.assert_array_equal(shown(theirs, camera), shown(ours, camera)[rows])
    data = Dataset.from_episodes(back, history=2, horizon=4, min_labels=2, cameras=["front", "wrist"])
    ours = Dataset.from_episodes(recorded, history=2, horizon=4, min_labels=2, cameras=["front", "wrist"])
    assert 0 < len(data) <= len(ours)


@pytest.mark.parametrize("longest_s", [0.7, 500.0], ids=["many files", "one file"])
def test_videos_come_back_in_order_and_within_their_loss(looking, seeing, export, monkeypatch, longest_s):
    monkeypatch.setattr(lerobot_images, "LONGEST_S", longest_s)
    recorded = [looking(count, count, gaps=gaps) for count, gaps in ((15, 1), (30, 2), (1, 0))]
    folder, report = export(*recorded)
    assert report["cameras"] == {"front": "video", "wrist": "video"}
    feature = json.loads((folder / lerobot.INFO).read_text())["features"]["observation.images.front"]
    assert (feature["dtype"], feature["shape"], feature["info"]["video.codec"]) == ("video", [72, 96, 3], "av1")
    files = list((folder / "videos" / "observation.images.front").rglob("*.mp4"))
    assert (len(files) > 2) if longest_s < 1 else (len(files) == 1)
    assert "observation.images.front" not in parquet.read_schema(folder / lerobot.DATA).names
    for row in parquet.read_table(folder / lerobot.EPISODES).to_pylist():
        begin, end = (row[f"videos/observation.images.front/{edge}_timestamp"] for edge in ("from", "to"))
        assert round((end - begin) * 20) == row["length"]
    errors = {"front": [], "wrist": []}
    for ours, theirs in zip(recorded, read_dataset(folder, seeing).values()):
        for camera in CAMERAS:
            own, given = (shown(e, camera).astype(float) for e in (theirs, ours))
            given = given[steps_of(theirs, ours)]
            error = np.abs(own[:, None] - given[None]).mean(axis=(2, 3, 4))  # from each to each
            assert (np.diag(error) == error.min(axis=1)).all()
            errors[camera.name] += np.diag(error).tolist()
    assert len(errors["front"]) == report["frames"] and np.mean(errors["front"]) < LOSS


def test_statistics_of_images_are_those_of_all_their_pixels(looking, export):
    recorded = looking(30, jitter=0.0, gaps=0)
    folder, _ = export(recorded, images="lossless")
    stats = json.loads((folder / lerobot.STATS).read_text())["observation.images.front"]
    levels = shown(recorded, CAMERAS[0]).reshape(-1, 3) / 255
    for name in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(stats[name], getattr(levels, name)(axis=0).reshape(3, 1, 1))
    for name, share in lerobot_images.QUANTILES.items():
        np.testing.assert_allclose(np.ravel(stats[name]), np.quantile(levels, share, axis=0, method="inverted_cdf"))
    assert stats["count"] == [30]


def test_images_are_decoded_once_until_a_file_changes(looking, seeing, export):
    folder, _ = export(looking(), images="lossless")
    size = dataset_summary(folder)["bytes"]
    (first,) = read_dataset(folder, seeing).values()
    assert dataset_summary(folder)["bytes"] == size, "decoded images do not count as part of the data set"
    made = {path: path.stat().st_mtime_ns for path in (folder / ".images").rglob("*")}
    (second,) = read_dataset(folder, seeing).values()
    assert made == {path: path.stat().st_mtime_ns for path in (folder / ".images").rglob("*")} and len(made) == 6
    assert first.facts["digest"] == second.facts["digest"]
    other = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], width=8, height=6),))
    (small,) = read_dataset(folder, other).values()
    np.testing.assert_array_equal(
        small.images["front"].frames[3], fitted_image(first.images["front"].frames[3], other.images[0])
    )
    assert small.facts["digest"] != first.facts["digest"]


def test_missing_damaged_and_short_videos_are_refused(looking, seeing, export, tmp_path):
    folder, _ = export(looking(30, gaps=0))
    short, _ = export(looking(10, 1, gaps=0), name="short")
    (video,) = (folder / "videos" / "observation.images.front").rglob("*.mp4")
    whole = video.read_bytes()
    for content, words in (
        (whole[: len(whole) // 2], "cannot be read as a video"),
        (b"version https://git-lfs.github.com/spec/v1", "cannot be read as a video"),
        (next((short / "videos" / "observation.images.front").rglob("*.mp4")).read_bytes(), "ends before 0.5"),
    ):
        video.write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_dataset(folder, seeing)
    video.unlink()
    with pytest.raises(DataError, match="file-000.mp4 does not exist; get the rest of its files"):
        read_dataset(folder, seeing)
    assert not list((folder / ".images").glob("*/*.npy"))
    only = dataclasses.replace(seeing, images=())
    assert len(read_dataset(folder, only)) == 1


def test_a_damaged_image_in_the_table_is_refused(looking, seeing, export):
    folder, _ = export(looking(12, gaps=0), images="lossless")
    table = parquet.read_table(folder / lerobot.DATA)
    at = table.column_names.index("observation.images.wrist")
    images = table.column(at).to_pylist()
    images[5] = {"bytes": images[5]["bytes"][:40], "path": None}
    parquet.write_table(table.set_column(at, table.schema.field(at), [images]), folder / lerobot.DATA)
    with pytest.raises(DataError, match=r"image of observation.images.wrist that cannot be read"):
        read_dataset(folder, seeing)


def test_other_names_shapes_and_orders_are_read(looking, seeing, export):
    recorded = looking(20, gaps=0)
    folder, _ = export(recorded, images="lossless")
    table = parquet.read_table(folder / lerobot.DATA)
    names = ["observation.image" if n == "observation.images.front" else n for n in table.column_names]
    reversed_rows = table.rename_columns(names).take(np.arange(len(table))[::-1])
    parquet.write_table(reversed_rows, folder / lerobot.DATA)
    info = json.loads((folder / lerobot.INFO).read_text())
    info["features"]["observation.image"] = {**info["features"].pop("observation.images.front"), "shape": [3, 72, 96]}
    (folder / lerobot.INFO).write_text(json.dumps(info))
    notes = []
    (back,) = read_dataset(folder, seeing, notes).values()
    assert list(back.images) == ["wrist"] and any("no column 'observation.images.front'" in note for note in notes)
    image = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], name="image"),))
    (back,) = read_dataset(folder, image).values()
    np.testing.assert_array_equal(back.images["image"].frames, shown(recorded, CAMERAS[0])[steps_of(back, recorded)])


def test_images_are_not_cropped_twice(looking, seeing, export, tmp_path):
    cropped = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], crop=(80, 0, 480, 480)),))
    recorded = looking(20)
    exporters.load("lerobot").write({"one": recorded}, cropped, tmp_path / "one", images="lossless")
    (back,) = read_dataset(tmp_path / "one", cropped).values()
    np.testing.assert_array_equal(shown(back, CAMERAS[0]), shown(recorded, CAMERAS[0])[steps_of(back, recorded)])
    with pytest.raises(DataError, match="use the same crop"):
        read_dataset(tmp_path / "one", seeing)
    (tmp_path / "one" / lerobot.ABOUT).unlink()
    shutil.rmtree(tmp_path / "one" / ".images")
    with pytest.raises(DataError, match="reaches beyond it"):
        read_dataset(tmp_path / "one", cropped)


# What cannot be written -----------------------------------------------------------------------------------------------


def test_without_images_their_cameras_are_told_and_no_step_is_left_out(looking, export):
    recorded = looking(missing=5)
    for form in ("lerobot", "robomimic"):
        _, report = export(recorded, form=form, name=form, images="none")
        assert (report["cameras"], report["cameras_left_out"]) == ({}, ["front", "wrist"])
        assert report["steps_without_image"] == 0


def test_what_cannot_be_written_is_refused_and_leaves_nothing(looking, make_episode, even, seeing, export, monkeypatch):
    with pytest.raises(ConfigError, match="form of images 'vidoe' is not known.*did you mean 'video'"):
        export(looking(), images="vidoe")
    with pytest.raises(DataError, match="no images of front, wrist; export with --images none"):
        export(make_episode(even(5)))
    with pytest.raises(DataError, match="has a step with an image of each camera"):
        export(looking(10, missing=10))
    tiny = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], height=3),))
    with pytest.raises(ConfigError, match="4 x 4 or more; export with --images lossless"):
        lerobot_images.VideoWriter(seeing, tiny.images[0], 20.0)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"av cannot be imported .*pip install 'il_ros\[export\]'"):
        export(looking(), name="none")


@pytest.mark.parametrize("form", ["lerobot", "robomimic"])
def test_a_full_disk_leaves_nothing(looking, export, monkeypatch, tmp_path, form):
    if form == "robomimic":
        pytest.importorskip("h5py")
    written = []

    def full(*content):
        written.append(content)
        if len(written) > 30:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*content)

    module, name = (robomimic, "write_all") if form == "robomimic" else (lerobot, "frames_shown")
    real = getattr(module, name)
    monkeypatch.setattr(module, name, full)
    with pytest.raises(StorageError, match="No space left on device"):
        export(*(looking(40, seed, gaps=3) for seed in range(6)), form=form)
    assert list(tmp_path.iterdir()) == []


# robomimic ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_robomimics_demos_have_the_images_of_their_steps(looking, export, seed):
    h5py = pytest.importorskip("h5py", reason="pip install -r requirements-export.txt brings h5py")
    recorded = looking(60, seed, missing=4)
    folder, report = export(recorded, form="robomimic", name="exported.hdf5")
    assert report["cameras"] == {"front": "lossless", "wrist": "lossless"} and report["steps_without_image"] > 0
    with h5py.File(folder) as file:
        for demo in file["data"].values():
            rows = np.flatnonzero(np.isin(recorded.observations[:, 0], demo["obs/state"][:, 0]))
            assert len(rows) == demo.attrs["num_samples"]
            after = np.flatnonzero(recorded.observations[:, 0] == demo["next_obs/state"][-1, 0])
            for camera in CAMERAS:
                own, following = (demo[f"{kind}/{camera.name}_image"] for kind in ("obs", "next_obs"))
                assert own.dtype == np.uint8 and own.chunks == (1, camera.height, camera.width, 3)
                np.testing.assert_array_equal(own, shown(recorded, camera)[rows])
                np.testing.assert_array_equal(following, shown(recorded, camera)[[*rows[1:], *after]])
