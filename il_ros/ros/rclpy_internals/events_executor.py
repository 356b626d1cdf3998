# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The events executor of rclpy, which is experimental.

Why: it takes a fraction of the processor time of the plain executors per message, which decides how fast a lockstep run
is. Its ``spin()`` uses a whole core and delivers nothing in the wheels of Jazzy and Kilted; ``il_ros.ros.spin`` waits
for a future with a finite timeout instead, which works. The plain way is ``rclpy.executors.SingleThreadedExecutor``.
"""

from __future__ import annotations

import os

from rclpy.executors import Executor, SingleThreadedExecutor

VARIABLE = "IL_ROS_EXECUTOR"
"""An environment variable: ``single`` selects the plain executor."""


def make_executor() -> Executor:
    """Return the events executor, or the plain one where that is missing or asked for."""
    return SingleThreadedExecutor() if os.environ.get(VARIABLE, "events") == "single" else _events_executor()


def _events_executor() -> Executor:
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:  # older rclpy has no events executor
        return SingleThreadedExecutor()
    executor: Executor = EventsExecutor()
    return executor
