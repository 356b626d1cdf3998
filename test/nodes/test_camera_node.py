# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The camera of the simulated arm shows what the arm's topics say, to who looks."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from geometry_msgs.msg import Pose
from PIL import Image
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from il_ros.core import messages, topics
from il_ros.core.types import Array, RobotState
from il_ros.nodes.camera_node import CameraNode
from il_ros.ros import qos
from il_ros.ros.message_types import message_class
from il_ros.ros.rclpy_internals.events_executor import make_executor
from il_ros.sim.env import ArmEnv

pytestmark = [pytest.mark.graph, pytest.mark.alone]


class Stage:
    """A camera, an arm whose readings the test publishes, and somebody who may look."""

    def __init__(self) -> None:
        self.camera, self.outside = CameraNode(), Node("outside")
        self.pictures: list[CompressedImage] = []
        self._topics = {
            t.name: self.outside.create_publisher(message_class(t.type_name), t.name, qos.PROFILES[t.qos])
            for t in topics.READING
        }
        self._executor = make_executor()
        self._executor.add_node(self.camera)
        self._executor.add_node(self.outside)

    def look(self) -> None:
        kind, topic = CompressedImage, topics.CAMERA.name
        self.outside.create_subscription(kind, topic, self.pictures.append, qos.LATEST)

    def say(self, reading: RobotState) -> None:
        told = {t.name: message_class(t.type_name)() for t in topics.READING}
        messages.fill_reading(told, reading, Pose)
        for name, topic in self._topics.items():
            topic.publish(told[name])

    def until(self, done: Callable[[], object], timeout_s: float = 20.0) -> None:
        limit = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < limit
            self._executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self._executor.shutdown()
        self.camera.close()
        self.outside.destroy_node()


@pytest.fixture
def stage(ros: Callable[..., None]) -> Iterator[Stage]:
    ros(task="avoid", picture_hz=20.0, width=160, height=120)
    made = Stage()
    yield made
    made.close()


@pytest.fixture
def arm() -> Iterator[ArmEnv]:
    made = ArmEnv("avoid")
    made.reset(seed=3)
    yield made
    made.close()


def seen(message: CompressedImage) -> Array:
    return np.asarray(Image.open(io.BytesIO(bytes(message.data))), dtype=np.float64)


def test_who_looks_sees_the_arm_and_the_posts_where_they_are(stage: Stage, arm: ArmEnv) -> None:
    first, drawn = arm.reading(), [arm.render(160, 120)]
    for _ in range(40):
        arm.advance(np.array([0.0, 0.2]))
    second = dataclasses.replace(arm.reading(), objects=first.objects + [0.0, 0.05, 0.0])
    arm.pose(second)
    drawn.append(arm.render(160, 120))
    stage.say(first)
    stage.until(lambda: len(stage.camera._latest) == 3)
    stage.until(lambda: stage.camera._topic.get_subscription_count() == 0)
    stage.camera._look()
    assert len(stage.camera._message.data) == 0  # nobody looks
    stage.look()
    for reading in (first, second):
        stage.say(reading)
        stage.until(lambda ns=reading.stamp_ns: stage.pictures and messages.stamp_ns(stage.pictures[-1]) == ns)
    told = [next(p for p in stage.pictures if messages.stamp_ns(p) == r.stamp_ns) for r in (first, second)]
    assert {picture.format for picture in told} == {"jpeg"} and seen(told[0]).shape == (120, 160, 3)
    error = [[np.abs(seen(picture) - truth).mean() for truth in drawn] for picture in told]
    assert np.diag(error).max() < 4.0 < error[0][1] and error[1][0] > 4.0  # each shows its own, but for JPEG's loss
    count = len(stage.pictures)
    stage.until(lambda: len(stage.pictures) > count)  # an arm that stands still is seen, too


def test_what_cannot_be_drawn_is_told_and_not_shown(stage: Stage, arm: ArmEnv) -> None:
    stage.look()
    reading = arm.reading()
    stage.say(dataclasses.replace(reading, joint_positions=np.full(7, np.nan)))
    stage.until(lambda: "needs a finite angle of each of" in stage.camera.complaint)
    stage.say(dataclasses.replace(reading, joint_names=tuple("abcdefg")))
    stage.until(lambda: "'g': " in stage.camera.complaint)
    stage.say(dataclasses.replace(reading, objects=np.full_like(reading.objects, np.inf)))
    stage.until(lambda: "must be at finite places" in stage.camera.complaint)
    assert stage.pictures == []
    stage.say(reading)
    stage.until(lambda: stage.pictures)
