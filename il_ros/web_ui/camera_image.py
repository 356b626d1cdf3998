# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A camera's picture, as a browser can show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from il_ros.core import messages
from il_ros.core.errors import MessageError
from il_ros.core.types import Array

LARGEST = 4 * 1024 * 1024
"""Bytes of a picture, at most."""
KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""What it begins with, and what that is called on the web."""
_HEAT = np.array([[40, 0, 90, 0], [120, 20, 120, 60], [225, 60, 60, 140], [255, 150, 20, 190], [255, 240, 110, 215]])
HEAT: Array = (
    np.stack([np.interp(np.arange(256), np.linspace(0, 255, len(_HEAT)), channel) for channel in _HEAT.T], axis=1)
    .round()
    .astype(np.uint8)
)
"""Red, green, blue and opacity of each level."""


@dataclass(frozen=True)
class CameraImage:
    """A JPEG or a PNG."""

    data: bytes
    kind: str

    @classmethod
    def from_bytes(cls, data: bytes, image_format: str) -> CameraImage:
        """Take what a camera sent; ``image_format`` is the format field of its message.

        Raises:
            MessageError: if it is neither, or too large to be sent to a page again and again.
        """
        if len(data) > LARGEST:
            raise MessageError(
                f"the camera's picture has {len(data)} bytes, where {LARGEST} are the limit; make its pictures smaller"
            )
        for beginning, kind in KINDS.items():
            if data.startswith(beginning):
                return cls(data, kind)
        raise MessageError(
            f"the camera's picture of format {image_format!r:.80} is neither JPEG nor PNG; let its driver "
            "send one of these"
        )

    @classmethod
    def from_pixels(cls, pixels: Array) -> CameraImage:
        """Take pixels (H, W, 3), RGB, or (H, W, 4), RGB and opacity, uint8; nothing of them is lost."""
        return cls(messages.packed_image(pixels), "image/png")


def heat(levels: Array) -> Array:
    """Return levels (H, W) uint8 as colours (H, W, 4) to lay over a picture; 0 is transparent."""
    colours: Array = HEAT[levels]
    return colours
