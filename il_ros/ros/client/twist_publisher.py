# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Twists from outside of the graph, as a driver of a device speaks them: for ``il-ros keys``."""

from __future__ import annotations

from typing import Any

import rclpy
from geometry_msgs.msg import TwistStamped

from il_ros.ros import topics


class TwistPublisher:
    """Publishes velocities of the tool; a context manager."""

    def __init__(self, namespace: str = "") -> None:
        rclpy.init()
        self._node = rclpy.create_node("keys", namespace=namespace)
        topic = topics.TWIST
        self._topic = self._node.create_publisher(topics.message_class(topic.type_name), topic.name, topic.qos)
        self._message = TwistStamped()

    @property
    def topic(self) -> str:
        """Where it is heard."""
        return str(self._topic.topic_name)

    def say(self, velocity: tuple[float, float, float]) -> None:
        """Speak a velocity, m/s in the base frame."""
        linear = self._message.twist.linear
        linear.x, linear.y, linear.z = velocity
        self._message.header.stamp = self._node.get_clock().now().to_msg()
        self._topic.publish(self._message)

    def __enter__(self) -> TwistPublisher:
        return self

    def __exit__(self, *error: Any) -> None:
        rclpy.try_shutdown()
