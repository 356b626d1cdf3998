# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Qualities of service: the profile of each kind in the table of topics, and what other publishers offer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from il_ros.core.errors import ConfigError
from il_ros.core.topics import QosKind, Topic
from il_ros.ros.message_types import message_class

OVERRIDABLE = QoSOverridingOptions(
    (QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY, QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)
)
"""What a parameter ``qos_overrides.<topic>.<publisher or subscription>.<policy>`` may set for a topic."""


def _profile(depth: int, reliability: ReliabilityPolicy, durability: DurabilityPolicy) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability)


STREAM = _profile(100, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
LATCHED = _profile(1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
LATCHED_SUBSCRIBER = _profile(16, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
RECORDER = _profile(10_000, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
LATEST = _profile(1, ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)
LATEST_OF_SEVERAL = _profile(16, ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)
IMAGE = _profile(32, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
CAMERA = _profile(256, ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
ANY_PUBLISHER = _profile(1000, ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)
"""A subscriber's profile that is compatible with every publisher."""
PROFILES = {
    QosKind.STREAM: STREAM,
    QosKind.LATCHED: LATCHED,
    QosKind.LATCHED_SUBSCRIBER: LATCHED_SUBSCRIBER,
    QosKind.RECORDER: RECORDER,
    QosKind.LATEST: LATEST,
    QosKind.LATEST_OF_SEVERAL: LATEST_OF_SEVERAL,
    QosKind.IMAGE: IMAGE,
    QosKind.CAMERA: CAMERA,
}
"""``core.topics.QosKind`` documents what each kind is for."""


def connect(create: Callable[..., Any], topic: Topic, *callback: Callable[..., None], **options: Any) -> Any:
    """Make a publisher or a subscription with the topic's quality of service, which parameters may override.

    Args:
        create: the method of a node that makes it.
        topic: the row of the table.
        callback: of a subscription.
        options: passed on to ``create``.

    Raises:
        ConfigError: if the topic's name or an override is invalid.
    """
    qos = copy.copy(PROFILES[topic.qos])  # rclpy writes the overrides into it
    kind = message_class(topic.type_name)
    try:
        return create(kind, topic.name, *callback, qos, qos_overriding_options=OVERRIDABLE, **options)
    except (RuntimeError, ValueError, AssertionError, ParameterException) as error:
        raise ConfigError(f"topic {topic.name!r}: {error}; look at its name and its qos_overrides") from error


def offered(node: Node, topic: str) -> list[dict[str, Any]]:
    """Return the profile of every known publisher of ``topic``, each once; discovery has neither history nor depth."""
    profiles = [described(info.qos_profile) for info in node.get_publishers_info_by_topic(topic)]
    return [profile for n, profile in enumerate(profiles) if profile not in profiles[:n]]


def described(profile: QoSProfile) -> dict[str, Any]:
    """Return a profile as ``metadata.yaml`` version 9 and the channels of an MCAP file hold it."""
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
