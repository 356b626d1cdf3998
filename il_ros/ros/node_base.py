# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What all our nodes have in common: typed parameters, topics from the table, diagnostics once a second."""

from __future__ import annotations

import copy
import inspect
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy._rclpy_pybind11 import RCLError
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, IlRosError
from il_ros.core.types import EpisodeStart
from il_ros.ros import parameters
from il_ros.ros import topics as topic_table
from il_ros.ros.codecs import Reader, Stamped
from il_ros.ros.graph_health import TICK_S, LostShare, NodeRoster, SharedJoints, StillClock
from il_ros.ros.parameters import NodeParameters
from il_ros.ros.qos_check import crowds, mismatches
from il_ros.ros.rates import Rates
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer
from il_ros.ros.topics import Topic

P = TypeVar("P", bound=NodeParameters)
T = TypeVar("T")
OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
OVERRIDABLE = QoSOverridingOptions(
    (QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY, QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)
)
"""What a parameter ``qos_overrides.<topic>.<publisher or subscription>.<policy>`` may say of a topic."""
SILENT: dict[str, Any] = {"use_default_callbacks": False}
"""Who cannot hear whom is told by ``mismatches``, with names."""
REMIND_S = 10.0
"""How often, at most, the log repeats that a peer cannot be heard."""
MOST_COMPLAINTS = 8
"""How many different things are told of in one message of diagnostics."""
REPORT_S = 1.0
"""How often the diagnostics are told."""
GONE_NS = 3_000_000_000
"""A node whose diagnostics are older than this is not heard any more."""
SHARED = {
    topic.name for topic in (topic_table.DIAGNOSTICS, topic_table.RECORDED, topic_table.CHECKPOINT, topic_table.PUSH)
} | {topic.name for topic in (topic_table.ROBOT_DESCRIPTION, topic_table.TF, topic_table.TF_STATIC)}
"""The topics that may have several publishers. JointStates may, too, as long as no joint comes from two of them."""
JOINTS = "sensor_msgs/msg/JointState"
OURS = "il_ros"
"""The hardware id in the diagnostics of our nodes, who are among many."""


