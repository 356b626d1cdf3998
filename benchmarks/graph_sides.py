# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The processes of ``benchmarks.graph``: ``python -m benchmarks.graph_sides ROLE JSON``; ``JSON`` is what each needs.

``speak`` sends serialised messages at a steady rate, ``keep`` is the peer's recorder, ``ask`` and ``answer`` play
ping-pong, in one process unless ``alone``, and ``nodes`` runs our own nodes. A process
writes its results to the file ``told``, as JSON.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from il_ros.core import topics
from il_ros.core.atomic_io import replace_file
from il_ros.core.contract import Contract
from il_ros.core.topics import Topic
from il_ros.core.types import Array, EpisodeStart, RobotState
from il_ros.recording.bag.typestore import definition
from il_ros.ros import codecs, qos, spin
from il_ros.ros.client.node import subscribe_raw
from il_ros.ros.node_base import IlNode
from il_ros.ros.rclpy_internals.events_executor import make_executor

JOINTS = topics.READING[0]
FURTHER = tuple(Topic(f"further_{i}", JOINTS.type_name) for i in range(10))
"""The further subscriptions of a stock node, on which nothing comes."""
SLOT_S = 0.001
"""A speaker sleeps for so long and sends what is due: nobody sleeps for 50 µs."""
WARM_UP = 200
STEP_NS = 50_000_000


def tell(path: str, **facts: Any) -> None:
    """Leave facts in a file, all at once."""
    replace_file(Path(path), json.dumps(facts))


def joint_state() -> JointState:
    """Build a small message anew, as a stock node builds it."""
    message = JointState()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 1_000_000_000)
    message.name = [f"panda_joint{n}" for n in range(1, 8)]
    message.position = [0.1] * 7
    message.velocity = [0.0] * 7
    return message


# The recorder ---------------------------------------------------------------------------------------------------------


def speak(told: str, rate: float, messages: int, readers: int) -> None:
    """Publish, once so many ``readers`` are there; write how long it took."""
    rclpy.init()
    node = Node("speaker", start_parameter_services=False, enable_rosout=False)
    publisher = node.create_publisher(JointState, JOINTS.name, qos.RECORDER)
    while publisher.get_subscription_count() < readers:
        time.sleep(0.01)
    time.sleep(1.0)  # the reader has found us, too
    data, sent, began = serialize_message(joint_state()), 0, time.perf_counter()
    while sent < messages:
        due = min(messages, int((time.perf_counter() - began) * rate))
        for _ in range(due - sent):
            publisher.publish(data)
        sent = max(sent, due)
        time.sleep(SLOT_S)
    tell(told, seconds=time.perf_counter() - began)
    while rclpy.utilities.ok():  # what has not been acknowledged yet may be asked for again
        time.sleep(0.1)


def keep(told: str, file: str, folder: str) -> None:
    """Run a stock recorder: a typed subscription, and the writer of mcap-ros2-support, which lies in ``folder``.

    It writes how many messages it has recorded.
    """
    sys.path.append(folder)  # last, so that all else is ours
    from mcap_ros2.writer import Writer

    rclpy.init()
    node = Node("keeper")
    count = 0
    with open(file, "wb") as output:
        writer = Writer(output)
        schema = writer.register_msgdef(JOINTS.type_name, definition(JOINTS.type_name)[0])

        def receive(message: JointState) -> None:
            nonlocal count
            writer.write_message(f"/{JOINTS.name}", schema, message, time.time_ns())
            count += 1

        node.create_subscription(JointState, JOINTS.name, receive, qos.RECORDER)
        node.create_timer(0.25, lambda: tell(told, count=count))
        stock = SingleThreadedExecutor()
        stock.add_node(node)
        stock.spin()


# Ping-pong ------------------------------------------------------------------------------------------------------------


def player(
    name: str, stock: bool, input_name: str, output_name: str, act: Callable[[], None]
) -> tuple[Node, Callable[[], None]]:
    """Make a node that calls ``act`` at each message; return it and its way of sending one."""
    node = Node(name, start_parameter_services=stock, enable_rosout=stock)
    publisher = node.create_publisher(JointState, output_name, qos.STREAM)
    if stock:
        node.create_subscription(JointState, input_name, lambda message: act(), qos.STREAM)
        for topic in FURTHER:
            node.create_subscription(JointState, topic.name, lambda message: None, qos.STREAM)
        return node, lambda: publisher.publish(joint_state())
    data = serialize_message(joint_state())
    subscribe_raw(node, Topic(input_name, JOINTS.type_name), lambda data, info: act())
    return node, lambda: publisher.publish(data)


def answer(stock: bool) -> Node:
    """Make the node that answers at once."""
    node, send = player("answerer", stock, "ping", "pong", lambda: send())
    return node


