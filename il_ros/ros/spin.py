# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Spin nodes until a signal ends them, and return the exit code of their process."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from rclpy.utilities import try_shutdown

from il_ros.core.errors import IlRosError
from il_ros.ros.rclpy_internals.events_executor import make_executor

LONG_S = 1e6
"""A finite timeout, since the events executor does not work with an infinite one."""
SHUTDOWN_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def spin(nodes: Sequence[Node], ended: Future) -> None:
    """Run the callbacks of ``nodes`` until ``ended`` is done, or their context is shut down."""
    executor = make_executor()
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
        """The numbers of those that were received."""
        self.ended: Future = Future()
        """Done when the first was received."""
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        for number in SHUTDOWN_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it on purpose
                signal.signal(number, self._note)
        signal.set_wakeup_fd(write)
        threading.Thread(target=self._wait, daemon=True).start()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)

    def _wait(self) -> None:
        while os.read(self._read, 1)[0] not in SHUTDOWN_SIGNALS:
            pass
        self.ended.set_result(None)


def main(*factories: Callable[[], Node]) -> int:
    """Make the nodes, spin them, and close each one; return the exit code of the process.

    A signal ends the spinning, and nothing else: whatever is being written is finished, every node publishes its last
    message in ``close``, and a second signal changes nothing.
    """
    shutdown = ShutdownSignals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    nodes: list[Any] = []
    try:
        for factory in factories:
            nodes.append(factory())
            if shutdown.signals:
                return 128 + shutdown.signals[0]
        gc.freeze()  # what exists now stays; searching it again and again for garbage would make pauses
        spin(nodes, shutdown.ended)
    except IlRosError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        for node in nodes:
            node.close()
        try_shutdown()
        for number in SHUTDOWN_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the interpreter's end would restore handlers that kill
    return 0
