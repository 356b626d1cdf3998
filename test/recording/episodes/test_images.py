# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes with images: aligned to the steps as the live policy aligns them, from our bags and from those of others."""

import dataclasses
import os

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.core.contract import ImageComponent
from il_ros.core.errors import DataError
from il_ros.core.messages import (
    CameraBuffer,
    as_recorded,
    decoded_image,
    jpeg_of_image,
    serialized_image,
    serialized_png,
)
from il_ros.recording.bag.mcap_records import MESSAGE_INDEX
from il_ros.recording.bag.reader import bytes_of, read
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.recovery import recover

RAW, PACKED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
STORE = get_typestore(Stores.ROS2_JAZZY)
CAMERAS = (
    ImageComponent("front", "front/image_raw", width=8, height=6, rate_hz=10.0),
    ImageComponent("wrist", "wrist/compressed", PACKED, width=4, height=3, crop=(2, 1, 8, 6), rate_hz=7.0),
)
FIRST_NS = 1_000_000_000


def picture(ns):
    """An image that tells its stamp."""
    return np.random.default_rng(ns).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def serialized(camera, ns, pixels=None):
    write = serialized_png if camera.type == PACKED else serialized_image
    return write(ns, camera.name, picture(ns) if pixels is None else pixels)


@pytest.fixture
def seeing(contract):
    return dataclasses.replace(contract, images=CAMERAS)


@pytest.fixture
def images_of(kit):
    """Images of both cameras, as a journal takes them; ``silent`` are the times between which none comes."""

    def made(until_ns, silent=(2**62, 2**62)):
        return [
            (f"/{camera.topic}", camera.type, serialized(camera, ns), ns, ns, 0)
            for camera in CAMERAS
            for ns in range(FIRST_NS - 30_000_000, until_ns, round(1e9 / camera.rate_hz))
            if not silent[0] <= ns < silent[1]
        ]

    return made


def live(seeing, sent, episode):
    """The images that the live policy would be given at the steps of an episode."""
    buffers = {camera.topic: CameraBuffer(camera) for camera in seeing.images}
    waiting = sorted(sent, key=lambda message: message[3])
    for stamp in episode.stamps_ns.tolist():
        while waiting and waiting[0][3] <= stamp:
            topic, _, data, ns, *_ = waiting.pop(0)
            buffer = buffers[topic[1:]]
            buffer.add(ns, decoded_image(data, buffer.component))
        yield {buffer.component.name: buffer.at(stamp)[1] for buffer in buffers.values()}


def check_against_live(seeing, sent, episode):
    for row, expected in enumerate(live(seeing, sent, episode)):
        for camera in seeing.images:
            track = episode.images[camera.name]
            shown = None if track.index[row] < 0 else track.frames[track.index[row]]
            assert (shown is None) == (expected[camera.name] is None)
            assert shown is None or np.array_equal(shown, expected[camera.name])


@pytest.mark.parametrize("image_bytes", [600, 900_000], ids=["zstd", "lz4"])
def test_an_episode_has_the_images_that_the_live_policy_saw(kit, seeing, images_of, journal_of, tmp_path, image_bytes):
    images = images_of(FIRST_NS + 2 * 10**9, silent=(FIRST_NS + 400_000_000, FIRST_NS + 1_200_000_000))
    broken = ("/front/image_raw", RAW, serialized(CAMERAS[0], FIRST_NS + 1)[:90], FIRST_NS + 1, FIRST_NS + 1, 0)
    steps = [m for k in range(40) for m in kit.step(k)]
    sent = sorted([*images, broken, *steps], key=lambda message: message[3])
    bag = finalize(journal_of(sent), tmp_path, {"image_topics": {"/front/image_raw": image_bytes}})
    size = bytes_of(bag)
    episode = read_episode(bag, seeing)
    check_against_live(seeing, images, episode)
    assert isinstance(episode.images["front"].frames, np.memmap)
    assert episode.images["front"].frames.shape[1:] == (6, 8, 3)
    facts = episode.facts["cameras"]
    without = (episode.images["front"].index < 0).sum()
    assert facts["front"]["steps_without"] == without > 5 and facts["front"]["malformed"] == 1
    assert facts["wrist"]["longest_repeated_s"] == 0.0 and "malformed" not in facts["wrist"]
    again = read_episode(bag, seeing)
    assert again.facts == episode.facts and np.array_equal(again.images["wrist"].index, episode.images["wrist"].index)
    assert bytes_of(bag) == size, "decoded images do not count as part of the bag"


def test_jpegs_that_the_recorder_made_of_raw_images_are_read_by_the_contract_of_raw_ones(
    kit, seeing, images_of, journal_of, tmp_path
):
    raw = images_of(FIRST_NS + 10**9)
    made = [(m[0], PACKED, jpeg_of_image(m[2], 90), *m[3:]) if m[1] == RAW else m for m in raw]
    steps = [m for k in range(20) for m in kit.step(k)]
    episode = read_episode(finalize(journal_of([*made, *steps]), tmp_path, {}), seeing)
    is_jpeg = dataclasses.replace(seeing, images=tuple(as_recorded(part, PACKED) for part in seeing.images))
    check_against_live(is_jpeg, made, episode)
    assert len(episode.images["front"].frames) == sum(m[1] == RAW for m in raw)