def ask(told: str, stock: bool, rounds: int, alone: bool) -> None:
    """Play ``rounds``, with an answerer in this process unless it is elsewhere; write how long each took, s."""
    rclpy.init()
    took: list[float] = []
    done = rclpy.task.Future()
    since = 0.0

    def receive() -> None:
        nonlocal since
        now = time.perf_counter()
        took.append(now - since)
        if len(took) >= rounds + WARM_UP:
            if not done.done():
                done.set_result(None)
            return
        since = time.perf_counter()
        send()

    node, send = player("asker", stock, "pong", "ping", receive)
    nodes = [node] if alone else [node, answer(stock)]
    spinner = SingleThreadedExecutor() if stock else make_executor()
    for each in nodes:
        spinner.add_node(each)
    while not (node.count_subscribers("ping") and node.count_publishers("pong")):
        time.sleep(0.01)
    time.sleep(1.0)
    since = time.perf_counter()
    send()
    spinner.spin_until_future_complete(done, timeout_sec=120.0)
    tell(told, seconds=took[WARM_UP : WARM_UP + rounds])


def answer_alone(stock: bool) -> None:
    """Answer until a signal."""
    rclpy.init()
    node = answer(stock)
    spinner = SingleThreadedExecutor() if stock else make_executor()
    spinner.add_node(node)
    spinner.spin_until_future_complete(rclpy.task.Future(), timeout_sec=spin.LONG_S)


# Our nodes ------------------------------------------------------------------------------------------------------------


class Still:
    """An arm without physics, in the place of the simulation: it stays where it is, and writes how long rounds took."""

    def __init__(self, told: str, rounds: int, contract: Contract) -> None:
        self._told, self._rounds, self._contract = told, rounds, contract
        self.start, self.way, self.stamp_ns = EpisodeStart("fork", 0, 0), None, 0
        self._times: list[float] = []

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        self.stamp_ns += 10 * STEP_NS
        self.start = EpisodeStart("fork", seed, self.stamp_ns, self.start.number + 1)

    def reading(self) -> RobotState:
        """Return where it stays."""
        names = tuple(f"panda_joint{n}" for n in range(1, 8))
        tool, upright = [0.3, 0.0, 0.1], [0.0, 0.0, 0.0, 1.0]
        objects = [[0.5, 0.0, 0.1], [0.6, 0.1, 0.1], [0.6, -0.1, 0.1]]
        angles, speeds, place, turn, seen = map(_array, ([0.1] * 7, [0.0] * 7, tool, upright, objects))
        return RobotState(self.stamp_ns, angles, speeds, place, turn, seen, names)

    def advance(self, action: Array) -> tuple[RobotState, str | None]:
        """Take one step; the last of the rounds ends the episode."""
        self._times.append(time.perf_counter())
        self.stamp_ns += STEP_NS
        if len(self._times) <= WARM_UP + self._rounds:
            return self.reading(), None
        times = self._times[WARM_UP:]
        tell(self._told, seconds=[later - earlier for earlier, later in zip(times, times[1:])])
        return self.reading(), "success"

    def close(self) -> None:
        """Do nothing; there is nothing to close."""


def _array(values: Any) -> Array:
    import numpy as np

    return np.array(values, dtype=np.float64)


def read_typed(node: IlNode[Any], reader: codecs.Reader[Any], callback: Callable[[Any], None]) -> Any:
    """Read as ``IlNode.read`` does, with messages that rclpy has made objects of."""
    return node.subscribe(reader.topic, lambda message: callback(reader.of(message)))


def replace(owner: object, name: str, value: Any) -> None:
    """Put a stock part in the place of one of ours."""
    setattr(owner, name, value)


def nodes(names: list[str], stock: bool, told: str, rounds: int) -> None:
    """Run some of our nodes, the simulation without physics; ``stock`` gives each its further subscriptions."""
    import torch

    from il_ros.nodes import container_node, sim_node

    torch.set_num_threads(1)
    replace(sim_node, "ArmEnv", lambda task, contract, **more: Still(told, rounds, contract))
    if stock:
        os.environ["IL_ROS_EXECUTOR"] = "single"
        replace(IlNode, "read", read_typed)
        for writer in (codecs.ChunkWriter, codecs.CommandWriter, codecs.ReadingWriter, codecs.RecordWriter):
            replace(writer, "__call__", writer.message)

    def made(name: str) -> Node:
        node: Node = container_node.Factory(name)()
        for topic in FURTHER if stock else ():
            node.create_subscription(JointState, topic.name, lambda message: None, qos.STREAM)
        return node

    spin.main(*(functools.partial(made, name) for name in names))


ROLES: dict[str, Callable[..., None]] = {
    "speak": speak,
    "keep": keep,
    "ask": ask,
    "answer": answer_alone,
    "nodes": nodes,
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](**json.loads(sys.argv[2]))
