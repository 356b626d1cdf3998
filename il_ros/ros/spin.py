# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Spinning: the events executor, and the single-threaded one where it is missing or asked for.

The events executor's plain ``spin()`` burns a core and delivers nothing in the wheels of Jazzy and Kilted; waiting for
a future with a finite timeout works. A test holds this file to that.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from il_ros.core.errors import IlRosError

LONG_S = 1e6
FAREWELLS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def make() -> Any:
    """The fast executor; ``IL_ROS_EXECUTOR=single`` asks for the plain one."""
    if os.environ.get("IL_ROS_EXECUTOR", "events") != "single":
        try:
            from rclpy.experimental import EventsExecutor

            return EventsExecutor()
        except ImportError:
            pass  # older rclpy has no events executor: the plain one serves
    return rclpy.executors.SingleThreadedExecutor()


def spin(nodes: Sequence[Node], ended: Future) -> None:
    """Run the callbacks of ``nodes`` until ``ended`` is done, or somebody shuts their context down."""
    executor = make()
    for node in nodes:
        executor.add_node(node)
    try:
        executor.spin_until_future_complete(ended, timeout_sec=LONG_S)
    except ExternalShutdownException:
        return


class ShutdownSignals:
    """Notes SIGINT, SIGTERM and SIGHUP from now on; the first of them ends the spinning, and nothing else.

    rclpy's own handlers would shut the context down, after which a node cannot publish its last command. Python runs a
    handler only between two lines of the main thread, which waits in the executor: so a thread is woken by the byte
    that Python's C handler writes.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        """The numbers of those that came."""
        self.ended = Future()
        """Done when the first has come."""
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        for number in FAREWELLS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                signal.signal(number, lambda number, frame: self.signals.append(number))
        signal.set_wakeup_fd(write)
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while os.read(self._read, 1)[0] not in FAREWELLS:
            pass
        self.ended.set_result(None)


def main(*factories: Callable[[], Node]) -> int:
    """Make the nodes, spin them, and close each one; the exit code of the process.

    A signal ends the spinning, and nothing else: whatever is being written is finished, every node says its last word
    in ``close``, and a second signal changes nothing.
    """
    farewell = ShutdownSignals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    nodes: list[Any] = []
    try:
        for factory in factories:
            nodes.append(factory())
            if farewell.signals:
                return 128 + farewell.signals[0]
        gc.freeze()  # what is there now stays; searching it again and again for garbage would make pauses
        spin(nodes, farewell.ended)
    except IlRosError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        for node in nodes:
            node.close()
        rclpy.try_shutdown()
        for number in FAREWELLS:
            signal.signal(number, signal.SIG_IGN)  # Python's end would bring back what kills
    return 0
