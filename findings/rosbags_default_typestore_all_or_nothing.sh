#!/usr/bin/env bash
# rosbags 0.11.9: AnyReader's default_typestore, the types for bags without definitions, is used only if no connection of the
# bag has a definition. One topic whose recorder knew its type turns it off for all the others: a standard type without a
# definition, as recorders write it when the package is not installed where they run, then raises KeyError, though the
# default knows it. Seen here (2026-11-29), a std_msgs/msg/Int32 of 7 without a definition:
#   alone: 7
#   beside a topic with a definition: KeyError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rosbags==0.11.9 mcap==1.6.0
cat > "$folder/default_typestore.py" <<'P'
import struct
import sys
from pathlib import Path

from mcap.writer import Writer
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

BARE, DEFINED = ("/bare", "std_msgs/msg/Int32", ""), ("/defined", "std_msgs/msg/UInt32", "uint32 data\n")


def read(path, topics):
    """Write one message of 7 on each topic, and return what is read of ``/bare``, or the class of the error."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("ros2", "")
        for topic, type_name, definition in topics:
            schema = writer.register_schema(type_name, "ros2msg" if definition else "", definition.encode())
            channel = writer.register_channel(topic, "cdr", schema)
            writer.add_message(channel, 1, b"\0\1\0\0" + struct.pack("<i", 7), 1)
        writer.finish()
    with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        ((connection, _, data),) = [row for row in reader.messages() if row[0].topic == "/bare"]
        try:
            return reader.deserialize(data, connection.msgtype).data
        except KeyError as error:
            return type(error).__name__


folder = Path(sys.argv[1])
results = [read(folder / "alone.mcap", [BARE]), read(folder / "beside.mcap", [BARE, DEFINED])]
print(f"alone: {results[0]}\nbeside a topic with a definition: {results[1]}")
sys.exit(results != [7, "KeyError"])
P
"$folder/venv/bin/python" "$folder/default_typestore.py" "$folder"
