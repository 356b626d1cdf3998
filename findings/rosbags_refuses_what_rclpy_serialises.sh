#!/usr/bin/env bash
# rclpy 7.1.6 with rmw_fastrtps_cpp 8.4.3 (ROS 2 Jazzy, wheels) and rosbags 0.11.9: serialize_message counts the alignment
# of the numbers of a sequence that is empty, so that a JointState with positions alone, as most grippers send, ends with
# 8 bytes that mean nothing. rclpy reads it back; rosbags refuses it. So it does every bag to which a script writes what
# serialize_message returns, which is how the tutorial of rosbag2 writes one. Seen here (2026-11-30):
#   positions alone: 60 bytes, rclpy reads [1.0], rosbags: CDR message size mismatch for 'sensor_msgs/msg/JointState'.
#   positions, velocities and efforts: 76 bytes, rclpy reads [1.0], rosbags reads [1.0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rosbags==0.11.9 \
    ros-jazzy-rclpy==7.1.6 ros-jazzy-rmw-fastrtps-cpp==8.4.3 ros-jazzy-common-interfaces==5.3.6
cat > "$folder/empty.py" <<'P'
import sys

from rclpy.serialization import deserialize_message, serialize_message
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import JointState

store = get_typestore(Stores.ROS2_JAZZY)
TYPE = "sensor_msgs/msg/JointState"


def by_rosbags(data):
    """Return the positions that rosbags reads, or what it says."""
    try:
        return store.deserialize_cdr(data, TYPE).position.tolist()
    except Exception as error:
        return str(error)


seen = []
for what, more in (("positions alone", {}), ("positions, velocities and efforts", {"velocity": [2.0], "effort": [3.0]})):
    data = serialize_message(JointState(name=["a"], position=[1.0], **more))
    own, other = deserialize_message(data, JointState).position.tolist(), by_rosbags(data)
    reads = f"reads {other}" if isinstance(other, list) else f": {other}"
    print(f"{what}: {len(data)} bytes, rclpy reads {own}, rosbags{' ' if isinstance(other, list) else ''}{reads}")
    seen.append((len(data), own, isinstance(other, list)))
sys.exit(seen != [(60, [1.0], False), (76, [1.0], True)])
P
"$folder/venv/bin/python" "$folder/empty.py"
