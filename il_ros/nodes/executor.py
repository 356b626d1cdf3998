# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Spinning: the events executor, and the single-threaded one where it is missing or asked for.

The events executor's plain ``spin()`` burns a core and delivers nothing in the wheels of Jazzy and Kilted; waiting for
a future with a finite timeout works. A test holds this file to that.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future

from il_ros.errors import IlRosError

LONG_S = 1e6
FAREWELLS = (signal.SIGINT, signal.SIGTERM)


def make() -> Any:
    """The fast executor; ``IL_ROS_EXECUTOR=single`` asks for the plain one."""
    if os.environ.get("IL_ROS_EXECUTOR", "events") != "single":
        try:
            from rclpy.experimental import EventsExecutor

            return EventsExecutor()
        except ImportError:
            pass  # older rclpy has no events executor: the plain one serves
    return rclpy.executors.SingleThreadedExecutor()


def spin(nodes: Sequence[Node]) -> None:
    """Run the callbacks of ``nodes`` until a signal or a shutdown."""
    executor = make()
    for node in nodes:
        executor.add_node(node)
    try:
        executor.spin_until_future_complete(Future(), timeout_sec=LONG_S)
    except ExternalShutdownException:
        return


def hear_signals() -> list[int]:
    """From now on SIGINT and SIGTERM are noted in this list; rclpy, which hears them first, ends the spinning.

    Python's own answer to SIGINT is an exception at whatever line is being run, be it one that closes a file.
    """
    told: list[int] = []
    for number in FAREWELLS:
        signal.signal(number, lambda number, frame: told.append(number))
    return told


def _is_over(told: Sequence[int]) -> bool:
    """Whether a signal has ended all; Python may hear of it a moment later than rclpy."""
    limit = time.monotonic() + 0.1
    while not rclpy.ok() and not told and time.monotonic() < limit:
        time.sleep(0.001)
    return bool(told) and not rclpy.ok()


def main(*factories: Callable[[], Node]) -> int:
    """Make the nodes, spin them, and close each one; the exit code of the process.

    SIGINT and SIGTERM end the spinning, and nothing else: whatever is being written is finished, and a second signal
    changes nothing.
    """
    told = hear_signals()
    rclpy.init()
    nodes: list[Any] = []
    try:
        for factory in factories:
            nodes.append(factory())
        gc.freeze()  # what is there now stays; searching it again and again for garbage would make pauses
        spin(nodes)
    except Exception as error:
        if _is_over(told):  # a callback, or a node that was being made, found it out
            return 0 if len(nodes) == len(factories) else 128 + told[0]
        if not isinstance(error, IlRosError):
            raise
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        for node in nodes:
            node.close()
        rclpy.try_shutdown()
        for number in FAREWELLS:
            signal.signal(number, signal.SIG_IGN)  # Python's end would bring back what kills
    return 0
