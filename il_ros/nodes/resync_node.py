# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The resync node: time synchronization of topics with clocks and rates of their own by sample and hold, live.

An observation is made of messages that carry equal stamps. This node subscribes to ``raw/joint_states`` and the like,
remapped to what drivers and perception publish, and once a control step republishes the newest message of each under
the name that the contract has for it, with the stamp of the step. So bags of it hold what the policy saw. Joint
states may come from several publishers, such as an arm's and a gripper's: they are merged by name.

When things fail: while a topic of the contract, or a joint that it names, is stale, not received for longer than the
contract's ``external: stale_s`` (by default two steps, or 0.1 s), nothing is published, so that the arm holds, and the
missing topic or joint is reported. The diagnostics report the age of each joint and of each stamp. What an expert needs
beside the contract's topics is passed on while it is received. A clock that goes back, or jumps ahead by more than a
second, is reported, and what came before is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import JumpThreshold, ROSClock
from rclpy.duration import Duration
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.messages import JointStateMerger, joints_of
from il_ros.core.topics import JOINT_STATE, QosKind, Topic
from il_ros.ros.message_types import observed_topics
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters
from il_ros.ros.spin import main as run

RAW = "raw/"
"""What the names begin with under which the topics are subscribed to."""
JUMP_NS = 1_000_000_000
"""A clock that advances by more than this at once has jumped."""
ANY_CHANGE = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1))


class LatestMessage:
    """The newest message of one topic."""

    def __init__(self, stale_ns: int) -> None:
        self._stale_ns = stale_ns
        self._newest: tuple[int, bytes] | None = None
        """When it was received, by the steady clock, and its bytes."""

    def add(self, data: bytes, now_ns: int) -> None:
        """Keep a message as the newest."""
        self._newest = now_ns, data

    def fresh(self, now_ns: int) -> bytes:
        """Return the newest message.

        Raises:
            MessageError: if it is stale.
        """
        if self._newest is None or now_ns - self._newest[0] > self._stale_ns:
            raise MessageError(f"no message received for {self._stale_ns / 1e9:g} s; is it remapped, is it published?")
        return self._newest[1]

    def facts(self, now_ns: int, clock_ns: int) -> dict[str, float]:
        """Return the age of the newest message by the steady clock, and of its stamp by the ROS clock, s."""
        if self._newest is None:
            return {}
        received_ns, data = self._newest
        return {
            "_age_s": (now_ns - received_ns) / 1e9,
            "_stamp_age_s": (clock_ns - messages.serialized_stamp_ns(data)) / 1e9,
        }


class LatestJoints(LatestMessage):
    """The newest message of each publisher of one topic of joint states, as one."""

    def __init__(self, joints: tuple[str, ...], stale_ns: int) -> None:
        super().__init__(stale_ns)
        self._merger = JointStateMerger(joints, stale_ns)

    def add(self, data: bytes, now_ns: int) -> None:
        """Merge a message, which has all joints or some."""
        self._merger.add(deserialize_message(data, JointState), now_ns)
        super().add(data, now_ns)

    def fresh(self, now_ns: int) -> bytes:
        """Return the merged joint states."""
        super().fresh(now_ns)
        return bytes(serialize_message(self._merger.merged(now_ns)))

    def facts(self, now_ns: int, clock_ns: int) -> dict[str, float]:
        """Return the ages of the newest message and of each joint, s."""
        ages = {joint: ns for joint, ns in self._merger.ages_ns(now_ns).items() if ns is not None}
        return {**super().facts(now_ns, clock_ns), **{f"[{joint}]_age_s": ns / 1e9 for joint, ns in ages.items()}}


def source_of(topic: Topic, contract: Contract) -> LatestMessage:
    """Return the buffer of a topic; joint states are merged unless the contract reads them by their places."""
    joints = joints_of(contract, topic.name)
    if topic.type_name == JOINT_STATE and (joints or topic.name not in contract.topics):
        return LatestJoints(joints, contract.stale_ns)
    return LatestMessage(contract.stale_ns)


