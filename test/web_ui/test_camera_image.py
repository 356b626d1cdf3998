# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a camera may send."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from il_ros.core.errors import MessageError
from il_ros.web_ui.camera_image import LARGEST, CameraImage


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_jpeg_and_png_are_known_by_what_they_are_not_by_what_is_told(kind):
    data = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(data, kind)
    assert CameraImage.from_bytes(data.getvalue(), "rgb8; whatever").kind == f"image/{kind}"


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x01\x67", b"<svg onload='alert(1)'/>", b"GIF89a"])
def test_anything_else_is_refused_with_the_remedy(data):
    with pytest.raises(MessageError, match="format 'h264' is neither JPEG nor PNG; let its driver send"):
        CameraImage.from_bytes(data, "h264")


def test_a_picture_that_is_too_large_is_refused_with_the_limit():
    data = b"\xff\xd8\xff".ljust(LARGEST, b"\0")
    assert CameraImage.from_bytes(data, "jpeg").data == data
    with pytest.raises(MessageError, match=f"has {LARGEST + 1} bytes, where {LARGEST} are the limit; make"):
        CameraImage.from_bytes(data + b"\0", "jpeg")
