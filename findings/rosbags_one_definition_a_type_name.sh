#!/usr/bin/env bash
# rosbags 0.11.9 (AnyReader) on an MCAP file, in which every channel has a schema of its own: of two channels whose schemas
# share a name and differ (two vendors, two versions of one package), one definition is kept, and the messages of both
# channels are decoded with it. No error, no warning: the numbers of the other channel stand in the wrong fields.
# mcap 1.6.0 with mcap-ros2-support 0.6.0 decodes the same file channel by channel. Seen here (2026-11-29), where every
# message says position 1.0, velocity 0.5:
#   rosbags /left: position 0.5, velocity 1.0
#   rosbags /right: position 1.0, velocity 0.5
#   mcap-ros2-support /left: position 1.0, velocity 0.5
#   mcap-ros2-support /right: position 1.0, velocity 0.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rosbags==0.11.9 mcap==1.6.0 mcap-ros2-support==0.6.0
cat > "$folder/two_definitions.py" <<'P'
import struct
import sys
from pathlib import Path

from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader

path = Path(sys.argv[1]) / "two_arms.mcap"
CHANNELS = {
    "/left": ("float64 position\nfloat64 velocity\n", (1.0, 0.5)),
    "/right": ("float64 velocity\nfloat64 position\n", (0.5, 1.0)),
}
with path.open("wb") as file:
    writer = Writer(file)
    writer.start("ros2", "two arms")
    for topic, (definition, numbers) in CHANNELS.items():
        schema = writer.register_schema("arm/msg/State", "ros2msg", definition.encode())
        channel = writer.register_channel(topic, "cdr", schema)
        writer.add_message(channel, 1, b"\0\1\0\0" + struct.pack("<dd", *numbers), 1)
    writer.finish()

results = []
with AnyReader([path]) as reader:
    for connection, _, data in reader.messages():
        message = reader.deserialize(data, connection.msgtype)
        results.append(("rosbags", connection.topic, message.position, message.velocity))
with path.open("rb") as file:
    for _, channel, _, message in make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
        results.append(("mcap-ros2-support", channel.topic, message.position, message.velocity))
for library, topic, position, velocity in results:
    print(f"{library} {topic}: position {position}, velocity {velocity}")
expected = [
    ("rosbags", "/left", 0.5, 1.0),
    ("rosbags", "/right", 1.0, 0.5),
    ("mcap-ros2-support", "/left", 1.0, 0.5),
    ("mcap-ros2-support", "/right", 1.0, 0.5),
]
sys.exit(results != expected)
P
"$folder/venv/bin/python" "$folder/two_definitions.py" "$folder"
