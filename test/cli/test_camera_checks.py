# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The doctor's look at cameras: what they cost here, and whether what is published is what the contract says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from il_ros.cli import main
from il_ros.cli.checks import cameras as camera_checks
from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.messages import COMPRESSED, IMAGE, jpeg_of_image, serialized_image

FRONT = ImageComponent("front", "front/image_raw", width=48, height=32, crop=(8, 0, 48, 32), rate_hz=10.0)


def images(rate_hz, count=10, size=(32, 64)):
    return [serialized_image(round(k * 1e9 / rate_hz), "front", np.zeros((*size, 3), np.uint8)) for k in range(count)]


@pytest.mark.parametrize("kind", [IMAGE, COMPRESSED])
def test_images_of_the_contracts_rate_and_size_are_well(kind):
    part = dataclasses.replace(FRONT, type=kind)
    sent = [jpeg_of_image(data, 90) if kind == COMPRESSED else data for data in images(10.0)]
    check = camera_checks.judged(part, "/front/image_raw", kind, sent)
    assert check.status == "ok" and "10.0 images/s of 10, 64 x 32 rgb8" in check.found


@pytest.mark.parametrize(
    ("kind", "sent", "status", "says"),
    [
        ("", [], "info", "nobody publishes /front"),
        (COMPRESSED, [], "fail", "set type: sensor_msgs/msg/CompressedImage"),
        (IMAGE, [], "fail", "0 images came"),
        (IMAGE, images(5.0), "warn", "set rate_hz: 5"),
        (IMAGE, images(10.0, size=(16, 16)), "fail", "reaches beyond it"),
        (IMAGE, [b"\0\1\0\0", b""], "fail", "are no sensor_msgs/msg/Image"),
        (IMAGE, images(10.0)[:1] * 9, "warn", "0.0 images/s"),
    ],
)
def test_whatever_differs_from_the_contract_is_told_with_a_remedy(kind, sent, status, says):
    check = camera_checks.judged(FRONT, "/front/image_raw", kind, sent)
    assert check.status == status and says in f"{check.found} {check.remedy}"
    assert check.remedy or status == "info"


def test_costs_are_told_and_judged(monkeypatch, tmp_path):
    assert "64 x 32 to 48 x 32" in camera_checks.decoding(FRONT).found
    monkeypatch.setattr(camera_checks, "_processor_s", lambda act: 0.03)
    assert camera_checks.decoding(FRONT).status == "warn" and camera_checks.decoding(FRONT).remedy
    contract = dataclasses.replace(Contract.load("panda_plane"), images=(FRONT,))
    monkeypatch.setattr(camera_checks, "_written_s", lambda path: 1.0)
    assert camera_checks.disk(contract, tmp_path).status == "ok"
    monkeypatch.setattr(camera_checks, "_written_s", lambda path: 1e4)
    assert camera_checks.disk(contract, tmp_path).status == "warn"
    assert list(tmp_path.iterdir()) == []


def test_a_camera_is_drawn_where_the_simulation_has_it():
    contract = dataclasses.replace(Contract.load("panda_reach"), images=(FRONT,))
    assert "ms" in camera_checks.drawing(contract, FRONT).found
    other = dataclasses.replace(FRONT, name="ceiling")
    assert camera_checks.drawing(contract, other).status == "info"


def test_a_contract_that_cannot_be_read_is_refused(capsys):
    assert main(["doctor", "--contract", "nowhere.yaml"]) == 2
    assert "nowhere" in capsys.readouterr().err
