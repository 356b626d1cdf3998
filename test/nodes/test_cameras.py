# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cameras in the nodes: taken when they are due, waited for in lockstep, and a policy that is silent without them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.messages import decoded_image, serialized_image, serialized_stamp_ns
from il_ros.core.types import EpisodeStart
from il_ros.nodes.policy_node import PolicyNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.nodes.sim_node import SimNode
from il_ros.recording.bag.reader import read
from il_ros.recording.episodes.image_cache import cached_images
from il_ros.recording.write.open_episode import ReceivedMessage
from il_ros.ros.cameras.camera_inputs import CameraInputs
from il_ros.ros.message_types import message_class
from il_ros.ros.step_sequencer import SequencedStep

pytestmark = [pytest.mark.graph, pytest.mark.alone]

IMAGES = {
    "front": {"topic": "front/image_raw", "width": 16, "height": 12, "rate_hz": 10.0},
    "wrist": {
        "topic": "wrist/image_raw/compressed",
        "type": "sensor_msgs/msg/CompressedImage",
        "width": 8,
        "height": 6,
        "crop": [2, 1, 8, 6],
        "rate_hz": 7.0,
    },
}
STEP_NS = 50_000_000


@pytest.fixture
def seeing(tmp_path: Path) -> Path:
    path = tmp_path / "seeing.yaml"
    path.write_text(yaml.safe_dump({**Contract.load("panda_plane").to_dict(), "images": IMAGES}, sort_keys=False))
    return path


def test_the_simulation_takes_images_at_their_rates_before_the_readings(ros: Callable[..., None], seeing: Path) -> None:
    ros(contract=seeing, lockstep=True)
    node, sent = SimNode(), list[tuple[str, Any]]()
    for topic, publisher in node.said:
        publisher.publish = lambda message, name=topic.name: sent.append((name, message))
    node._cameras = type(node._cameras)(node, node._draw, node._lens)
    for part, images, infos, _ in node._cameras._cameras:
        images.publish = lambda data, part=part: sent.append((part.name, data))
        infos.publish = lambda message, part=part: sent.append((f"{part.name} info", message))
    node._reset()
    for _ in range(20):
        node._advance(np.zeros(2))
    first_ns = node._env.start.first_stamp_ns
    order = [name for name, _ in sent]
    pulse = [n for n, name in enumerate(order) if name == topics.JOINT_STATES.name]
    assert len(pulse) == 21 and order.index("front") < pulse[0]
    for part in node.contract.images:
        taken = [(n, data) for n, (name, data) in enumerate(sent) if name == part.name]
        stamps = [serialized_stamp_ns(data) for _, data in taken]
        every = [first_ns + k * STEP_NS for k in range(21)]
        assert stamps == sorted({messages.due_ns(part, first_ns, stamp, STEP_NS) for stamp in every})
        for n, data in taken:
            k = (serialized_stamp_ns(data) - first_ns) // STEP_NS
            assert n < pulse[k] and (k == 0 or n > pulse[k - 1])
            assert decoded_image(data, part).shape == (part.height, part.width, 3)
        info = next(message for name, message in sent if name == f"{part.name} info")
        assert (info.width, info.height) == messages.published_size(part) and info.k[2] == info.width / 2
        assert topics.camera_info(part).name == f"{part.name}/camera_info"
    node.close()


class Actor:
    """A policy that sees both cameras and keeps what it is shown."""

    cameras = dict.fromkeys(IMAGES)
    author = "test"

    def __init__(self) -> None:
        self.shown: list[tuple[int, dict[str, Any]]] = []

    def reset(self, start: EpisodeStart) -> None:
        self.shown.clear()

    def forget(self) -> None:
        self.shown.clear()

    def follow(self, record: Any) -> None:
        pass

    def distance(self) -> float:
        return 0.0

    def observe(self, stamp_ns: int, observation: Any, images: Any) -> None:
        self.shown.append((stamp_ns, images))


