# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""After the expert's process stood still, what its driver told meanwhile moves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Joy

from il_ros.core import messages
from il_ros.core import topics as topic_table
from il_ros.core.contract import Contract
from il_ros.core.types import Chunk, RobotState
from il_ros.ros import qos
from il_ros.ros.message_types import message_class

pytestmark = [pytest.mark.graph, pytest.mark.alone]
CONTRACT = Contract.load("panda_plane")
JOINTS = tuple(f"panda_joint{n}" for n in range(1, 8))
STALL_S = 0.5


class Bench:
    """An arm that stands still and a gamepad, in this process; the expert node is another."""

    def __init__(self, graph: Any) -> None:
        from rclpy.node import Node

        self.graph, self.node = graph, graph.add(Node("bench"))
        self.answers: list[Chunk] = []
        self.held, self.silent, self.stamp_ns = False, False, 10**9
        topics = {"joy": "sensor_msgs/msg/Joy", **{t.name: t.type_name for t in topic_table.READING}}
        self.publishers = {
            name: self.node.create_publisher(message_class(kind), name, qos.STREAM) for name, kind in topics.items()
        }
        kind = message_class(topic_table.EXPERT_ACTION.type_name)
        self.node.create_subscription(kind, topic_table.EXPERT_ACTION.name, self._hear, qos.STREAM)
        self.node.create_timer(0.02, self._tell)

    def _hear(self, message: Any) -> None:
        self.answers.append(messages.chunk_from(message, CONTRACT))

    def _tell(self) -> None:
        if not self.silent:
            self.press(self.held)
        self.stamp_ns += CONTRACT.step_ns
        tool, down = np.array([0.4, 0.0, 0.035]), np.array([1.0, 0.0, 0.0, 0.0])
        reading = RobotState(self.stamp_ns, np.zeros(7), np.zeros(7), tool, down, np.empty((0, 3)), JOINTS)
        filled = {t.name: message_class(t.type_name)() for t in topic_table.READING}
        messages.fill_reading(filled, reading, object)
        for name, message in filled.items():
            self.publishers[name].publish(message)

    def press(self, held: bool) -> None:
        self.publishers["joy"].publish(
            Joy(axes=[1.0 if held else 0.0] + [0.0] * 7, buttons=[0] * 4 + [int(held)] + [0] * 6)
        )

    def until(self, answers: Callable[[Chunk], bool]) -> bool:
        seen = len(self.answers)
        return self.graph.until(lambda: any(map(answers, self.answers[seen:])), 20.0)


@pytest.fixture
def expert() -> Iterator[subprocess.Popen[bytes]]:
    parameters = ("contract:=panda_plane", "device:=joy", "task:=''")
    arguments = [word for parameter in parameters for word in ("-p", parameter)]
    command = [sys.executable, "-m", "il_ros.nodes.expert_node", "--ros-args", *arguments]
    process = subprocess.Popen(command)
    yield process
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(20)


def test_a_press_from_before_a_stall_or_during_it_moves_nothing_after_it(
    ros: Callable[..., None], graph: Any, expert: subprocess.Popen[bytes]
) -> None:
    ros()
    bench = Bench(graph)
    assert bench.until(lambda answer: not answer.engaged), "no answer of the expert node"
    bench.held = True
    assert bench.until(lambda answer: answer.engaged)

    os.kill(expert.pid, signal.SIGSTOP)
    limit = time.monotonic() + STALL_S
    graph.until(lambda: time.monotonic() > limit, STALL_S + 1.0)  # the pad goes on telling that it is held
    bench.silent = True  # and dies
    graph.until(lambda: False, 0.2)
    stalled = len(bench.answers)
    os.kill(expert.pid, signal.SIGCONT)
    assert bench.until(lambda answer: answer.lost)
    assert bench.graph.until(lambda: len(bench.answers) > stalled + 20, 10.0)
    assert not any(answer.engaged for answer in bench.answers[stalled:])

    bench.silent = False  # it is there again, its button still down
    assert not bench.graph.until(lambda: bench.answers[-1].engaged, 0.5)
    bench.held = False
    assert not bench.graph.until(lambda: bench.answers[-1].engaged, 0.2)
    bench.held = True
    assert bench.until(lambda answer: answer.engaged)