class ResyncNode(IlNode[NodeParameters]):
    """Republishes the newest messages, once a step."""

    def __init__(self) -> None:
        super().__init__("resync_node", NodeParameters)
        self._observed = {topic.name: topic for topic in (*topics.READING, *observed_topics(self.contract))}
        self._topics = {name: self.publisher(topic) for name, topic in self._observed.items()}
        self._last_ns: int | None = None
        """The stamp of the last step."""
        self._forget()
        for name, topic in self._observed.items():
            if name.startswith("/"):
                raise ConfigError(
                    f"topic {name!r} would be subscribed to and published under one name; name it without slashes "
                    f"in the contract and remap {RAW}{name.rpartition('/')[2]} to it"
                )
            qos = QosKind.LATEST_OF_SEVERAL if topic.type_name == JOINT_STATE else QosKind.LATEST
            self.subscribe_raw(topic._replace(name=RAW + name, qos=qos), self._receiver(name))
        self.every(1.0 / self.contract.rate_hz, self._tick)
        self._jumps = self.get_clock().create_jump_callback(
            ANY_CHANGE, post_callback=lambda jump: self._guarded(self._follow)
        )
        self.start()

    def _receiver(self, name: str) -> Callable[[bytes, dict[str, Any]], None]:
        return lambda data, info: self._sources[name].add(data, self.now_ns())

    def _forget(self) -> None:
        self._sources = {name: source_of(topic, self.contract) for name, topic in self._observed.items()}

    def _is_simulated(self) -> bool:
        """Return whether the clock is simulated time."""
        clock = self.get_clock()
        return isinstance(clock, ROSClock) and clock.ros_time_is_active

    def _tick(self) -> None:
        """Take a step of real time."""
        if not self._is_simulated():
            self._step(self.get_clock().now().nanoseconds)

    def _follow(self) -> None:
        """Take a step when simulated time has reached the next multiple of the step, or went back."""
        stamp_ns, step_ns = self.get_clock().now().nanoseconds, self.contract.step_ns
        is_next = self._last_ns is None or stamp_ns // step_ns != self._last_ns // step_ns or stamp_ns < self._last_ns
        if self._is_simulated() and stamp_ns and is_next:
            self._step(stamp_ns)

    def _step(self, stamp_ns: int) -> None:
        """Begin anew if the clock has jumped; otherwise repeat what is fresh, if the contract's topics are."""
        last_ns, self._last_ns = self._last_ns, stamp_ns
        if last_ns is None or 0 <= stamp_ns - last_ns <= JUMP_NS:
            self._republish(stamp_ns)
            return
        self._forget()
        how = "went back" if stamp_ns < last_ns else "jumped ahead"
        self.complain(f"the clock {how} by {abs(stamp_ns - last_ns) / 1e9:.3f} s; what came before is forgotten")
        self.report()  # now, before the next complaint

    def _republish(self, stamp_ns: int) -> None:
        fresh, missed = {}, {}
        for name, source in self._sources.items():
            try:
                fresh[name] = source.fresh(self.now_ns())
            except MessageError as error:
                missed[name] = f"{RAW}{name}: {error}"
        required = [words for name, words in missed.items() if name in self.contract.topics]
        if required:
            self.complain("; ".join(required))
            return
        for name, data in fresh.items():
            self._topics[name].publish(messages.with_stamp(data, stamp_ns))

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        now_ns, clock_ns = self.now_ns(), self.get_clock().now().nanoseconds
        ages: dict[str, Any] = {}
        for name, source in self._sources.items():
            ages |= {f"{RAW}{name}{key}": f"{age_s:.3f}" for key, age_s in source.facts(now_ns, clock_ns).items()}
        return ages


def main() -> int:
    """Run the node; the entry point."""
    return run(ResyncNode)


if __name__ == "__main__":
    raise SystemExit(main())
