# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of all our nodes: typed parameters, topics from the table, diagnostics once per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from il_ros.core import events, topics
from il_ros.core.contract import Contract
from il_ros.core.errors import IlRosError
from il_ros.core.topics import QosKind, Topic
from il_ros.core.types import EpisodeStart
from il_ros.ros import parameters
from il_ros.ros.codecs import Reader, Stamped
from il_ros.ros.graph_health import TICK_S
from il_ros.ros.message_timing import Rates
from il_ros.ros.node_diagnostics import NodeDiagnostics
from il_ros.ros.parameters import NodeParameters
from il_ros.ros.qos import connect
from il_ros.ros.rclpy_internals.message_info import MessageInfo, with_info
from il_ros.ros.rclpy_internals.rcl_error import RCLError
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer

P = TypeVar("P", bound=NodeParameters)
T = TypeVar("T")
SILENT: dict[str, Any] = {"use_default_callbacks": False}
"""Incompatible peers are reported by ``qos_check.mismatches``, with names."""
REPORT_S = 1.0
"""The period of the diagnostics."""


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
        self._diagnostics = NodeDiagnostics(self, self.said, self.heard, lambda: self.now_ns())
        self._diagnostics_topic: Any = None
        self._message_received_ns = 0
        """When the message that is being handled was received, by the system's clock."""
        self.parameters: P = parameters.declare(self, parameter_class)
        parameters.follow(self, self.parameters, self._prepare)
        self.contract = Contract.load(self.parameters.contract)

    @property
    def rates(self) -> Rates:
        """How often messages come and other things happen, by name."""
        return self._diagnostics.rates

    @property
    def instance(self) -> str:
        """Distinguishes this node from another one of its name."""
        return self._diagnostics.instance

    def start(self) -> None:
        """Publish the diagnostics from now on, and receive those of the other nodes.

        Discovery announces a node's topics in the order in which they were made, and these come last: a node whose
        diagnostics we receive knows all that we subscribe to, and we know all that it publishes.
        """
        self._diagnostics.connect(self._publish_diagnostics)
        self.subscribe(topics.DIAGNOSTICS, self.on_diagnostics)
        self.every(REPORT_S, self.report)
        self.every(TICK_S, self._look_around)

    def _publish_diagnostics(self) -> None:
        self._diagnostics_topic = self.publisher(topics.DIAGNOSTICS)

    # Topics -----------------------------------------------------------------------------------------------------------

    @staticmethod
    def now_ns() -> int:
        """Return the steady clock, ns: what watchdogs run on."""
        return time.monotonic_ns()

    def publisher(self, topic: Topic) -> Any:
        """Make a publisher of a topic of the table."""
        publisher = connect(self.create_publisher, topic, event_callbacks=PublisherEventCallbacks(**SILENT))
        self.said.append((topic, publisher))
        return publisher

    def subscribe(self, topic: Topic, callback: Callable[[Any], None]) -> Any:
        """Subscribe to a topic of the table; a malformed message is reported, and never ends the node."""
        counts, name = self.rates.counts, topic.name

        def receive(message: Any) -> None:
            counts[name] += 1
            self._guarded(callback, message)

        return self._subscribe(topic, receive)

    def subscribe_timed(self, topic: Topic, callback: Callable[[Any, MessageInfo], None]) -> Any:
        """Subscribe likewise, with what the middleware knows of the message, such as when it was received."""
        counts, name = self.rates.counts, topic.name

        def receive(message: Any, info: MessageInfo) -> None:
            counts[name] += 1
            self._guarded(callback, message, info)

        return self._subscribe(topic, with_info(receive))

    def read(self, reader: Reader[T] | Reader[T | None], callback: Callable[[T], None]) -> Any:
        """Subscribe to the content of a topic's messages, without those of which the reader makes None."""

        def receive(data: bytes, info: MessageInfo) -> None:
            content = reader(data)
            if content is not None:
                callback(content)

        return self.subscribe_raw(reader.topic, receive)

    def subscribe_raw(self, topic: Topic, callback: Callable[[bytes, MessageInfo], None]) -> Any:
        """Subscribe to the serialized messages and what the middleware knows of them."""
        counts, name = self.rates.counts, topic.name

        def receive(data: bytes, info: MessageInfo) -> None:
            counts[name] += 1
            self._message_received_ns = info["received_timestamp"]
            if self._diagnostics.is_shared(name):
                self._guarded(self._diagnostics.note_joints, name, data, info)
            self._guarded(callback, data, info)

        return self._subscribe(topic, with_info(receive), raw=True)

    def waited_ns(self) -> int:
        """Return how long the message that is being handled has waited in this process, ns."""
        return max(0, time.time_ns() - self._message_received_ns) if self._message_received_ns else 0

    def _subscribe(self, topic: Topic, callback: Callable[..., None], **options: Any) -> Any:
        if topic.qos is QosKind.LATCHED:
            topic = topic._replace(qos=QosKind.LATCHED_SUBSCRIBER)
        options["event_callbacks"] = SubscriptionEventCallbacks(**SILENT)
        subscription = connect(self.create_subscription, topic, callback, **options)
        self.rates.counts[topic.name] += 0
        self.heard.append((topic, subscription))
        return subscription

    # Services and timers ----------------------------------------------------------------------------------------------

    def serve(self, name: str, act: Callable[[], str]) -> Any:
        """Offer a Trigger service: ``act`` returns the message of success, or raises an ``IlRosError``."""
        return self.create_service(Trigger, name, lambda request, response: _answer(response, act))

    def serve_choice(self, name: str, act: Callable[[bool], str]) -> Any:
        """Offer a SetBool service: likewise, with what was chosen."""

        def answer(request: Any, response: Any) -> Any:
            return _answer(response, lambda: act(request.data))

        return self.create_service(SetBool, name, answer)

    def every(self, period_s: float, callback: Callable[[], None]) -> Any:
        """Call ``callback`` periodically, by the steady clock."""
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        return self.create_timer(period_s, lambda: self._guarded(callback), clock=clock)

    def on_start(self, callback: Callable[[EpisodeStart], None]) -> None:
        """Call ``callback`` when an episode is announced."""

        def receive(message: String) -> None:
            start = events.episode_start_from_json(message.data)
            if start is not None:
                callback(start)

        self.subscribe(topics.EPISODE, receive)

    def take_turns(
        self, turns: StepSequencer, readers: Iterable[Reader[Stamped | None]], take: Callable[[SequencedStep], None]
    ) -> None:
        """Feed ``turns`` with announcements and what ``readers`` read; ``take`` gets each step that is due."""
        readers = list(readers)
        lost = self._diagnostics.count_losses(turns, [reader.topic.name for reader in readers])

        def pass_on(step: SequencedStep | None) -> None:
            if step is None:
                return
            lost.complete += 1
            if not turns.is_due(step):
                return
            if step.begins_anew:
                self.complain(f"the stamps of the observations went {turns.jump}; all begins anew")
            take(step)

        def adder(name: str) -> Callable[[Stamped], None]:
            return lambda stamped: pass_on(turns.add(name, *stamped))

        self.on_start(lambda start: pass_on(turns.announce(start)))
        for reader in readers:
            self.read(reader, adder(reader.topic.name))

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Run a callback; an ``IlRosError``, which would end ``spin``, is reported instead."""
        try:
            callback(*arguments)
        except IlRosError as error:
            self.complain(str(error))
        except RCLError:
            if self.context.ok():
                raise
            # A signal has ended the context meanwhile: there is nobody left to publish to.

    # Parameters -------------------------------------------------------------------------------------------------------

    def _prepare(self, parameters: P) -> Callable[[], None]:
        take_effect = self.prepare(parameters)

        def adopt() -> None:
            self.parameters = parameters
            if take_effect is not None:
                take_effect()

        return adopt

    def prepare(self, parameters: P) -> Callable[[], None] | None:
        """Get ready for a change of parameters; return what is to be done once they are set.

        Raises:
            IlRosError: to refuse the change; nothing may have happened by then.
        """

    # Diagnostics ------------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return this node's own values in the diagnostics."""
        return {}

    @property
    def complaint(self) -> str:
        """The complaints of the next diagnostics."""
        return self._diagnostics.complaint

    def complain(self, text: str) -> None:
        """Add a complaint to the next diagnostics, each once, and log it, once per second at most."""
        self._diagnostics.complain(text)

    def hears(self) -> list[str]:
        """Return the names of our nodes whose diagnostics are received now, this one's too."""
        return self._diagnostics.received()

    def is_matched(self) -> bool:
        """Return whether every subscriber of our topics that discovery knows of is connected to us."""
        return self._diagnostics.is_matched()

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Note which nodes publish; a new one need not wait to learn that it is received."""
        if self._diagnostics.receive(message):
            self.report()

    def report(self) -> None:
        """Publish the diagnostics now."""
        self._diagnostics_topic.publish(self._diagnostics.message(self.facts()))

    def _look_around(self) -> None:
        """Publish the diagnostics early if the graph around this node has changed."""
        if self._diagnostics.look_around():
            self.report()

    def close(self) -> None:
        """Finish what must not be left undone; called once, after the last callback."""
        self.destroy_node()


def _answer(response: Any, act: Callable[[], str]) -> Any:
    try:
        response.success, response.message = True, act()
    except IlRosError as error:
        response.success, response.message = False, str(error)
    return response
