# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""Damaged bags: bit flips, cut ends and swapped blocks; what is read of them, and whether it is reported.

Each case damages one file of a small sound bag of another program, ``metadata.yaml`` now and then, and reads it as
``il-ros train`` does. A case is ``same`` if the numbers are those of the sound bag, ``refused`` if a ``DataError`` says
why not, ``told`` if they differ and a remark or a count of what was left out says so, ``unchecked`` if they differ and
only the remark that the format keeps no checksums says that they may, ``silent`` if nothing does, and ``traceback`` if
another error comes. The last two must not happen. MCAP is written in chunks with CRCs, compressed or not, and without
chunks with a CRC over all data; SQLite keeps no CRC, and neither does MCAP as some presets of rosbag2 write it.

Examples:
  python -m benchmarks.fuzz
  python -m benchmarks.fuzz --cases 10000 --formats sqlite3 mcap-plain --first-seed 1000000
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import IlRosError
from il_ros.recording.bag.mcap_scanner import UNCHECKED
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import verdicts
from il_ros.recording.episodes.reader import read_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
STEPS, STEP_NS, START_NS = 60, 50_000_000, 1_700_000_000 * 10**9
JOINTS, ARRAY = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
CONTRACT = f"""
rate_hz: 20.0
topics: {{joint_states: {JOINTS}}}
observation:
  a: {{topic: joint_states, field: 'position[a]', unit: rad}}
  b: {{topic: joint_states, field: 'velocity[b]', unit: rad/s}}
action:
  a: {{low: -3.0, high: 3.0, max_step: 1.0, rest: a, unit: rad}}
command: {{type: {ARRAY}}}
"""
BAD = ("silent", "traceback")


def rows() -> list[tuple[str, str, int, bytes]]:
    """Return topic, type, time and bytes of each message of the sound bag."""
    make, result = STORE.types, []
    for k in range(STEPS):
        ns = START_NS + k * STEP_NS
        header = make["std_msgs/msg/Header"](make["builtin_interfaces/msg/Time"](*divmod(ns, 10**9)), "base")
        numbers = np.array([np.sin(k / 9), np.cos(k / 9)])
        joints = make[JOINTS](header, ["a", "b"], numbers, -numbers, numbers[:0])
        command = make[ARRAY](make["std_msgs/msg/MultiArrayLayout"]([], 0), np.array([np.sin((k + 1) / 9)]))
        result += [("/joint_states", JOINTS, ns, bytes(STORE.serialize_cdr(joints, JOINTS)))]
        result += [("/command", ARRAY, ns + 1000, bytes(STORE.serialize_cdr(command, ARRAY)))]
    return result


def write_rosbag(bag: Path, plugin: StoragePlugin) -> None:
    """Write the sound bag by rosbags."""
    with Writer(bag, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for topic, kind, ns, data in rows():
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], ns, data)


def write_mcap(bag: Path, compression: CompressionType = CompressionType.NONE, chunked: bool = True) -> None:
    """Write the sound bag by the mcap package, without ``metadata.yaml``."""
    bag.mkdir()
    with (bag / f"{bag.name}_0.mcap").open("wb") as file:
        writer = McapWriter(
            file, chunk_size=4096, compression=compression, use_chunking=chunked, enable_data_crcs=not chunked
        )
        writer.start("ros2", "another")
        channels: dict[str, int] = {}
        for topic, kind, ns, data in rows():
            if topic not in channels:
                text = STORE.generate_msgdef(kind, ros_version=2)[0].encode()
                channels[topic] = writer.register_channel(topic, "cdr", writer.register_schema(kind, "ros2msg", text))
            writer.add_message(channels[topic], ns, data, ns)
        writer.finish()  # type: ignore[no-untyped-call]