class IlNode(Node, Generic[P]):
    """A node of this package.

    Subclasses make all publishers, subscriptions and services in the constructor, whose last act is ``start``. They
    give ``facts()`` for the diagnostics and may override ``prepare()`` to follow parameters at run time.
    """

    def __init__(self, name: str, parameter_class: type[P], **options: Any) -> None:
        super().__init__(name, **options)
        self.said: list[tuple[Topic, Any]] = []
        """Our publishers, each with its row of the table."""
        self.heard: list[tuple[Topic, Any]] = []
        """Our subscriptions, likewise."""
        self.rates = Rates(self.now_ns())
        self._complaints: dict[str, None] = {}
        self._received_ns = 0
        """When the message that is being handled was received, by the system's clock."""
        self.parameters: P = parameters.declare(self, parameter_class)
        parameters.follow(self, self.parameters, self._prepare)
        self.contract = Contract.load(self.parameters.contract)
        self._told_ns: dict[str, int] = {}
        """When each node's diagnostics were heard last, by the steady clock."""
        self.instance = ""
        """Tells this node from another one of its name: host, process, and the gid of the publisher of diagnostics."""
        self._roster, self._clock_watch = NodeRoster(), StillClock(self.now_ns())
        self._seen: tuple[Any, ...] = (False,)
        """What was found when this node looked around last."""
        self._losses: list[tuple[StepSequencer, list[str], LostShare]] = []
        """What becomes complete observations, of which topics, and what is lost of them."""
        self._shared: dict[str, SharedJoints] = {}
        """The JointState topics that have several publishers now, by the names of the table."""

    def start(self) -> None:
        """Tell the diagnostics from now on, and hear those of the others.

        Discovery tells of a node's topics in the order in which they were made, and these come last: whose diagnostics
        we hear knows all that we subscribe to, and we know all that it publishes.
        """
        before = self._listed()
        self._diagnostics = self.publisher(topic_table.DIAGNOSTICS)
        (gid, *_) = [
            *(gid for gid, name in self._listed().items() if gid not in before and name == self.get_name()),
            "",
        ]
        self.instance = f"{socket.gethostname()}:{os.getpid()}:{gid}"
        self.subscribe(topic_table.DIAGNOSTICS, self.on_diagnostics)
        self.every(REPORT_S, self.report)
        self.every(TICK_S, self._look_around)

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Take note of who speaks; a newcomer need not wait to learn that he is heard."""
        names = {status.name for status in message.status if status.hardware_id == OURS}
        is_new = not names <= set(self.hears())
        for status in message.status:
            if status.hardware_id == OURS:
                facts = {item.key: item.value for item in status.values}
                self._roster.hear(status.name, facts.get("instance", ""))
        self._told_ns.update(dict.fromkeys(names, self.now_ns()))
        if is_new:
            self.report()

    def hears(self) -> list[str]:
        """The names of our nodes that are heard now, this one's too."""
        now_ns = self.now_ns()
        return sorted(name for name, told_ns in self._told_ns.items() if now_ns - told_ns < GONE_NS)

    @staticmethod
    def now_ns() -> int:
        """The steady clock, ns: what watchdogs run on."""
        return time.monotonic_ns()

    def publisher(self, topic: Topic) -> Any:
        """A publisher of a topic of the table."""
        made = _connect(self.create_publisher, topic, event_callbacks=PublisherEventCallbacks(**SILENT))
        self.said.append((topic, made))
        return made

    def subscribe(self, topic: Topic, callback: Callable[[Any], None]) -> Any:
        """A subscription of a topic of the table; a bad message is told of, and never ends the node."""
        counts, name = self.rates.counts, topic.name

        def hear(message: Any) -> None:
            counts[name] += 1
            self._guarded(callback, message)

        return self._hears(topic, hear)

    def subscribe_timed(self, topic: Topic, callback: Callable[[Any, dict[str, Any]], None]) -> Any:
        """The same, with what the middleware knows of the message, such as when it came."""
        counts, name = self.rates.counts, topic.name

        def hear(message: Any, info: dict[str, Any]) -> None:
            counts[name] += 1
            self._guarded(callback, message, info)

        return self._hears(topic, _with_info(hear))

    def read(self, reader: Reader[T] | Reader[T | None], callback: Callable[[T], None]) -> Any:
        """A subscription to what the messages of a topic say; not those of which the reader makes None."""

        def hear(data: bytes, info: dict[str, Any]) -> None:
            said = reader(data)
            if said is not None:
                callback(said)

        return self.subscribe_raw(reader.topic, hear, reader.topic.qos)

    def subscribe_raw(self, topic: Topic, callback: Callable[[bytes, dict[str, Any]], None], qos: QoSProfile) -> Any:
        """A subscription to the serialised bytes and what the middleware knows of them."""
        counts, name = self.rates.counts, topic.name

        def hear(data: bytes, info: dict[str, Any]) -> None:
            counts[name] += 1
            self._received_ns = info["received_timestamp"]
            if name in self._shared:
                self._guarded(self._note_joints, name, data, info)
            self._guarded(callback, data, info)

        return self._hears(topic._replace(qos=qos), _with_info(hear), raw=True)

    def waited_ns(self) -> int:
        """How long the message that is being handled has waited in this process, ns."""
        return max(0, time.time_ns() - self._received_ns) if self._received_ns else 0

    def _hears(self, topic: Topic, callback: Callable[..., None], **options: Any) -> Any:
        if topic.qos is topic_table.LATCHED:
            topic = topic._replace(qos=topic_table.LATCHED_HEARD)
        options["event_callbacks"] = SubscriptionEventCallbacks(**SILENT)
        made = _connect(self.create_subscription, topic, callback, **options)
        self.rates.counts[topic.name] += 0
        self.heard.append((topic, made))
        return made

    def serve(self, name: str, act: Callable[[], str]) -> Any:
        """A Trigger service: ``act`` returns the message of success, or raises an ``IlRosError``."""
        return self.create_service(Trigger, name, lambda request, response: _answer(response, act))

    def serve_choice(self, name: str, act: Callable[[bool], str]) -> Any:
        """A SetBool service: likewise, with what was chosen."""
        return self.create_service(
            SetBool, name, lambda request, response: _answer(response, lambda: act(request.data))
        )

    def every(self, period_s: float, callback: Callable[[], None]) -> Any:
        """A timer on the steady clock."""
        return self.create_timer(
            period_s, lambda: self._guarded(callback), clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def on_start(self, callback: Callable[[EpisodeStart], None]) -> None:
        """Call ``callback`` when an episode is announced."""

        def hear(message: String) -> None:
            start = messages.start_from_json(message.data)
            if start is not None:
                callback(start)

        self.subscribe(topic_table.EPISODE, hear)

    def take_turns(
        self, turns: StepSequencer, readers: Iterable[Reader[Stamped | None]], take: Callable[[SequencedStep], None]
    ) -> None:
        """Feed ``turns`` with announcements and what ``readers`` read; ``take`` gets each step that is due."""
        readers, lost = list(readers), LostShare()
        self._losses.append((turns, [reader.topic.name for reader in readers], lost))

        def pass_on(turn: SequencedStep | None) -> None:
            if turn is None:
                return
            lost.complete += 1
            if not turns.is_due(turn):
                return
            if turn.begins_anew:
                self.complain(f"the stamps of the observations went {turns.jump}; all begins anew")
            take(turn)

        self.on_start(lambda start: pass_on(turns.announce(start)))
        for reader in readers:
            self.read(reader, lambda stamped, name=reader.topic.name: pass_on(turns.add(name, *stamped)))

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        """An exception in a callback would end ``spin``: ours are told instead."""
        try:
            callback(*arguments)
        except IlRosError as error:
            self.complain(str(error))
        except RCLError:
            if self.context.ok():
                raise
            # A signal has ended the context meanwhile: there is nobody left to publish to.

    @property
    def complaint(self) -> str:
        """What the next diagnostics tell of."""
        return "; ".join(self._complaints)

    def complain(self, text: str) -> None:
        """Tell of something wrong: in the diagnostics each thing once, in the log once a second at most."""
        if len(self._complaints) < MOST_COMPLAINTS:
            self._complaints[text] = None
        self.get_logger().warning(text, throttle_duration_sec=1.0)

    def _prepare(self, wanted: P) -> Callable[[], None]:
        take_effect = self.prepare(wanted)

        def adopt() -> None:
            self.parameters = wanted
            if take_effect is not None:
                take_effect()

        return adopt

    def prepare(self, wanted: P) -> Callable[[], None] | None:
        """Get ready for a change of parameters; returns what is to be done once they are set.

        Raises:
            IlRosError: to refuse the change; nothing may have happened by then.
        """

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell of this node."""
        return {}

    def report(self) -> None:
        """Publish the diagnostics now."""
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        rates = self.rates.told(self.now_ns())
        complaints = [*self._complaints, *self._mismatches(), *self._troubles(rates)]
        status = DiagnosticStatus(
            name=self.get_fully_qualified_name().lstrip("/"), message="; ".join(complaints) or "ok", hardware_id=OURS
        )
        status.level = WARN if complaints else OK
        facts = {**self.facts(), "hears": " ".join(self.hears()), "matched": self.is_matched()}
        facts |= {"instance": self.instance} | {f"{name} Hz": f"{rate:.1f}" for name, rate in rates.items()}
        status.values = [KeyValue(key=key, value=str(value)) for key, value in facts.items()]
        message.status = [status]
        self._diagnostics.publish(message)
        self._complaints.clear()

    def is_matched(self) -> bool:
        """Whether every subscriber of our topics that discovery knows of is connected to us."""
        return all(ours.get_subscription_count() >= self.count_subscribers(ours.topic) for _, ours in self.said)

    def _mismatches(self) -> list[str]:
        """The peers that we cannot hear, or that cannot hear us."""
        found = mismatches(self, self.said, self.heard)
        if found:
            self.get_logger().warning("; ".join(found), throttle_duration_sec=REMIND_S)
        return found

    def _listed(self) -> dict[str, str]:
        """The publishers of diagnostics that discovery lists: the gid of each, and the name of its node."""
        infos = self.get_publishers_info_by_topic(topic_table.DIAGNOSTICS.name)
        return {bytes(info.endpoint_gid).hex(): info.node_name for info in infos}

    def _look_around(self) -> None:
        """Look for what must be told sooner than with the next report."""
        self._roster.tick(self._listed)
        if self.get_clock().ros_time_is_active:
            self._clock_watch.look(self.get_clock().now().nanoseconds, self.now_ns())
        else:
            self._clock_watch = StillClock(self.now_ns())
        seen = (*self._roster.lost(), *self._roster.doubled(), bool(self._clock_watch.complaint()))
        if seen != self._seen:
            self._seen = seen
            self.report()

    def _troubles(self, rates: Mapping[str, float]) -> list[str]:
        """What is wrong with the graph around this node."""
        found = [*self._roster.complaints(), self._clock_watch.complaint(), *self._crowds()]
        for turns, topics, lost in self._losses:
            lost.update(turns.dropped)
            found.append(lost.complaint([(topic, rates.get(topic, 0.0)) for topic in topics]))
        told = [words for words in found if words]
        if told:
            self.get_logger().warning("; ".join(told), throttle_duration_sec=REMIND_S)
        return told

    def _crowds(self) -> Iterator[str]:
        """The topics that have more publishers than they may."""
        ends = [(topic, ours) for topic, ours in (*self.said, *self.heard) if topic.name not in SHARED]
        crowded = crowds(self, ends, self._roster.running)
        self._shared = {t.name: self._shared.get(t.name, SharedJoints()) for t, *_ in crowded if t.type_name == JOINTS}
        topics: dict[str, list[str]] = {}
        for topic, name, publishers in crowded:
            shared = self._shared.get(topic.name)
            joints = [] if shared is None else shared.found()
            if joints or shared is None:
                what = f"{', '.join(joints)} of {name}" if joints else name
                topics.setdefault(", ".join(publishers), []).append(what)
        for who, names in topics.items():
            yield f"several publishers of {', '.join(names)}: {who}; end or remap all but one of them"

    def _note_joints(self, name: str, data: bytes, info: dict[str, Any]) -> None:
        message = deserialize_message(data, topic_table.message_class(JOINTS))
        self._shared[name].add(message.name, info["publication_sequence_number"])

    def close(self) -> None:
        """Finish what must not be left undone; called once, after the last callback."""
        self.destroy_node()


def subscribe_raw(node: Node, topic: Topic, callback: Callable[[bytes, dict[str, Any]], None], qos: QoSProfile) -> Any:
    """A subscription of any node to the serialised bytes and what the middleware knows of them."""
    message_class = topic_table.message_class(topic.type_name)
    return node.create_subscription(message_class, topic.name, _with_info(callback), qos, raw=True)


def _with_info(callback: Callable[[bytes, dict[str, Any]], None]) -> Callable[..., None]:
    """The callback as rclpy calls those that want to know what the middleware knows of a message."""

    def hear(*arguments: Any) -> None:
        # the events executor of Jazzy's wheels hands both over as one tuple
        callback(*(arguments if len(arguments) == 2 else arguments[0]))

    hear.__signature__ = inspect.signature(callback)  # type: ignore[attr-defined]  # rclpy counts the arguments
    return hear


def _connect(create: Callable[..., Any], topic: Topic, *callback: Callable[..., None], **options: Any) -> Any:
    """A publisher or a subscription, with what the parameters say of its quality of service.

    Raises:
        ConfigError: if they say what cannot be.
    """
    qos = copy.copy(topic.qos)  # rclpy writes the overrides into it
    kind = topic_table.message_class(topic.type_name)
    try:
        return create(kind, topic.name, *callback, qos, qos_overriding_options=OVERRIDABLE, **options)
    except (RuntimeError, ValueError, AssertionError, ParameterException) as error:
        raise ConfigError(f"topic {topic.name!r}: {error}; look at its name and its qos_overrides") from error


def _answer(response: Any, act: Callable[[], str]) -> Any:
    try:
        response.success, response.message = True, act()
    except IlRosError as error:
        response.success, response.message = False, str(error)
    return response
