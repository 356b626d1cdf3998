# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Simulated cameras: images and calibration of those that the contract names, each at its own rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import CameraInfo

from il_ros.core import messages, topics
from il_ros.core.contract import ImageComponent
from il_ros.core.types import Array
from il_ros.ros.node_base import IlNode

Draw = Callable[[str, tuple[int, int]], Array]
"""Returns the image (H, W, 3) uint8 of the camera of a name, of this width and height."""
Calibrate = Callable[[str, tuple[int, int]], Array]
"""Returns the intrinsic matrix (3, 3) of the camera of a name for images of this width and height, pixels."""


class SimulatedCameras:
    """Publishes the cameras of a node's contract.

    Args:
        node: which publishes.
        draw: takes an image now.
        calibrate: tells what lens it was taken with.
    """

    def __init__(self, node: IlNode[Any], draw: Draw, calibrate: Calibrate) -> None:
        self._step_ns, self._draw = node.contract.step_ns, draw
        self._cameras = [
            (part, node.publisher(topics.camera(part)), node.publisher(info), _calibration(part, calibrate))
            for part in node.contract.images
            for info in [topics.camera_info(part)]
        ]

    def publish(self, first_ns: int, stamp_ns: int) -> None:
        """Take and publish the images that are due at a step.

        Args:
            first_ns: the stamp of the episode's first step.
            stamp_ns: that of the step.
        """
        for part, images, calibrations, calibration in self._cameras:
            if messages.due_ns(part, first_ns, stamp_ns, self._step_ns) < stamp_ns:
                continue
            pixels = self._draw(part.name, messages.published_size(part))
            write = messages.serialized_png if part.type == messages.COMPRESSED else messages.serialized_image
            images.publish(write(stamp_ns, part.name, pixels))
            messages.set_stamp(calibration, stamp_ns)
            calibrations.publish(calibration)


def _calibration(part: ImageComponent, calibrate: Calibrate) -> CameraInfo:
    """Return the calibration of a camera without distortion."""
    width, height = messages.published_size(part)
    lens = calibrate(part.name, (width, height))
    message = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
    message.header.frame_id = part.name
    message.k = lens.ravel().tolist()  # as plain floats: rclpy scrambles a matrix
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [number for row in lens.tolist() for number in (*row, 0.0)]
    return message
