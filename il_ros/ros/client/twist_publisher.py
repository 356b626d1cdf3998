# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Twists from outside of the graph, as the driver of a device publishes them: for ``il-ros keys``."""

from __future__ import annotations

from typing import Any

import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.utilities import try_shutdown
from std_msgs.msg import Float64

from il_ros.core.topics import HAND_GRIPPER, TWIST
from il_ros.ros.qos import PROFILES


class TwistPublisher:
    """Publishes velocities of the tool, and how far the gripper is to close; a context manager."""

    def __init__(self, namespace: str = "") -> None:
        rclpy.init()
        self._node = rclpy.create_node("keys", namespace=namespace)
        self._topic = self._node.create_publisher(TwistStamped, TWIST.name, PROFILES[TWIST.qos])
        self._gripper = self._node.create_publisher(Float64, HAND_GRIPPER.name, PROFILES[HAND_GRIPPER.qos])
        self._message = TwistStamped()

    @property
    def topic(self) -> str:
        """The topic's full name."""
        return str(self._topic.topic_name)

    def say(self, velocity: tuple[float, float, float, float]) -> None:
        """Publish a velocity along x, y and z, m/s in the base frame, and about z, rad/s."""
        linear = self._message.twist.linear
        linear.x, linear.y, linear.z, self._message.twist.angular.z = velocity
        self._message.header.stamp = self._node.get_clock().now().to_msg()
        self._topic.publish(self._message)

    def grip(self, share: float) -> None:
        """Publish how far the gripper is to close, from 0 to 1."""
        self._gripper.publish(Float64(data=share))

    def __enter__(self) -> TwistPublisher:
        return self

    def __exit__(self, *error: Any) -> None:
        try_shutdown()
