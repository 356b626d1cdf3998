# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A client that receives topics of a graph for some seconds, whatever quality of service its publishers offer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from il_ros.core.errors import ConfigError
from il_ros.ros.client.node import ClientNode
from il_ros.ros.message_types import message_class
from il_ros.ros.qos import ANY_PUBLISHER

CONNECTED_S = 4.0
"""How long a publisher that is known may take to connect."""


class TopicSampler(ClientNode):
    """Receives some topics for some seconds; use as a context manager."""

    def __init__(self) -> None:
        super().__init__("listener", enable_rosout=False, start_parameter_services=False)

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Receive messages until ``done``, or until the time is over."""
        limit = time.monotonic() + seconds
        while not done() and time.monotonic() < limit:
            self.let_in()

    def types(self) -> dict[str, str]:
        """Return the type of every topic that has a publisher, by its full name."""
        named = dict(self.get_topic_names_and_types())
        return {name: kinds[0] for name, kinds in named.items() if self.count_publishers(name)}

    def listen(self, types: Mapping[str, str], seconds: float) -> list[tuple[str, int, Any]]:
        """Return ``(topic, steady time in ns, message)`` of all messages; ``types`` maps full names to message types.

        The seconds are counted once each topic has a publisher.
        """
        received: list[tuple[str, int, Any]] = []

        def keeper(name: str) -> Callable[[Any], None]:
            return lambda message: received.append((name, time.monotonic_ns(), message))

        subscriptions = []
        for name, kind in types.items():
            try:
                subscriptions.append(self.create_subscription(message_class(kind), name, keeper(name), ANY_PUBLISHER))
            except ConfigError as error:
                self.get_logger().warning(f"{name} cannot be received: {error}")
        self.wait(lambda: all(each.get_publisher_count() for each in subscriptions), CONNECTED_S)
        self.wait(lambda: False, seconds)
        return received
