# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Twists from outside of the graph, as a driver of a device speaks them: for ``il-ros keys``."""

from __future__ import annotations

from typing import Any

import rclpy
from geometry_msgs.msg import TwistStamped

from il_ros.nodes import interface


class Speaker:
    """Publishes velocities of the tool; a context manager."""

    def __init__(self, namespace: str = "") -> None:
        rclpy.init()
        self._node = rclpy.create_node("keys", namespace=namespace)
        topic = interface.TWIST
        self._topic = self._node.create_publisher(interface.message_class(topic.type_name), topic.name, topic.qos)
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

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *error: Any) -> None:
        rclpy.try_shutdown()
