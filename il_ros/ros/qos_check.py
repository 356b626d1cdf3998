# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Peers with an incompatible type or quality of service, and topics with several publishers.

The middleware reports neither. What discovery knows of the peers is compared only where fewer of them are connected
than exist, or more than one publishes, so that a healthy graph costs nothing.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible

from il_ros.core.topics import Topic

STRICTEST = {"reliability": ReliabilityPolicy.RELIABLE, "durability": DurabilityPolicy.TRANSIENT_LOCAL}
"""The policies of which more can be requested than is offered, and the value that nothing else satisfies."""
DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
ENDLESS = Duration(nanoseconds=2**63 - 1)
Ends = Iterable[tuple[Topic, Any]]
"""Publishers or subscriptions, each with its topic of the table."""


def mismatches(node: Node, publishers: Ends, subscriptions: Ends) -> list[str]:
    """Return a complaint for each peer that cannot be connected with one of our publishers or subscriptions."""
    complaints = []
    for topic, ours in subscriptions:
        name = ours.topic_name
        if ours.get_publisher_count() < node.count_publishers(name):
            for peer in node.get_publishers_info_by_topic(name):
                wrong = _wrong(topic, peer, peer.qos_profile, ours.qos_profile, f"qos_overrides.{name}.subscription")
                complaints += [f"{_name(peer)} is not received on {name}: {text}" for text in wrong]
    for topic, ours in publishers:
        name = ours.topic_name
        if ours.get_subscription_count() < node.count_subscribers(name):
            for peer in node.get_subscriptions_info_by_topic(name):
                wrong = _wrong(topic, peer, ours.qos_profile, peer.qos_profile, f"qos_overrides.{name}.publisher")
                complaints += [f"{_name(peer)} does not receive {name}: {text}" for text in wrong]
    return complaints


def crowds(node: Node, ends: Ends, running: Callable[[str], int | None]) -> list[tuple[Topic, str, list[str]]]:
    """Return the topics of ``ends`` that have several publishers: row of the table, full name, and who they are.

    Args:
        node: whose discovery is used.
        ends: publishers and subscriptions, whose topics are checked.
        running: how many nodes of a name are known to run, or None: discovery lists one that was killed for 20 s more.
    """
    crowded = []
    for name, topic in {ours.topic_name: topic for topic, ours in ends}.items():
        if node.count_publishers(name) < 2:
            continue
        listed = Counter(_name(peer) for peer in node.get_publishers_info_by_topic(name))
        counts = {who: count if (known := running(who[1:])) is None else known for who, count in listed.items()}
        if sum(counts.values()) > 1:
            names = [who if count == 1 else f"{who} ({count} times)" for who, count in sorted(counts.items()) if count]
            crowded.append((topic, name, names))
    return crowded


def full_name(name: str, namespace: str) -> str:
    """Return the name of a node as diagnostics contain it."""
    return f"{namespace.rstrip('/')}/{name}"[1:]


def _name(peer: Any) -> str:
    return f"/{full_name(peer.node_name, peer.node_namespace)}"


def _resolved(qos: QoSProfile) -> QoSProfile:
    """Return the same profile with endless durations where none is set, as discovery gives those of peers."""
    resolved = copy.copy(qos)
    for name in DURATIONS:
        if getattr(resolved, name).nanoseconds == 0:
            setattr(resolved, name, ENDLESS)
    return resolved


def _wrong(topic: Topic, peer: Any, offered: QoSProfile, requested: QoSProfile, override: str) -> list[str]:
    """Return what is wrong between one of ours and one peer, and the remedy."""
    if peer.topic_type != topic.type_name:
        return [f"its type is {peer.topic_type}, ours {topic.type_name}; remap one of them to another topic"]
    compatibility, reason = qos_check_compatible(_resolved(offered), _resolved(requested))
    if compatibility != QoSCompatibility.ERROR:
        return []
    complaints = []
    for policy, strictest in STRICTEST.items():
        offer, request = getattr(offered, policy), getattr(requested, policy)
        if request == strictest != offer:
            ours = offer if override.endswith("subscription") else request
            remedy = f"set {override}.{policy} to {ours.name.lower()}, or change that node"
            complaints.append(f"{policy} {offer.name.lower()} is offered, {request.name.lower()} requested; {remedy}")
    return complaints or [f"{reason.strip(' ;')}; change that node"]