FORMATS: dict[str, Callable[[Path], None]] = {
    "mcap": lambda bag: write_rosbag(bag, StoragePlugin.MCAP),
    "mcap-chunks": lambda bag: write_mcap(bag),
    "mcap-zstd": lambda bag: write_mcap(bag, CompressionType.ZSTD),
    "mcap-plain": lambda bag: write_mcap(bag, chunked=False),
    "sqlite3": lambda bag: write_rosbag(bag, StoragePlugin.SQLITE3),
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with some bits flipped, or the end cut off, or two blocks swapped."""
    kind, size = rng.choice(("flip", "cut", "swap")), len(data)
    if kind == "cut":
        return data[: rng.randrange(size)]
    changed = bytearray(data)
    if kind == "flip":
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            changed[rng.randrange(size)] ^= 1 << rng.randrange(8)
        return bytes(changed)
    block = min(rng.choice((1, 8, 64, 512, 4096)), size // 2)
    a, b = sorted(rng.randrange(size // block) * block for _ in range(2))
    changed[a : a + block], changed[b : b + block] = data[b : b + block], data[a : a + block]
    return bytes(changed[:size])


class Fuzz:
    """Damages one sound bag, time and again; ``folder`` is where it is written."""

    def __init__(self, form: str, folder: Path) -> None:
        self.bag = folder / "bag"
        FORMATS[form](self.bag)
        contract = folder / "fuzz.yaml"
        contract.write_text(CONTRACT)
        self.contract = Contract.load(str(contract))
        self._sound = {path: path.read_bytes() for path in sorted(self.bag.iterdir())}
        self._episode = read_episode(self.bag, self.contract)

    def case(self, seed: int) -> tuple[str, str]:
        """Return the outcome of a case, and the remarks about it."""
        rng = random.Random(seed)
        metadata, messages = (
            [p for p in self._sound if (p.name == METADATA) == is_metadata] for is_metadata in (True, False)
        )
        path = rng.choice(metadata) if metadata and rng.random() < 1 / 8 else rng.choice(messages)
        path.write_bytes(damaged(self._sound[path], rng))
        try:
            return self._outcome()
        finally:
            for each, data in self._sound.items():
                each.write_bytes(data)

    def _outcome(self) -> tuple[str, str]:
        try:
            why = next(iter(verdicts(self.bag).values()), "it is no recording")
            episode = read_episode(self.bag, self.contract)
        except IlRosError as error:
            return "refused", str(error)
        except Exception:  # whatever comes is what is looked for
            return "traceback", traceback.format_exc()
        if why:
            return "silent", f"its verdict is {why}, and it was read"
        if _equal(episode, self._episode):
            return "same", ""
        remarks = [remark for remark in episode.facts.get("remarks", ()) if remark != UNCHECKED]
        if remarks or _left_out(episode) != _left_out(self._episode):
            return "told", json.dumps([remarks, _left_out(episode)])
        return ("unchecked" if UNCHECKED in episode.facts.get("remarks", ()) else "silent"), ""


def _equal(one: Episode, other: Episode) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("stamps_ns", "observations", "executed")
    )


def _left_out(episode: Episode) -> object:
    """Count what the facts name as left out, by topic."""
    topics = episode.facts["resampled"]["topics"]
    return [episode.facts["dropped"], {name: [row["messages"], row["malformed"]] for name, row in topics.items()}]


def main() -> int:
    """Run the cases and print the outcomes; the exit code is 1 if one of them must not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="of each format")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--first-seed", type=int, default=0)
    args = parser.parse_args()
    bad = 0
    for form in args.formats:
        begin, outcomes = time.perf_counter(), Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            fuzz = Fuzz(form, Path(folder))
            for seed in range(args.first_seed, args.first_seed + args.cases):
                outcome, details = fuzz.case(seed)
                outcomes[outcome] += 1
                if outcome in BAD:
                    bad += 1
                    print(f"{form}, seed {seed}: {outcome} {details}", file=sys.stderr)
        print(json.dumps({"format": form, "s": round(time.perf_counter() - begin, 1), **outcomes}), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
