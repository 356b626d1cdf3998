# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A camera's picture, as a browser can show it."""

from __future__ import annotations

from dataclasses import dataclass

from il_ros.core.errors import MessageError

LARGEST = 4 * 1024 * 1024
"""Bytes of a picture, at most."""
KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""What it begins with, and what that is called on the web."""


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
