# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The camera node: renders pictures of the simulated arm for the web interface; a real camera's driver replaces it.

It draws the state that the arm's topics report. Drawing takes longer than a control step, so it is no part of the
simulation but a process of its own.

When things fail: while nobody looks it draws nothing. An arm that is silent is shown as it was last. A state that
cannot be drawn is reported.
"""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass
from typing import Any

from PIL import Image
from sensor_msgs.msg import CompressedImage

from il_ros.core import messages, topics
from il_ros.ros import codecs
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run
from il_ros.sim.env import ArmEnv

QUALITY = 80
"""Of JPEG, from 1 to 95."""


@dataclass(frozen=True)
class CameraParameters(NodeParameters):
    """Parameters of the camera node."""

    task: str = param("fork", "task whose scene is drawn", read_only=True)
    picture_hz: float = param(5.0, "pictures a second; each takes some 50 ms of a core", (0.1, 30.0), read_only=True)
    width: int = param(320, "of a picture, pixels", (16, 1920), read_only=True)
    height: int = param(240, "of a picture, pixels", (16, 1080), read_only=True)


class CameraNode(IlNode[CameraParameters]):
    """Publishes pictures while somebody subscribes to them."""

    def __init__(self) -> None:
        super().__init__("camera_node", CameraParameters)
        self._env = ArmEnv(self.parameters.task, self.contract)
        self._latest: dict[str, Any] = {}
        self._message = CompressedImage(format="jpeg")
        self._message.header.frame_id = "camera"
        self._topic = self.publisher(topics.CAMERA)
        for topic in topics.READING:
            keep = lambda stamped, name=topic.name: self._latest.update({name: stamped[1]})  # noqa: E731
            self.read(codecs.whole(self.contract, topic._replace(qos=topics.QosKind.LATEST)), keep)
        self.every(1.0 / self.parameters.picture_hz, self._look)
        self.start()

    def _look(self) -> None:
        """Publish a picture of the present state; the last picture again if nothing has moved."""
        if self._topic.get_subscription_count() == 0 or len(self._latest) < len(topics.READING):
            return
        reading = messages.reading_from(self._latest)
        if reading.stamp_ns != messages.stamp_ns(self._message):
            self._env.pose(reading)
            jpeg = io.BytesIO()
            picture = self._env.render(self.parameters.width, self.parameters.height)
            Image.fromarray(picture).save(jpeg, "JPEG", quality=QUALITY)
            self._message.data = array("B", jpeg.getvalue())
            messages.set_stamp(self._message, reading.stamp_ns)
        self._topic.publish(self._message)

    def close(self) -> None:
        """Close the simulation."""
        self._env.close()
        super().close()


def main() -> int:
    """Run the node; the entry point."""
    return run(CameraNode)


if __name__ == "__main__":
    raise SystemExit(main())
