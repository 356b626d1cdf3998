"""What all our nodes have in common: typed parameters, topics from the table, diagnostics once a second."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from il_ros import messages
from il_ros.errors import IlRosError
from il_ros.nodes import interface, parameters
from il_ros.nodes.interface import Topic
from il_ros.nodes.parameters import NodeParameters
from il_ros.nodes.turns import Turn, Turns
from il_ros.signals import EpisodeStart
from il_ros.specs import Contract

P = TypeVar("P", bound=NodeParameters)
OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"


class IlNode(Node, Generic[P]):
    """A node of this package.

    Subclasses give ``facts()`` for the diagnostics and may override ``prepare()`` to follow parameters at run time.
    """

    def __init__(self, name: str, parameter_class: type[P]) -> None:
        super().__init__(name)
        self._publishers_by_topic: list[Any] = []
        self.complaint = ""
        self.parameters: P = parameters.declare(self, parameter_class)
        parameters.follow(self, self.parameters, self._prepare)
        self.contract = Contract.load(self.parameters.contract)
        self._diagnostics = self.publisher(interface.DIAGNOSTICS)
        self.every(1.0, self.report)

    @staticmethod
    def now_ns() -> int:
        """The steady clock, ns: what watchdogs run on."""
        return time.monotonic_ns()

    def publisher(self, topic: Topic) -> Any:
        """A publisher of a topic of the table."""
        made = self.create_publisher(interface.message_class(topic.type_name), topic.name, topic.qos)
        self._publishers_by_topic.append(made)
        return made

    def subscribe(self, topic: Topic, callback: Callable[[Any], None]) -> Any:
        """A subscription of a topic of the table; a bad message is told of, and never ends the node."""

        def hear(message: Any) -> None:
            self._guarded(callback, message)

        return self.create_subscription(interface.message_class(topic.type_name), topic.name, hear, topic.qos)

    def subscribe_raw(self, topic: Topic, callback: Callable[[bytes, dict[str, Any]], None], qos: QoSProfile) -> Any:
        """A subscription to the serialised bytes and what the middleware knows of them."""

        def hear(data: bytes, info: dict[str, Any]) -> None:
            self._guarded(callback, data, info)

        return subscribe_raw(self, topic, hear, qos)

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

        self.subscribe(interface.EPISODE, hear)

    def take_turns(self, turns: Turns, topics: Iterable[Topic], take: Callable[[Turn | None], None]) -> None:
        """Feed ``turns`` with announcements and the messages of ``topics``; ``take`` gets what each of them makes."""
        self.on_start(lambda start: take(turns.announce(start)))
        for topic in topics:
            self.subscribe(topic, lambda message, name=topic.name: take(turns.add(name, message)))

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        """An exception in a callback would end ``spin``: ours are told instead."""
        try:
            callback(*arguments)
        except IlRosError as error:
            self.complain(str(error))

    def complain(self, text: str) -> None:
        """Tell of something wrong, once a second at most, in the log and in the diagnostics."""
        self.complaint = text
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
        status = DiagnosticStatus(name=self.get_fully_qualified_name().lstrip("/"), message=self.complaint or "ok")
        status.level = WARN if self.complaint else OK
        facts = {**self.facts(), "peers": len(self.get_node_names()), "matched": self.is_matched()}
        status.values = [KeyValue(key=key, value=str(value)) for key, value in facts.items()]
        message.status = [status]
        self._diagnostics.publish(message)
        self.complaint = ""

    def is_matched(self) -> bool:
        """Whether every subscriber of our topics that discovery knows of is connected to us."""
        return all(p.get_subscription_count() >= self.count_subscribers(p.topic) for p in self._publishers_by_topic)

    def close(self) -> None:
        """Finish what must not be left undone; called once, after the last callback."""
        self.destroy_node()


def subscribe_raw(node: Node, topic: Topic, callback: Callable[[bytes, dict[str, Any]], None], qos: QoSProfile) -> Any:
    """A subscription of any node to the serialised bytes and what the middleware knows of them."""

    def hear(*arguments: Any) -> None:
        # the events executor of Jazzy's wheels hands both over as one tuple
        callback(*(arguments if len(arguments) == 2 else arguments[0]))

    hear.__signature__ = inspect.signature(callback)  # type: ignore[attr-defined]  # rclpy counts the arguments
    return node.create_subscription(interface.message_class(topic.type_name), topic.name, hear, qos, raw=True)


def _answer(response: Any, act: Callable[[], str]) -> Any:
    try:
        response.success, response.message = True, act()
    except IlRosError as error:
        response.success, response.message = False, str(error)
    return response
