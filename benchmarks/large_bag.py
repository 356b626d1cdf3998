# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Large bags: how long, and with how much memory, the commands take that read them.

Each reading is a process of its own. The kernel reports how much time of a processor it took, which others that run
meanwhile hardly change, and the peak of its resident memory.

Examples:
  python -m benchmarks.large_bag                               1 million messages in 10 files, and three bags of 4 GB
  python -m benchmarks.large_bag --only split --base ../other  the same by the sources in another folder, in turn
  python -m benchmarks.large_bag --only pictures --gigabytes 0.5
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mcap.writer import CompressionType, Writer
from rich.console import Console
from rich.table import Table
from rosbags.typesys import Stores, get_typestore

from benchmarks.environment import ROOT

STORE = get_typestore(Stores.ROS2_JAZZY)
JOINTS, ARRAY = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
POSE, IMAGE = "geometry_msgs/msg/PoseStamped", "sensor_msgs/msg/Image"
NAMES = [f"joint{n}" for n in range(1, 8)]
BEGIN_NS, MS = 1_700_000_000 * 10**9, 10**6
PICTURE_BYTES = 640 * 480 * 3
Message = tuple[str, str, int, bytes]
"""Topic, type, time in ns and serialised bytes."""

TRAIN = "from pathlib import Path;from il_ros.core.contract import Contract;"
TRAIN += "from il_ros.recording.episodes.reader import read_episode;"
TRAIN += "read_episode(Path({bag!r}), Contract.load({contract!r}))"
COMMANDS = {
    "contract check": ["-m", "il_ros.cli", "contract", "check", "{contract}", "--bag", "{bag}", "--json"],
    "info": ["-m", "il_ros.cli", "info", "{bag}", "--contract", "{contract}", "--json"],
    "read for train": ["-c", TRAIN],
}


def _header(ns: int) -> Any:
    stamp = STORE.types["builtin_interfaces/msg/Time"](*divmod(ns, 10**9))
    return STORE.types["std_msgs/msg/Header"](stamp, "base")


def _template(message: Any) -> tuple[bytearray, str]:
    return bytearray(STORE.serialize_cdr(message, message.__msgtype__)), message.__msgtype__


def _joints() -> tuple[bytearray, str]:
    zero = np.zeros(7)
    return _template(STORE.types[JOINTS](_header(0), NAMES, zero, zero, zero))


def _numbers(count: int) -> tuple[bytearray, str]:
    layout = STORE.types["std_msgs/msg/MultiArrayLayout"]([], 0)
    return _template(STORE.types[ARRAY](layout, np.zeros(count)))


def _pose() -> tuple[bytearray, str]:
    pose = STORE.types["geometry_msgs/msg/Pose"](
        STORE.types["geometry_msgs/msg/Point"](0.0, 0.0, 0.0),
        STORE.types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0),
    )
    return _template(STORE.types[POSE](_header(0), pose))


def _picture() -> tuple[bytearray, str]:
    pixels = np.random.default_rng(0).integers(0, 256, PICTURE_BYTES, np.uint8)
    return _template(STORE.types[IMAGE](_header(0), 480, 640, "rgb8", 0, 1920, pixels))


def _stamped(template: tuple[bytearray, str], topic: str, ns: int, wave: float) -> Message:
    """Return a copy of a message with a stamp of its own and, last, a number of its own."""
    data, type_name = template
    if type_name != ARRAY:
        data[4:12] = np.array(divmod(ns, 10**9), "<u4").tobytes()
    at = len(data) - 21 * 8 - 8 if type_name == JOINTS else len(data) - 8
    if type_name != IMAGE:
        data[at : at + 8] = np.float64(wave).tobytes()
    return topic, type_name, ns, bytes(data)


