#!/usr/bin/env bash
# openpi-client 0.1.2: the arrays that a policy server answers with cannot be written to. They are views of the bytes that
# were received (msgpack_numpy.unpackb), also those that an answer holds in a list, and nothing says so before the first
# write. Who clips, scales or turns a gripper's column of actions in place, as with arrays of any other policy, gets a
# ValueError on the arm and none in a test that fakes the server with arrays of its own. Copy them first. Seen here
# (2026-11-30), numpy 2.2.6, msgpack 1.1.2:
#   received: writeable False, owns its data False
#   actions *= 0.5: ValueError: output array is read-only
#   a copy: writeable True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-deps openpi-client==0.1.2 msgpack==1.1.2 numpy==2.2.6
cat > "$folder/read_only.py" <<'P'
import sys

import numpy as np
from openpi_client import msgpack_numpy

sent = {"actions": np.ones((16, 7), np.float32), "more": [np.zeros(3)]}
received = msgpack_numpy.unpackb(msgpack_numpy.packb(sent))
actions = received["actions"]
print(f"received: writeable {actions.flags.writeable}, owns its data {actions.flags.owndata}")
try:
    actions *= 0.5
    told = "done"
except ValueError as error:
    told = f"ValueError: {error}"
print(f"actions *= 0.5: {told}")
print(f"a copy: writeable {actions.copy().flags.writeable}")
expected = "ValueError: output array is read-only"
sys.exit(told != expected or received["more"][0].flags.writeable or not sent["actions"].flags.writeable)
P
"$folder/venv/bin/python" "$folder/read_only.py"
