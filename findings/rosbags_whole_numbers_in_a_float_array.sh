#!/usr/bin/env bash
# rosbags 0.11.9: a message whose float64[] field holds a numpy array of whole numbers is serialised without an error, bit by
# bit: position = numpy.array([1, 2]) is read back, by rosbags and by everybody else, as 5e-324 and 1e-323. An array of
# float32 in the same place is refused, and so is a list. Who writes joint positions that happen to be whole numbers, from
# encoder ticks or a table of key frames, gets a bag of an arm that stands at zero. Seen here (2026-11-29):
#   numpy int64 [1 2] is written, and read as [5.e-324 1.e-323]
#   numpy float64 [1. 2.] is written, and read as [1. 2.]
#   numpy float32 [1. 2.] is refused: ValueError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rosbags==0.11.9
cat > "$folder/whole_numbers.py" <<'P'
import sys

import numpy as np
from rosbags.typesys import Stores, get_typestore

store = get_typestore(Stores.ROS2_JAZZY)
JOINTS = "sensor_msgs/msg/JointState"


def round_trip(position):
    """Write a joint state and read its positions back, or return the class of the error."""
    stamp = store.types["builtin_interfaces/msg/Time"](0, 0)
    header = store.types["std_msgs/msg/Header"](stamp, "base")
    message = store.types[JOINTS](header, ["a", "b"], position, np.zeros(0), np.zeros(0))
    try:
        return store.deserialize_cdr(store.serialize_cdr(message, JOINTS), JOINTS).position.tolist()
    except Exception as error:
        return type(error).__name__


results = {}
for kind in (np.int64, np.float64, np.float32):
    position = np.array([1, 2], kind)
    results[kind.__name__] = result = round_trip(position)
    told = f"refused: {result}" if isinstance(result, str) else f"written, and read as {np.array(result)}"
    print(f"numpy {kind.__name__} {position} is {told}")
expected = {"int64": [5e-324, 1e-323], "float64": [1.0, 2.0], "float32": "ValueError"}
sys.exit(results != expected)
P
"$folder/venv/bin/python" "$folder/whole_numbers.py"
