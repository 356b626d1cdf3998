# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node's diagnostics, once per second, and what they warn of: missing nodes, QoS mismatches, several publishers."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import ROSClock
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from il_ros.core import topics
from il_ros.core.topics import JOINT_STATE, Topic
from il_ros.ros.graph_health import LostShare, NodeRoster, SharedJoints, StillClock
from il_ros.ros.message_timing import Rates
from il_ros.ros.message_types import message_class
from il_ros.ros.qos_check import crowds, mismatches
from il_ros.ros.step_sequencer import StepSequencer

OK, WARN = b"\x00", b"\x01"
REMIND_S = 10.0
"""How often, at most, the log repeats that a peer is not connected."""
MAX_COMPLAINTS = 8
"""How many different complaints one message of diagnostics contains at most."""
GONE_NS = 3_000_000_000
"""A node whose diagnostics are older than this is not received any more."""
SHARED = {
    topic.name
    for topic in (
        topics.DIAGNOSTICS,
        topics.RECORDED,
        topics.CHECKPOINT,
        topics.PUSH,
        topics.ROBOT_DESCRIPTION,
        topics.TF,
        topics.TF_STATIC,
    )
}
"""The topics that may have several publishers. JointStates may, too, as long as no joint comes from two of them."""
HARDWARE_ID = "il_ros"
"""The hardware id in the diagnostics of our nodes, which are among many."""


