# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Somebody who is no part of a graph: a node with an executor of its own, gone without a trace at the end."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from il_ros.ros import spin

N = TypeVar("N", bound="ClientNode")


class ClientNode(Node):
    """Lets messages in when it waits, and only then; use as a context manager."""

    def __init__(self, name: str, **options: Any) -> None:
        if not rclpy.ok():
            rclpy.init()
        super().__init__(name, **options)
        self._executor = spin.make()
        self._executor.add_node(self)

    def let_in(self) -> None:
        """Let messages in for a moment."""
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
        rclpy.try_shutdown()
