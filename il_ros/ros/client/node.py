# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node outside of the graph, with an executor of its own, that leaves the graph without a trace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.utilities import ok, try_shutdown

from il_ros.core.topics import Topic
from il_ros.ros.message_types import message_class
from il_ros.ros.qos import PROFILES
from il_ros.ros.rclpy_internals.events_executor import make_executor
from il_ros.ros.rclpy_internals.message_info import MessageInfo, with_info

N = TypeVar("N", bound="ClientNode")


class ClientNode(Node):
    """Receives messages while it waits, and only then; use as a context manager."""

    def __init__(self, name: str, **options: Any) -> None:
        if not ok():
            rclpy.init()
        super().__init__(name, **options)
        self._executor = make_executor()
        self._executor.add_node(self)

    def let_in(self) -> None:
        """Receive messages for a moment."""
        try:
            self._executor.spin_once(timeout_sec=0.02)
        except ExternalShutdownException:
            time.sleep(1.0)  # a signal has ended rclpy, and becomes an exception of Python's a moment later
            raise

    def __enter__(self: N) -> N:
        return self

    def __exit__(self, *error: Any) -> None:
        self._executor.shutdown()  # removing its nodes is not enough: the events executor would keep them in the graph
        self.destroy_node()
        try_shutdown()


def subscribe_raw(node: Node, topic: Topic, callback: Callable[[bytes, MessageInfo], None]) -> Any:
    """Subscribe with any node to the serialized messages of a topic and what the middleware knows of them."""
    kind = message_class(topic.type_name)
    return node.create_subscription(kind, topic.name, with_info(callback), PROFILES[topic.qos], raw=True)
