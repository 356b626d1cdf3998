#!/usr/bin/env bash
# rclpy 7.1.6 with rmw_fastrtps_cpp 8.4.3 (ROS 2 Jazzy, wheels): the received_timestamp of a message that arrives while the
# subscribing process is stopped (SIGSTOP, a laptop that sleeps, a debugger) is not when it arrived but when the process
# goes on. A message that has waited for two seconds looks as if it had just come, so a watchdog or a dead-man switch
# that goes by received_timestamp takes an old press for a new one. source_timestamp tells the truth, by the publisher's
# clock. Seen here (2026-11-29):
#   running: received 0.0002 s after it was sent
#   stopped for 2 s meanwhile: received 2.001 s after it was sent
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q ros-jazzy-rclpy==7.1.6 ros-jazzy-rmw-fastrtps-cpp==8.4.3 ros-jazzy-common-interfaces==5.3.6
cat > "$folder/stop.py" <<'P'
import os
import signal
import subprocess
import sys
import time

import rclpy
from rclpy.node import Node
from std_msgs.msg import Float64


def subscribe():
    rclpy.init()
    node = Node("subscriber")
    print("ready", flush=True)
    node.create_subscription(Float64, "number", lambda m, info: print(info["received_timestamp"], flush=True), 10)
    rclpy.spin(node)


def publish(publisher):
    sent_ns = time.time_ns()
    publisher.publish(Float64(data=1.0))
    return sent_ns


if sys.argv[1:] == ["subscribe"]:
    subscribe()
child = subprocess.Popen([sys.executable, __file__, "subscribe"], stdout=subprocess.PIPE, text=True)
try:
    assert child.stdout.readline() == "ready\n"
    rclpy.init()
    node = Node("publisher")
    publisher = node.create_publisher(Float64, "number", 10)
    while not publisher.get_subscription_count():
        time.sleep(0.05)
    time.sleep(0.5)
    sent_ns = publish(publisher)
    running_s = (int(child.stdout.readline()) - sent_ns) / 1e9
    os.kill(child.pid, signal.SIGSTOP)
    sent_ns = publish(publisher)
    time.sleep(2.0)
    os.kill(child.pid, signal.SIGCONT)
    stopped_s = (int(child.stdout.readline()) - sent_ns) / 1e9
finally:
    child.kill()
print(f"running: received {running_s:.4f} s after it was sent")
print(f"stopped for 2 s meanwhile: received {stopped_s:.3f} s after it was sent")
sys.exit(not (running_s < 0.5 and stopped_s > 1.5))
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH -u LD_LIBRARY_PATH ROS_DOMAIN_ID=$((RANDOM % 100 + 1)) \
  ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST timeout 60 "$folder/venv/bin/python" "$folder/stop.py"