class NodeDiagnostics:
    """Collects what the diagnostics of a node contain, and watches the graph around it.

    Args:
        node: whose diagnostics they are.
        publishers: its publishers, each with its row of the table of topics.
        subscriptions: its subscriptions, likewise.
        now_ns: the steady clock.
    """

    def __init__(
        self,
        node: Node,
        publishers: list[tuple[Topic, Any]],
        subscriptions: list[tuple[Topic, Any]],
        now_ns: Callable[[], int],
    ) -> None:
        self._node, self._publishers, self._subscriptions, self._now_ns = node, publishers, subscriptions, now_ns
        self.rates = Rates(now_ns())
        self.instance = ""
        """Distinguishes this node from another one of its name: host, process, and the gid of its publisher."""
        self._complaints: dict[str, None] = {}
        self._received_ns: dict[str, int] = {}
        """When each node's diagnostics were received last, by the steady clock."""
        self._roster, self._clock_watch = NodeRoster(), StillClock(self._now_ns())
        self._last_state: tuple[Any, ...] = (False,)
        self._losses: list[tuple[StepSequencer, list[str], LostShare]] = []
        """What makes complete observations, of which topics, and what is lost of them."""
        self._shared: dict[str, SharedJoints] = {}
        """The JointState topics that have several publishers now, by the names of the table."""

    def connect(self, publish: Callable[[], Any]) -> None:
        """Make the publisher of the diagnostics with ``publish``, and find out which instance this node is."""
        before = self._listed()
        publish()
        name = self._node.get_name()
        new = [gid for gid, owner in self._listed().items() if gid not in before and owner == name]
        self.instance = f"{socket.gethostname()}:{os.getpid()}:{next(iter(new), '')}"

    def receive(self, message: DiagnosticArray) -> bool:
        """Note which nodes publish diagnostics; return whether one is new."""
        now_ns = self._now_ns()
        names = {status.name for status in message.status if status.hardware_id == HARDWARE_ID}
        is_new = not names <= set(self.received())
        for status in message.status:
            if status.hardware_id == HARDWARE_ID:
                values = {item.key: item.value for item in status.values}
                self._roster.add(status.name, values.get("instance", ""))
        self._received_ns.update(dict.fromkeys(names, now_ns))
        return is_new

    def received(self) -> list[str]:
        """Return the names of our nodes whose diagnostics are received now, this one's too."""
        now_ns = self._now_ns()
        return sorted(name for name, then_ns in self._received_ns.items() if now_ns - then_ns < GONE_NS)

    def complain(self, text: str) -> None:
        """Add a complaint to the next diagnostics, each once, and log it, once per second at most."""
        if len(self._complaints) < MAX_COMPLAINTS:
            self._complaints[text] = None
        self._node.get_logger().warning(text, throttle_duration_sec=1.0)

    @property
    def complaint(self) -> str:
        """The complaints of the next diagnostics."""
        return "; ".join(self._complaints)

    def count_losses(self, sequencer: StepSequencer, names: list[str]) -> LostShare:
        """Return the counter of complete observations; the share that is lost is part of the diagnostics."""
        lost = LostShare()
        self._losses.append((sequencer, names, lost))
        return lost

    def is_shared(self, topic: str) -> bool:
        """Return whether a topic of joint states has several publishers now."""
        return topic in self._shared

    def note_joints(self, topic: str, data: bytes, info: Mapping[str, Any]) -> None:
        """Note which joints a message of a shared topic names."""
        message = deserialize_message(data, message_class(JOINT_STATE))
        self._shared[topic].add(message.name, info["publication_sequence_number"])

    def message(self, facts: Mapping[str, Any]) -> DiagnosticArray:
        """Return the diagnostics now; the complaints start over."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        rates = self.rates.per_second(self._now_ns())
        complaints = [*self._complaints, *self._mismatches(), *self._graph_complaints(rates)]
        name, summary = self._node.get_fully_qualified_name().lstrip("/"), "; ".join(complaints) or "ok"
        status = DiagnosticStatus(name=name, message=summary, hardware_id=HARDWARE_ID)
        status.level = WARN if complaints else OK
        values = {**facts, "hears": " ".join(self.received()), "matched": self.is_matched()}
        values |= {"instance": self.instance} | {f"{name} Hz": f"{rate:.1f}" for name, rate in rates.items()}
        status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        message.status = [status]
        self._complaints.clear()
        return message

    def is_matched(self) -> bool:
        """Return whether every subscriber of our topics that discovery knows of is connected to us."""
        return all(
            own.get_subscription_count() >= self._node.count_subscribers(own.topic) for _, own in self._publishers
        )

    def look_around(self) -> bool:
        """Look for what must be published before the next report is due; return whether it changed."""
        self._roster.tick(self._listed)
        clock, now_ns = self._node.get_clock(), self._now_ns()
        if isinstance(clock, ROSClock) and clock.ros_time_is_active:
            self._clock_watch.look(clock.now().nanoseconds, now_ns)
        else:
            self._clock_watch = StillClock(now_ns)
        state = (*self._roster.lost(), *self._roster.doubled(), bool(self._clock_watch.complaint()))
        changed, self._last_state = state != self._last_state, state
        return changed

    def _listed(self) -> dict[str, str]:
        """Return the publishers of diagnostics that discovery lists: the gid of each, and the name of its node."""
        infos = self._node.get_publishers_info_by_topic(topics.DIAGNOSTICS.name)
        return {bytes(info.endpoint_gid).hex(): info.node_name for info in infos}

    def _mismatches(self) -> list[str]:
        """Return the peers that cannot be connected with this node."""
        complaints = mismatches(self._node, self._publishers, self._subscriptions)
        if complaints:  # here and below: the logger throttles each line of code by itself
            self._node.get_logger().warning("; ".join(complaints), throttle_duration_sec=REMIND_S)
        return complaints

    def _graph_complaints(self, rates: Mapping[str, float]) -> list[str]:
        """Return what is wrong with the graph around this node."""
        texts = [*self._roster.complaints(), self._clock_watch.complaint(), *self._crowds()]
        for sequencer, names, lost in self._losses:
            lost.update(sequencer.dropped)
            texts.append(lost.complaint([(name, rates.get(name, 0.0)) for name in names]))
        complaints = [text for text in texts if text]
        if complaints:
            self._node.get_logger().warning("; ".join(complaints), throttle_duration_sec=REMIND_S)
        return complaints

    def _crowds(self) -> Iterator[str]:
        """Yield a complaint for the topics that have more publishers than they may."""
        ends = [(topic, own) for topic, own in (*self._publishers, *self._subscriptions) if topic.name not in SHARED]
        crowded = crowds(self._node, ends, self._roster.running)
        self._shared = {
            topic.name: self._shared.get(topic.name, SharedJoints())
            for topic, *_ in crowded
            if topic.type_name == JOINT_STATE
        }
        by_publishers: dict[str, list[str]] = {}
        for topic, name, publishers in crowded:
            shared = self._shared.get(topic.name)
            joints = [] if shared is None else shared.found()
            if joints or shared is None:
                what = f"{', '.join(joints)} of {name}" if joints else name
                by_publishers.setdefault(", ".join(publishers), []).append(what)
        for who, names in by_publishers.items():
            yield f"several publishers of {', '.join(names)}: {who}; end or remap all but one of them"
