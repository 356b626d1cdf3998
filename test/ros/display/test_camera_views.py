# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is wrong with a camera, as people are shown it."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from il_ros.core import messages
from il_ros.core.contract import ImageComponent
from il_ros.core.errors import MessageError
from il_ros.core.types import RobotState
from il_ros.ros.display.camera_views import CameraViews

FRONT = ImageComponent("front", "front/image_raw", width=6, height=4, rate_hz=10.0)
STEP_NS = 50_000_000


class Watched:
    """The cameras of a node that somebody watches; time goes on by a step with each reading."""

    def __init__(self, reading):
        self.receive, self.shown, self.is_watched, self.decoded = {}, [], True, 0
        self.now_ns, self.reading = 10**12, reading
        node = SimpleNamespace(
            contract=SimpleNamespace(images=(FRONT,)),
            subscribe_raw=lambda topic, callback: self.receive.update({topic.name: callback}),
            now_ns=lambda: self.now_ns,
        )
        pictures = SimpleNamespace(show=lambda *told, **more: self.shown.append((*told, *more)), show_attention=False)
        self.views, self.pictures = CameraViews(node, pictures, lambda: self.is_watched), pictures

    def image(self, value, stamp_ns=None):
        pixels = np.full((4, 6, 3), value, np.uint8)
        stamp_ns = self.reading.stamp_ns if stamp_ns is None else stamp_ns
        self.receive["front/image_raw"](messages.serialized_image(stamp_ns, "front", pixels), {})

    def step(self, moves=0.0):
        self.now_ns += STEP_NS
        joints = self.reading.joint_positions + moves
        stamp_ns = self.reading.stamp_ns + STEP_NS
        self.reading = dataclasses.replace(self.reading, stamp_ns=stamp_ns, joint_positions=joints)
        return self.views.faults(self.reading)["front"]


@pytest.fixture
def watched():
    none = np.zeros(3)
    return Watched(RobotState(10**9, np.zeros(7), np.zeros(7), none, np.array([0.0, 0.0, 0.0, 1.0]), none[None]))


def test_a_camera_is_stale_once_the_policy_has_no_image_of_it(watched):
    assert watched.step() == "no image yet"
    watched.image(1)
    faults = [watched.step() for _ in range(8)]
    assert faults[:6] == [""] * 6 and faults[6:] == ["stale: no image for 0.3 s", "stale: no image for 0.4 s"]
    watched.image(2)
    assert watched.step() == ""


def test_a_camera_is_frozen_if_its_image_stays_while_the_arm_moves(watched):
    for moves in (0.0, 0.01):
        for _ in range(30):
            watched.image(1)
            fault = watched.step(moves)
        assert fault == ("frozen: the same image while the arm moves" if moves else "")
    watched.image(2)
    assert watched.step(0.01) == ""


def test_ten_images_a_second_are_shown_and_none_while_nobody_watches(watched):
    for step in range(40):
        watched.image(step)
        watched.step()
    assert len(watched.shown) == 20 and {told[1] for told in watched.shown} == {"front"}
    watched.is_watched = False
    for _ in range(40):
        watched.image(1)
        assert watched.step(0.01) == "", "stamps are followed all the same, and nothing is frozen that is not looked at"
    assert len(watched.shown) == 20


def test_an_image_that_cannot_be_read_is_told_until_one_can(watched):
    with pytest.raises(MessageError, match="'front'"):
        watched.receive["front/image_raw"](messages.serialized_image(10**9, "front", np.zeros((0, 0, 3), np.uint8)), {})
    assert "'front'" in watched.step()
    watched.step()
    watched.image(1)
    assert watched.step() == ""


@pytest.mark.parametrize("asked", [True, False])
def test_what_the_policy_attends_to_is_shown_to_who_asks(watched, asked):
    watched.pictures.show_attention = asked
    levels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    watched.receive["policy/attention/front"](messages.serialized_image(10**9, "front", levels), {})
    assert len(watched.shown) == asked
