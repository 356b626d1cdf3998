# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Twists from outside of the graph, as the driver of a device publishes them: for ``il-ros keys``."""

from __future__ import annotations

from typing import Any

import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.utilities import try_shutdown

from il_ros.core.topics import TWIST
from il_ros.ros.qos import PROFILES


class TwistPublisher:
    """Publishes velocities of the tool; a context manager."""

    def __init__(self, namespace: str = "") -> None:
        rclpy.init()
        self._node = rclpy.create_node("keys", namespace=namespace)
        self._topic = self._node.create_publisher(TwistStamped, TWIST.name, PROFILES[TWIST.qos])
        self._message = TwistStamped()

    @property
    def topic(self) -> str:
        """The topic's full name."""
        return str(self._topic.topic_name)

    def say(self, velocity: tuple[float, float, float]) -> None:
        """Publish a velocity, m/s in the base frame."""
        linear = self._message.twist.linear
        linear.x, linear.y, linear.z = velocity
        self._message.header.stamp = self._node.get_clock().now().to_msg()
        self._topic.publish(self._message)

    def __enter__(self) -> TwistPublisher:
        return self

    def __exit__(self, *error: Any) -> None:
        try_shutdown()