class Seeing:
    """A policy node with a policy of the test's, images of the test's, and what it publishes."""

    def __init__(self, node: PolicyNode, monkeypatch: pytest.MonkeyPatch) -> None:
        self.node, self.actor, self.silences, self.complaints = node, Actor(), list[int](), list[str]()
        self.receive: dict[str, Callable[[bytes, Any], None]] = {}
        monkeypatch.setattr(
            node, "subscribe_raw", lambda topic, callback: self.receive.update({topic.name: callback}), raising=True
        )
        node._cameras = CameraInputs(node, node._go_on)
        self.actor.silence = lambda stamp_ns: self.silences.append(stamp_ns)  # type: ignore[attr-defined]
        self.actor.chunk = lambda: None  # type: ignore[attr-defined]
        node._actor, node._remembers = self.actor, False  # type: ignore[assignment]
        node._topic = SimpleNamespace(publish=lambda data: None)
        node._bytes = lambda chunk: b""  # type: ignore[assignment]
        node._distances = SimpleNamespace(get_subscription_count=lambda: 0)
        node.complain = self.complaints.append  # type: ignore[method-assign,assignment]

    def image(self, name: str, stamp_ns: int, value: int = 0) -> None:
        part = next(part for part in self.node.contract.images if part.name == name)
        pixels = np.full((*reversed(messages.published_size(part)), 3), value, np.uint8)
        write = messages.serialized_png if part.type == messages.COMPRESSED else serialized_image
        self.receive[part.topic](write(stamp_ns, name, pixels), {})

    def step(self, stamp_ns: int, start: EpisodeStart | None = None, at: float = 0.0) -> None:
        parts = {
            topic: [at] * len(messages.observation_fields(self.node.contract, topic))
            for topic in self.node.contract.topics
        }
        self.node._take(SequencedStep(stamp_ns, parts, start))