def _split(messages: int) -> Iterator[Message]:
    """Write, of five messages, two joint states, a pose, a command and one that nobody asks for; 200 steps a second."""
    joints, pose, command, other = _joints(), _pose(), _numbers(7), _numbers(3)
    for k in range(messages // 5):
        ns, wave = BEGIN_NS + k * 5 * MS, float(np.sin(k / 50))
        yield _stamped(joints, "/joint_states", ns, wave)
        yield _stamped(joints, "/joint_states", ns + 2 * MS, wave)
        yield _stamped(pose, "/tool_pose", ns, wave)
        yield _stamped(command, "/command", ns, wave)
        yield _stamped(other, "/temperatures", ns, wave)


def _pictures(size: float) -> Iterator[Message]:
    """Yield pictures that nobody asks for, 20 a second, beside the joints and commands."""
    joints, command, picture, written, k = _joints(), _numbers(7), _picture(), 0, 0
    while written < size:
        ns, wave = BEGIN_NS + k * 50 * MS, float(np.sin(k / 50))
        yield _stamped(joints, "/joint_states", ns, wave)
        yield _stamped(command, "/command", ns, wave)
        yield _stamped(picture, "/camera/image_raw", ns, wave)
        written, k = written + len(picture[0]), k + 1


def _large(size: float) -> Iterator[Message]:
    """Yield messages of 1 MB each on a topic that is asked for: a number of it is part of the observation."""
    joints, command, large, written, k = _numbers(7), _numbers(7), _numbers(125_000), 0, 0
    while written < size:
        ns, wave = BEGIN_NS + k * 50 * MS, float(np.sin(k / 50))
        yield _stamped(large, "/field", ns, wave)
        yield _stamped(command, "/command", ns, wave)
        written, k = written + len(large[0]) + len(joints[0]), k + 1


def _small(size: float) -> Iterator[Message]:
    """Yield nothing but joint states at 1000 Hz and commands: as many numbers that are asked for as a bag can hold."""
    joints, command, written, k = _joints(), _numbers(7), 0, 0
    while written < size:
        ns, wave = BEGIN_NS + k * MS, float(np.sin(k / 500))
        yield _stamped(joints, "/joint_states", ns, wave)
        if k % 10 == 0:
            yield _stamped(command, "/command", ns, wave)
        written, k = written + len(joints[0]) + 40, k + 1


KINDS: dict[str, Callable[[float], Iterator[Message]]] = {
    "split": lambda size: _split(1_000_000),
    "pictures": _pictures,
    "large": _large,
    "small": _small,
}


def write(bag: Path, messages: Iterator[Message], files: int = 1, total: int = 0, is_compressed: bool = False) -> None:
    """Write a bag as rosbag2 does, with its ``metadata.yaml``, in so many files."""
    shutil.rmtree(bag, ignore_errors=True)
    bag.mkdir(parents=True)
    names, counts, types = [], dict[str, int](), dict[str, str]()
    for number in range(files):
        path = bag / f"{bag.name}_{number}.mcap"
        names.append(path.name)
        with path.open("wb") as file:
            compression = CompressionType.ZSTD if is_compressed else CompressionType.NONE
            writer, channels = Writer(file, compression=compression), dict[str, int]()
            writer.start("ros2", "bench")
            for topic, type_name, ns, data in messages:
                if topic not in channels:
                    text = STORE.generate_msgdef(type_name, ros_version=2)[0].encode()
                    schema = writer.register_schema(type_name, "ros2msg", text)
                    channels[topic] = writer.register_channel(topic, "cdr", schema)
                writer.add_message(channels[topic], ns, data, ns)
                counts[topic], types[topic] = counts.get(topic, 0) + 1, type_name
                if number + 1 < files and sum(counts.values()) >= (number + 1) * total // files:
                    break
            writer.finish()  # type: ignore[no-untyped-call]
    _describe(bag, names, counts, types)


def _describe(bag: Path, names: list[str], counts: dict[str, int], types: dict[str, str]) -> None:
    described = [
        {"topic_metadata": {"name": n, "type": t, "serialization_format": "cdr"}, "message_count": counts[n]}
        for n, t in types.items()
    ]
    document = {
        "version": 9,
        "storage_identifier": "mcap",
        "starting_time": {"nanoseconds_since_epoch": BEGIN_NS},
        "duration": {"nanoseconds": 0},
        "message_count": sum(counts.values()),
        "topics_with_message_count": described,
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": names,
    }
    (bag / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": document}, sort_keys=False))


def contract_of(kind: str, path: Path) -> None:
    """Write the contract by which a bag is read."""
    limits = {"low": -0.9, "high": 0.9, "max_step": 1.0}
    topics, fields = {"joint_states": JOINTS}, {n: ("joint_states", f"position[{n}]") for n in NAMES}
    if kind == "split":
        topics, fields = {**topics, "tool_pose": POSE}, {**fields, "x": ("tool_pose", "pose.position.x")}
    if kind == "large":
        topics, fields = {"field": ARRAY}, {"last": ("field", "data.124999")}
    document = {
        "rate_hz": 100.0,
        "topics": topics,
        "observation": {name: {"topic": topic, "field": field} for name, (topic, field) in fields.items()},
        "action": dict.fromkeys(NAMES, limits),
        "command": {"type": ARRAY},
    }
    path.write_text(yaml.safe_dump({**document, "rate_hz": 100.0 if kind in ("split", "small") else 20.0}))


def measure(words: Sequence[str], sources: Path) -> tuple[float, float]:
    """Return seconds of the processor and, at its peak, MB of a process of Python."""
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, cwd=sources, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise ValueError(f"{' '.join(words)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table and one line of JSON for each row of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=KINDS, action="append", help="of the bags")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="of the commands (default: all)")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of a bag")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--base", type=Path, help="folder with other sources to compare with")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "il_ros_bench" / "large")
    args = parser.parse_args(arguments)
    sides = {"ours": ROOT, **({"base": args.base.resolve()} if args.base else {})}
    table = Table("bag", "command", *(f"{side} {unit}" for side in sides for unit in ("s", "MB")))
    for kind in args.only or KINDS:
        bag, contract = args.folder / kind, args.folder / f"{kind}.yaml"
        is_split = kind == "split"
        write(bag, KINDS[kind](1e9 * args.gigabytes), 10 if is_split else 1, 10**6 * is_split, is_split)
        contract_of(kind, contract)
        for name in args.command or COMMANDS:
            words = [word.format(bag=str(bag), contract=str(contract)) for word in COMMANDS[name]]
            rows = [{side: measure(words, sources) for side, sources in sides.items()} for _ in range(args.rounds)]
            medians = {side: [statistics.median(row[side][n] for row in rows) for n in (0, 1)] for side in sides}
            table.add_row(kind, name, *(f"{n:,.1f}" for side in sides for n in medians[side]))
            print(json.dumps({"bag": kind, "command": name, **medians}), flush=True)
        shutil.rmtree(bag)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
