# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cameras of the contract for people: their images as the policy sees them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from il_ros.core import messages, topics
from il_ros.core.contract import ImageComponent
from il_ros.core.errors import MessageError
from il_ros.core.messages import CameraBuffer
from il_ros.core.types import RobotState
from il_ros.ros.node_base import IlNode
from il_ros.web_ui.camera_image import CameraImage, heat
from il_ros.web_ui.pictures import Pictures

VIEW_S = 0.09
"""How often, at most, a camera's image is handed out: ten times a second of a camera at 10 or 30 Hz."""


class CameraView:
    """One camera: it decodes an image now and then while somebody watches, and keeps the stamp of each."""

    def __init__(self, part: ImageComponent) -> None:
        self.part, self.buffer = part, CameraBuffer(part)
        self.map = ImageComponent(part.name, topics.attention(part).name, width=part.width, height=part.height)
        """What the images are that show the policy's attention."""
        self.newest_ns: int | None = None
        """The stamp of the newest image."""
        self.viewed_ns = 0
        """When one was handed out last, by the steady clock."""
        self.refused = ""
        """Why an image cannot be read."""

    def fault(self, reading: RobotState | None) -> str:
        """Return what is wrong with the camera, in a few words; empty if all is well.

        Args:
            reading: the newest of the arm.
        """
        if self.refused or self.newest_ns is None:
            return self.refused or "no image yet"
        if reading is None:
            return ""
        age_ns = reading.stamp_ns - self.newest_ns
        if age_ns > self.part.stale_ns:
            return f"stale: no image for {age_ns / 1e9:.1f} s"
        seen = np.concatenate([reading.joint_positions, reading.tool_position])
        return "frozen: the same image while the arm moves" if self.buffer.is_frozen(seen) else ""


class CameraViews:
    """Shows the cameras of a node's contract, and what the policy attends to in their images.

    Args:
        node: which subscribes.
        pictures: where they are shown.
        is_watched: whether somebody looks; otherwise nothing is decoded.
    """

    def __init__(self, node: IlNode[Any], pictures: Pictures, is_watched: Callable[[], bool]) -> None:
        self._node, self._pictures, self._is_watched = node, pictures, is_watched
        self._views = {part.name: CameraView(part) for part in node.contract.images}
        for view in self._views.values():
            node.subscribe_raw(topics.camera(view.part), partial(self._on_image, view))
            node.subscribe_raw(topics.attention(view.part), partial(self._on_attention, view))

    def _on_image(self, view: CameraView, data: bytes, _: Any) -> None:
        view.newest_ns = messages.serialized_stamp_ns(data)
        now_ns = self._node.now_ns()
        if not self._is_watched() or now_ns - view.viewed_ns < VIEW_S * 1e9:
            return
        if now_ns - view.viewed_ns > 2e9:
            view.buffer = CameraBuffer(view.part)  # nobody has looked meanwhile: whether it was frozen is not known
        view.viewed_ns, view.refused = now_ns, ""
        try:
            pixels = messages.decoded_image(data, view.part)
            view.buffer.add(messages.serialized_stamp_ns(data), pixels)
            self._pictures.show(CameraImage.from_pixels(pixels), view.part.name)
        except MessageError as error:
            view.refused = str(error)
            raise

    def _on_attention(self, view: CameraView, data: bytes, _: Any) -> None:
        if self._pictures.show_attention:
            levels = messages.decoded_image(data, view.map)[..., 0]
            self._pictures.show(CameraImage.from_pixels(heat(levels)), view.part.name, attention=True)

    def faults(self, reading: RobotState | None) -> dict[str, str]:
        """Return what is wrong with each camera, by its name in the contract; empty where all is well."""
        return {name: view.fault(reading) for name, view in self._views.items()}