@pytest.fixture
def policy(ros: Callable[..., None], seeing: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    nodes: list[PolicyNode] = []

    def make(lockstep: bool) -> Seeing:
        ros(contract=seeing, lockstep=lockstep)
        nodes.append(PolicyNode())
        return Seeing(nodes[-1], monkeypatch)

    yield make
    for node in nodes:
        node.close()


@pytest.mark.parametrize("seed", range(5))
def test_in_lockstep_a_step_waits_for_its_images_whatever_comes_first(
    policy: Callable[[bool], Seeing], seed: int
) -> None:
    rng, seen = np.random.default_rng(seed), policy(True)
    start = EpisodeStart("fork", 1, 10**9)
    due: list[Callable[[], None]]
    for k in range(30):
        stamp = start.first_stamp_ns + k * STEP_NS
        due = [lambda stamp=stamp, k=k: seen.step(stamp, start if k == 0 else None)]  # type: ignore[misc]
        for part in seen.node.contract.images:
            if messages.due_ns(part, start.first_stamp_ns, stamp, STEP_NS) == stamp:
                due.append(lambda stamp=stamp, k=k, name=part.name: seen.image(name, stamp, k))  # type: ignore[misc]
        for number in rng.permutation(len(due)).tolist():
            assert len(seen.actor.shown) == k
            due[number]()
        assert len(seen.actor.shown) == k + 1, "it neither answers early nor never"
        _, images = seen.actor.shown[-1]
        for part in seen.node.contract.images:
            newest = messages.due_ns(part, start.first_stamp_ns, stamp, STEP_NS)
            assert (images[part.name] == (newest - start.first_stamp_ns) // STEP_NS).all()
    assert not seen.silences


def test_without_a_fresh_image_the_policy_is_silent_and_says_which_camera(policy: Callable[[bool], Seeing]) -> None:
    seen = policy(False)
    seen.image("front", 10**9)
    seen.image("wrist", 10**9)
    for k in range(12):
        seen.step(10**9 + k * STEP_NS)
    assert len(seen.actor.shown) == 7 and len(seen.silences) == 5  # 0.3 s of the camera at 10 Hz
    assert all("'front'" in text and "0.3 s" in text for text in seen.complaints)
    assert seen.node.facts()["camera_front_age_s"] == "0.550" and seen.node.facts()["silent"] == 5
    seen.image("front", 10**9 + 11 * STEP_NS)
    seen.image("wrist", 10**9 + 11 * STEP_NS)
    seen.step(10**9 + 12 * STEP_NS)
    assert len(seen.actor.shown) == 8


def test_a_frozen_camera_is_reported_and_still_seen(policy: Callable[[bool], Seeing]) -> None:
    seen = policy(False)
    for k in range(40):
        stamp = 10**9 + k * STEP_NS
        seen.image("front", stamp)
        seen.image("wrist", stamp, k)
        seen.step(stamp, at=k / 100)
    assert len(seen.actor.shown) == 40 and not seen.silences
    assert seen.complaints and all("'front'" in text and "frozen" in text for text in seen.complaints)


@pytest.mark.parametrize(("rate_hz", "subscribers", "begun"), [(0.0, 1, 0), (2.0, 0, 0), (2.0, 1, 3)])
def test_what_the_policy_attends_to_is_computed_at_its_rate_while_somebody_looks(
    policy: Callable[[bool], Seeing], rate_hz: float, subscribers: int, begun: int
) -> None:
    seen, began = policy(False), list[int]()
    node = seen.node
    node.parameters = dataclasses.replace(node.parameters, attention_hz=rate_hz)
    node._maps = {"front": SimpleNamespace(get_subscription_count=lambda: subscribers)}
    node._attention = SimpleNamespace(  # type: ignore[assignment]
        is_due=lambda rate: len(began) < 3 and rate == rate_hz, begin=began.append, took_ms=0.0, close=lambda: None
    )
    seen.actor.chunk_inputs = lambda: seen.actor.shown[-1][0]  # type: ignore[attr-defined]
    for k in range(5):
        seen.image("front", 10**9 + k * STEP_NS, k)
        seen.image("wrist", 10**9 + k * STEP_NS, k)
        seen.step(10**9 + k * STEP_NS)
    assert began == [10**9 + k * STEP_NS for k in range(begun)], "of the newest step"


def test_what_a_camera_sent_last_before_an_episode_is_recorded_with_it(
    ros: Callable[..., None], seeing: Path, tmp_path: Path
) -> None:
    ros(contract=seeing, folder=tmp_path / "episodes")
    node = RecorderNode()
    front = next(part for part in node.contract.images if part.name == "front")

    def say(name: str, type_name: str, data: bytes, stamp_ns: int) -> None:
        info = {"publication_sequence_number": 0, "source_timestamp": 0, "publisher_gid": name}
        node.recorder.receive(ReceivedMessage(f"/{name}", type_name, data, info, stamp_ns, stamp_ns))

    pixels = np.zeros((front.height, front.width, 3), np.uint8)
    for stamp in (8 * 10**8, 9 * 10**8):
        say(front.topic, front.type, serialized_image(stamp, "front", pixels), stamp)
        assert node.recorder.current is None, "a camera begins no episode"
    for k in range(3):
        for topic, kind in node.contract.topics.items():
            message = message_class(kind)()
            messages.set_stamp(message, 10**9 + k * STEP_NS)
            say(topic, kind, serialize_message(message), 10**9 + k * STEP_NS)
    node.recorder.stop()
    node.recorder.finish()
    bag = read(tmp_path / "episodes" / "episode_000001")
    stamps = [serialized_stamp_ns(message.data) for message in bag.raw({f"/{front.topic}"})]
    assert stamps == [9 * 10**8] and list(bag.facts["image_topics"]) == [f"/{front.topic}"]
    node.close()


def test_the_recorder_makes_jpegs_of_raw_images_and_loses_none(
    ros: Callable[..., None], seeing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The episode says so, and is read by the contract of raw images; what comes before its end is in it."""
    callbacks: dict[str, Any] = {}
    monkeypatch.setattr(RecorderNode, "subscribe_raw", lambda self, t, callback: callbacks.update({t.name: callback}))
    ros(contract=seeing, folder=str(tmp_path / "episodes"), image_jpeg_quality=90)
    node = RecorderNode()
    front = next(part for part in node.contract.images if part.name == "front")

    def say(name: str, data: bytes) -> None:
        info = {"publication_sequence_number": 0, "source_timestamp": 0, "publisher_gid": name}
        callbacks[name](data, info)

    rows, columns = np.mgrid[0:60, 0:80]
    pixels = np.stack([rows * 4, columns * 3, rows + columns], axis=2).astype(np.uint8)
    for k in range(20):
        for topic, kind in node.contract.topics.items():
            message = message_class(kind)()
            messages.set_stamp(message, 10**9 + k * STEP_NS)
            say(topic, serialize_message(message))
        say(front.topic, serialized_image(10**9 + k * STEP_NS, "front", np.roll(pixels, k, axis=1)))
    start = {"task": "reach", "seed": 1, "first_stamp_ns": 10**9}
    end = {**start, "outcome": "success", "way": None, "steps": 20, "last_stamp_ns": 10**9 + 19 * STEP_NS}
    for told in ({"event": "start", **start}, {"event": "end", **end}):
        say(topics.EPISODE.name, serialize_message(String(data=json.dumps(told))))
    node.recorder.finish()
    bag = read(tmp_path / "episodes" / "episode_000001")
    assert bag.counts[f"/{front.topic}"] == 20 and bag.types[f"/{front.topic}"] == messages.COMPRESSED
    assert bag.facts["image_jpeg_quality"] == 90
    images = cached_images(bag, f"/{front.topic}", front)
    assert images.malformed == 0 and images.stamps_ns.tolist() == [10**9 + k * STEP_NS for k in range(20)]
    for k in range(20):
        raw = decoded_image(serialized_image(0, "front", np.roll(pixels, k, axis=1)), front)
        assert np.abs(raw.astype(int) - images.frames[k]).mean() < 4
    node.close()
