# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who cannot hear whom, and who speaks where another one does.

The middleware lets peers whose type or quality of service does not go with ours stand side by side with us in silence,
and several publishers of one topic, too. What discovery knows of the peers is compared only where fewer of them are
connected than are there, or more than one publishes, so that nothing is spent on a healthy graph.
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
"""The policies of which more can be asked for than is offered, and of what nothing less will do if it is asked for."""
DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
ENDLESS = Duration(nanoseconds=2**63 - 1)
Ends = Iterable[tuple[Topic, Any]]
"""Publishers or subscriptions, each with its topic of the table."""


def mismatches(node: Node, publishers: Ends, subscriptions: Ends) -> list[str]:
    """A sentence for each peer that cannot hear one of ours, or that one of ours cannot hear."""
    found = []
    for topic, ours in subscriptions:
        name = ours.topic_name
        if ours.get_publisher_count() < node.count_publishers(name):
            for peer in node.get_publishers_info_by_topic(name):
                wrong = _wrong(topic, peer, peer.qos_profile, ours.qos_profile, f"qos_overrides.{name}.subscription")
                found += [f"{_name(peer)} is not heard on {name}: {words}" for words in wrong]
    for topic, ours in publishers:
        name = ours.topic_name
        if ours.get_subscription_count() < node.count_subscribers(name):
            for peer in node.get_subscriptions_info_by_topic(name):
                wrong = _wrong(topic, peer, ours.qos_profile, peer.qos_profile, f"qos_overrides.{name}.publisher")
                found += [f"{_name(peer)} does not hear {name}: {words}" for words in wrong]
    return found


def crowds(node: Node, ends: Ends, running: Callable[[str], int | None]) -> list[tuple[Topic, str, list[str]]]:
    """The topics of ``ends`` that have several publishers: row of the table, full name, and who they are.

    Args:
        node: through which discovery is asked.
        ends: publishers and subscriptions, whose topics are looked at.
        running: how many nodes of a name are known to run, or None: discovery lists one that was killed for 20 s more.
    """
    found = []
    for name, topic in {ours.topic_name: topic for topic, ours in ends}.items():
        if node.count_publishers(name) < 2:
            continue
        listed = Counter(_name(peer) for peer in node.get_publishers_info_by_topic(name))
        counts = {who: count if (known := running(who[1:])) is None else known for who, count in listed.items()}
        if sum(counts.values()) > 1:
            told = [who if count == 1 else f"{who} ({count} times)" for who, count in sorted(counts.items()) if count]
            found.append((topic, name, told))
    return found


def full_name(name: str, namespace: str) -> str:
    """The name of a node as diagnostics have it."""
    return f"{namespace.rstrip('/')}/{name}"[1:]


def _name(peer: Any) -> str:
    return f"/{full_name(peer.node_name, peer.node_namespace)}"


def _resolved(qos: QoSProfile) -> QoSProfile:
    """The same with durations that are endless where none is set, as discovery tells those of peers."""
    told = copy.copy(qos)
    for name in DURATIONS:
        if getattr(told, name).nanoseconds == 0:
            setattr(told, name, ENDLESS)
    return told


def _wrong(topic: Topic, peer: Any, offered: QoSProfile, asked: QoSProfile, override: str) -> list[str]:
    """What is wrong between one of ours and one peer, and the remedy."""
    if peer.topic_type != topic.type_name:
        return [f"its type is {peer.topic_type}, ours {topic.type_name}; remap one of them to another topic"]
    compatibility, reason = qos_check_compatible(_resolved(offered), _resolved(asked))
    if compatibility != QoSCompatibility.ERROR:
        return []
    found = []
    for policy, strictest in STRICTEST.items():
        there, wanted = getattr(offered, policy), getattr(asked, policy)
        if wanted == strictest != there:
            ours = there if override.endswith("subscription") else wanted
            remedy = f"set {override}.{policy} to {ours.name.lower()}, or change that node"
            found.append(f"{policy} {there.name.lower()} is offered, {wanted.name.lower()} asked for; {remedy}")
    return found or [f"{reason.strip(' ;')}; change that node"]