def test_decoded_images_are_made_once_and_again_for_another_size(
    kit, seeing, images_of, journal_of, tmp_path, monkeypatch
):
    monkeypatch.setenv("IL_ROS_CACHE", str(tmp_path / "cache"))
    steps = [m for k in range(10) for m in kit.step(k)]
    bag = finalize(journal_of([*images_of(FIRST_NS + 10**9), *steps]), tmp_path, {})
    read_episode(bag, seeing)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    read_episode(bag, seeing)
    assert made == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} and len(made) == 8
    smaller = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], width=5), CAMERAS[1]))
    assert read_episode(bag, smaller).images["front"].frames.shape[2] == 5
    assert not list((bag).glob(".images")) and len(os.listdir(tmp_path / "cache")) == 3


def test_a_frozen_camera_shows_in_the_facts(kit, seeing, journal_of, tmp_path):
    seeing = dataclasses.replace(seeing, images=CAMERAS[:1])
    times = [FIRST_NS + n * 100_000_000 for n in range(20)]
    frozen = [serialized(CAMERAS[0], ns, picture(min(ns, times[4]))) for ns in times]
    images = [("/front/image_raw", RAW, data, ns, ns, 0) for data, ns in zip(frozen, times)]
    bag = finalize(journal_of([*images, *(m for k in range(40) for m in kit.step(k))]), tmp_path, {})
    assert read_episode(bag, seeing).facts["cameras"]["front"]["longest_repeated_s"] == 1.5


def test_a_bag_without_a_camera_or_with_another_type_is_refused(kit, seeing, images_of, journal_of, tmp_path):
    steps = [m for k in range(10) for m in kit.step(k)]
    images = images_of(FIRST_NS + 10**9)
    front = [message for message in images if message[1] == RAW]
    bag = finalize(journal_of([*front, *steps]), tmp_path, {})
    with pytest.raises(DataError, match="needs wrist/compressed"):
        read_episode(bag, seeing)
    other = dataclasses.replace(seeing, images=(dataclasses.replace(CAMERAS[0], type=PACKED),))
    with pytest.raises(DataError, match="correct the contract's images"):
        read_episode(bag, other)


@pytest.mark.parametrize("plugin", StoragePlugin)
@pytest.mark.parametrize("seed", range(3))
def test_bags_of_other_recorders_have_images_too(kit, seeing, images_of, tmp_path, plugin, seed):
    rng = np.random.default_rng(seed)
    seeing = dataclasses.replace(seeing, external=dataclasses.replace(seeing.external, topic="twist"))
    vector = kit.make("geometry_msgs/msg/Vector3", 0.1, 0.0, 0.0)
    moving = kit.make("geometry_msgs/msg/Twist", vector, vector)
    sent = images_of(FIRST_NS + 2 * 10**9)
    for ns in range(FIRST_NS, FIRST_NS + 2 * 10**9, 10_000_000):
        command = kit.make("geometry_msgs/msg/TwistStamped", kit.header(ns), moving)
        for topic, message in (("/tool_pose", kit.tool(ns)), ("/objects", kit.objects(ns)), ("/twist", command)):
            sent.append((*kit.sent(topic, message, ns)[:3], ns, ns, 0))
    delayed = sorted(sent, key=lambda message: message[3] + int(rng.integers(5_000_000)))
    with Writer(tmp_path / "bag", version=9, storage_plugin=plugin) as writer:
        topics = {
            (topic, kind): writer.add_connection(topic, kind, typestore=STORE)
            for topic, kind in dict.fromkeys((message[0], message[1]) for message in sent)
        }
        for topic, kind, data, ns, *_ in delayed:
            writer.write(topics[topic, kind], ns, data)
    episode = read_episode(tmp_path / "bag", seeing)
    assert len(episode) > 35 and episode.facts["resampled"]["topics"]["/front/image_raw (front)"]["stale"] == 0
    check_against_live(seeing, [message for message in sent if message[1] in (RAW, PACKED)], episode)


@pytest.mark.parametrize("share", [0.3, 0.61, 0.99])
def test_a_recording_that_was_cut_off_keeps_every_image_before_the_cut(
    kit, seeing, images_of, journal_of, tmp_path, share
):
    images = images_of(FIRST_NS + 10**9)
    sent = sorted([*images, *(m for k in range(20) for m in kit.step(k))], key=lambda message: message[3])
    journal, sizes = journal_of([]), []
    journal.unlink()
    with Journal(journal, {}) as written:
        for message in sent:
            written.write(*message)
            sizes.append(journal.stat().st_size)
    cut = round(share * sizes[-1])
    with journal.open("r+b") as file:
        file.truncate(cut)
    whole = [message for message, size in zip(sent, sizes) if size - MESSAGE_INDEX.size <= cut]
    (bag,) = recover(tmp_path)
    assert [message.data for message in read(bag).raw()] == [message[2] for message in whole]
    check_against_live(seeing, [message for message in whole if message in images], read_episode(bag, seeing))
