#!/usr/bin/env bash
# rclpy 7.1.6 (ROS 2 Jazzy, wheels): a node that has a guard condition cannot be spun by rclpy.experimental.EventsExecutor.
# create_guard_condition works, add_node works, and spinning raises RuntimeError, where the single-threaded executor spins
# the same node. So a guard condition, which is what wakes an executor from another thread or from a signal handler, cannot
# be used with it; setting a Future that the executor waits for, from that thread, can. Seen here (2026-11-29):
#   SingleThreadedExecutor: woken by the guard condition
#   EventsExecutor: RuntimeError: Guard conditions not supported
#   EventsExecutor: woken by a future from another thread
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q ros-jazzy-rclpy==7.1.6 ros-jazzy-rmw-fastrtps-cpp==8.4.3 ros-jazzy-common-interfaces==5.3.6
cat > "$folder/guard.py" <<'P'
import sys
import threading

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.task import Future


def woken(kind, guarded):
    rclpy.init()
    node, ended = Node("node"), Future()
    executor = kind()
    wake = lambda: ended.set_result(None)  # noqa: E731
    if guarded:
        guard = node.create_guard_condition(wake)
        wake = guard.trigger
    executor.add_node(node)
    threading.Timer(0.5, wake).start()
    try:
        executor.spin_until_future_complete(ended, timeout_sec=10.0)
        return f"woken by {'the guard condition' if guarded else 'a future from another thread'}" if ended.done() else "asleep"
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    finally:
        rclpy.try_shutdown()


told = [woken(SingleThreadedExecutor, True), woken(EventsExecutor, True), woken(EventsExecutor, False)]
for name, words in zip(("SingleThreadedExecutor", "EventsExecutor", "EventsExecutor"), told):
    print(f"{name}: {words}")
expected = ["woken by the guard condition", "RuntimeError: Guard conditions not supported", "woken by a future from another thread"]
sys.exit(told != expected)
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH -u LD_LIBRARY_PATH ROS_DOMAIN_ID=$((RANDOM % 100 + 1)) \
  ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST timeout 60 "$folder/venv/bin/python" "$folder/guard.py"
