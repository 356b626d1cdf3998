# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Somebody who listens to a graph for a moment, whatever qualities of service its publishers offer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from il_ros.core.errors import ConfigError
from il_ros.ros import topics
from il_ros.ros.client.node import ClientNode

ANY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
"""What every publisher can serve."""
CONNECTED_S = 4.0
"""How long a publisher that is known may take to connect."""


class TopicSampler(ClientNode):
    """Hears some topics for some seconds; use as a context manager."""

    def __init__(self) -> None:
        super().__init__("listener", enable_rosout=False, start_parameter_services=False)

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Let messages in until ``done``, or until the time is over."""
        limit = time.monotonic() + seconds
        while not done() and time.monotonic() < limit:
            self.let_in()

    def types(self) -> dict[str, str]:
        """The type of every topic that somebody publishes, by its full name."""
        named = dict(self.get_topic_names_and_types())
        return {name: kinds[0] for name, kinds in named.items() if self.count_publishers(name)}

    def listen(self, wanted: Mapping[str, str], seconds: float) -> list[tuple[str, int, Any]]:
        """``(topic, steady time in ns, message)`` of all that comes; ``wanted`` maps full names to message types.

        The seconds are counted once somebody is connected to each topic.
        """
        heard: list[tuple[str, int, Any]] = []

        def keeper(name: str) -> Callable[[Any], None]:
            return lambda message: heard.append((name, time.monotonic_ns(), message))

        made = []
        for name, kind in wanted.items():
            try:
                made.append(self.create_subscription(topics.message_class(kind), name, keeper(name), ANY))
            except ConfigError as error:
                self.get_logger().warning(f"{name} cannot be heard: {error}")
        self.wait(lambda: all(each.get_publisher_count() for each in made), CONNECTED_S)
        self.wait(lambda: False, seconds)
        return heard
