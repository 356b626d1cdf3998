# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The qualities of service that publishers offer, in the words of rosbag2."""

from __future__ import annotations

from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile


def offered(node: Node, topic: str) -> list[dict[str, Any]]:
    """The profile of every publisher of ``topic`` that is known, each once; discovery tells no history and depth."""
    profiles = [described(info.qos_profile) for info in node.get_publishers_info_by_topic(topic)]
    return [profile for n, profile in enumerate(profiles) if profile not in profiles[:n]]


def described(profile: QoSProfile) -> dict[str, Any]:
    """A profile as ``metadata.yaml`` version 9 and the channels of an MCAP file hold it."""
    return {
        "history": profile.history.name.lower(),
        "depth": profile.depth,
        "reliability": profile.reliability.name.lower(),
        "durability": profile.durability.name.lower(),
        "deadline": _parts(profile.deadline),
        "lifespan": _parts(profile.lifespan),
        "liveliness": profile.liveliness.name.lower(),
        "liveliness_lease_duration": _parts(profile.liveliness_lease_duration),
        "avoid_ros_namespace_conventions": profile.avoid_ros_namespace_conventions,
    }


def _parts(duration: Duration) -> dict[str, int]:
    sec, nsec = divmod(duration.nanoseconds, 1_000_000_000)
    return {"sec": sec, "nsec": nsec}
