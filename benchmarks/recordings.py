# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random recordings of other programs, and whether they are read as they were.

Each has topics with rates, delays and silences of their own; a clock that may begin anew, jump ahead or run faster than
that of the recorder; stamps that are missing or far off; clocks that are apart; latched topics and joints of two
publishers. It is written as MCAP or SQLite, split, compressed, and in any order that a file can have. The steps that
``read_episode`` makes of it are compared with those of ``benchmarks.reference``, number by number.

Example:
  python -m benchmarks.recordings --count 5000
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
import zstandard
from mcap.writer import CompressionType, Writer
from rosbags.typesys import Stores, get_typestore

from benchmarks import reference
from il_ros.core.contract import Contract
from il_ros.core.errors import DataError
from il_ros.recording.episodes.reader import read_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
MS, S = 10**6, 10**9
JOINTS, POSE, ARRAY = "sensor_msgs/msg/JointState", "geometry_msgs/msg/PoseStamped", "std_msgs/msg/Float64MultiArray"
EPOCH_NS = 1_700_000_000 * S
LATCHED = "- history: keep_last\n  depth: 1\n  reliability: reliable\n  durability: transient_local\n"
SQL = """
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, serialization_format TEXT NOT NULL,
  offered_qos_profiles TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""


class Sent(NamedTuple):
    """A message of a recording."""

    track: str
    value: float
    run: int
    stamp_ns: int
    """What its header shows; 0 if nothing."""
    is_bad: bool
    log_ns: int
    publish_ns: int


@dataclass
class Recording:
    """A recording, and what it was made of."""

    rng: random.Random
    pace: int = 1
    runs: int = 1
    restarts_log: bool = False
    clock: str = ""
    """What the contract asks for."""
    has_stamps: bool = True
    """Whether the action has."""
    apart_s: float = 0.0
    """By how much the clock of the poses is ahead; the others' computer does not know."""
    is_mended: bool = False
    """Whether the contract declares that."""
    static: str = ""
    """How the goal is known to be static: ``declared`` or ``latched``; empty: there is no goal."""
    two_publishers: bool = False
    order: str = "log"
    storage: str = "mcap"
    compression: str = ""
    files: int = 1
    sent: list[Sent] = field(default_factory=list)

    @property
    def moving(self) -> list[str]:
        """The tracks that are not static."""
        return ["arm", *(["finger"] if self.two_publishers else []), "pose", "action"]

    @property
    def goes_by(self) -> str:
        """The clock that is right."""
        apart = abs(self.apart_s) > 1.0 and not self.is_mended
        return self.clock or ("log" if apart or not self.has_stamps else "header")


def recording(seed: int) -> Recording:
    """Draw a random recording."""
    rng = random.Random(seed)
    made = Recording(rng, runs=rng.choice((1, 1, 2, 3)), two_publishers=rng.random() < 0.3)
    made.has_stamps = rng.random() < 0.8
    made.clock = rng.choice(("", "", "", "log", "publish", "header"))
    if made.clock == "header":
        made.has_stamps = True
    if rng.random() < 0.3:
        made.apart_s = rng.choice((-1, 1)) * rng.choice((0.02, 0.3, 5.0, 3600.0, 9e5)) * rng.uniform(0.5, 1.0)
        made.is_mended = rng.random() < 0.5 or made.clock == "header"
    elif made.has_stamps or made.clock:
        made.pace = rng.choice((1, 1, 4, 10))
    made.static = rng.choice(("", "", "declared", "latched"))
    if made.static == "latched" and made.pace > 1:
        made.static = "declared"  # goals that follow each other faster than messages are stale are a stream
    made.restarts_log = made.runs > 1 and made.pace == 1 and rng.random() < 0.3
    made.storage, made.files = rng.choice(("mcap", "sqlite3")), rng.choice((1, 1, 2, 3))
    made.compression = rng.choice(("", "", "file", "message", "chunk") if made.storage == "mcap" else ("", "file"))
    made.order = rng.choice(
        ("log", "topics")[: 1 if made.static else 2] if made.restarts_log else ("log", "topics", "shuffled", "blocks")
    )
    _send(made)
    return made


def _send(made: Recording) -> None:
    """Make the messages of all runs."""
    rng, tracks = made.rng, made.moving
    period = {track: rng.randint(8, 80) * MS for track in tracks}
    delay = {track: rng.randint(0, 20 * MS) for track in tracks}
    log, stamp = EPOCH_NS, EPOCH_NS if made.apart_s else rng.choice((100 * S, EPOCH_NS))
    for run in range(made.runs):
        length = rng.randint(900, 2500) * MS  # by the headers' clock
        for track in tracks:
            times = np.arange(rng.randint(0, 200) * MS, length, period[track])
            if rng.random() < 0.3:
                silent = rng.randint(300 * MS, length)
                times = times[(times < silent) | (times > silent + rng.randint(100, 500) * MS)]
            for ns in times.tolist():
                own = stamp + ns + rng.randint(0, 3 * MS)
                came = log + (own - stamp) // made.pace + delay[track] + rng.randint(0, 4 * MS // made.pace)
                ahead = round(made.apart_s * S) if track == "pose" else 0
                shown = own + ahead if track != "action" or made.has_stamps else 0
                made.sent.append(
                    Sent(track, rng.uniform(-9, 9), run, shown, False, came, came - rng.randint(0, 3 * MS))
                )
        if made.static:
            for ns in rng.sample(range(0, length, 400 * MS), rng.randint(0 if run else 1, 2)):
                came = log + ns // made.pace + rng.randint(0, MS)
                own = rng.choice((stamp + ns, 0, max(1, stamp - rng.randint(0, S))))
                made.sent.append(Sent("goal", rng.uniform(-9, 9), run, own, False, came, came))
        pause = rng.randint(400, 3000) * MS
        log = log + rng.randint(-5, 5) * MS if made.restarts_log else log + length // made.pace + pause
        if made.restarts_log or rng.random() < 0.7:
            stamp += rng.randint(-5, 5) * MS
        else:
            stamp += length + made.pace * pause + rng.randint(2000, 10**7) * MS
    _spoil(made)


def _spoil(made: Recording) -> None:
    """Give a few messages, far from each other, stamps that are wrong."""
    rng = made.rng
    if rng.random() < 0.6 or made.clock:
        return
    for track in rng.sample(made.moving, rng.randint(1, 2)):
        own = sorted(
            (n for n, m in enumerate(made.sent) if m.track == track and m.stamp_ns), key=lambda n: made.sent[n].log_ns
        )
        first = [n for n in own if made.sent[n].run == 0]
        if len(first) < 14 or made.restarts_log:
            continue
        for n in rng.sample((first[0], first[5], first[8]), rng.randint(1, 3)):
            message = made.sent[n]
            ahead, behind = message.stamp_ns + rng.randint(2 * S, 10**6 * S), rng.randint(1, 50 * S)
            wrong = rng.choice((0, ahead, behind))
            made.sent[n] = message._replace(stamp_ns=wrong, is_bad=True)


def expected(made: Recording, contract: Contract) -> list[tuple[int, dict[str, float]]]:
    """Return the steps that it should be read as."""
    by, shift = made.goes_by, round(-made.apart_s * S) if made.is_mended else 0
    messages = []
    for m in made.sent:
        run = m.run if by == "header" or made.restarts_log else 0
        published = m.log_ns if made.storage == "sqlite3" else m.publish_ns
        times = {"header": m.stamp_ns, "log": m.log_ns, "publish": published}
        shifted = m.track == "pose" and (by != "log" or made.clock == "log")
        at: int | None = times[by] + (shift if shifted else 0)
        if m.track == "goal":
            at = m.stamp_ns or None
        elif by == "header" and m.is_bad:
            at = None
        messages.append(reference.Message(m.track, m.value, run, at, (m.run if made.restarts_log else 0, m.log_ns)))
    static = ["goal"] if made.static else []
    return reference.steps(messages, made.moving, static, contract.step_ns, contract.stale_ns)


def contract_of(made: Recording) -> Contract:
    """Return the contract by which it is read."""
    fingers = {"finger": {"topic": "joints", "field": "position[finger]"}} if made.two_publishers else {}
    goal = {"goal": {"topic": "goal", "field": "pose.position.x"}} if made.static else {}
    foreign: dict[str, Any] = {"topic": "command", "fields": ["position[arm]"] if made.has_stamps else []}
    foreign |= {"clock": made.clock} if made.clock else {}
    foreign |= {"offsets": {"pose": -made.apart_s}} if made.is_mended else {}
    foreign |= {"static": ["goal"]} if made.static == "declared" else {}
    document = {
        "rate_hz": 20.0,
        "topics": {"joints": JOINTS, "pose": POSE, **({"goal": POSE} if made.static else {})},
        "observation": {
            "arm": {"topic": "joints", "field": "position[arm]"},
            **fingers,
            "pose": {"topic": "pose", "field": "pose.position.x"},
            **goal,
        },
        "action": {"action": {"low": -99.0, "high": 99.0, "max_step": 99.0}},
        "command": {"type": ARRAY},
        "external": foreign,
    }
    return Contract.from_dict("random", document)


def _header(ns: int) -> Any:
    return T["std_msgs/msg/Header"](T["builtin_interfaces/msg/Time"](*divmod(ns, S)), "")


def _message(made: Recording, sent: Sent) -> tuple[str, Any]:
    """Return its topic and what is in it."""
    if sent.track in ("arm", "finger") or (sent.track == "action" and made.has_stamps):
        name = "arm" if sent.track == "action" else sent.track
        none = np.empty(0)
        message = T[JOINTS](_header(sent.stamp_ns), [name], np.array([sent.value]), none, none)
        return ("/command" if sent.track == "action" else "/joints"), message
    if sent.track == "action":
        return "/command", T[ARRAY](T["std_msgs/msg/MultiArrayLayout"]([], 0), np.array([sent.value]))
    place = T["geometry_msgs/msg/Point"](sent.value, 0.0, 0.0)
    pose = T["geometry_msgs/msg/Pose"](place, T["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0))
    return f"/{sent.track}", T[POSE](_header(sent.stamp_ns), pose)


def _in_file(made: Recording) -> list[Sent]:
    """Return the messages in the order in which they lie in the file."""
    key: Callable[[Sent], Any] = (lambda m: (m.run, m.log_ns)) if made.restarts_log else (lambda m: m.log_ns)
    rows = sorted(made.sent, key=key)
    if made.order == "topics":
        rows.sort(key=lambda m: m.track)
    elif made.order == "shuffled":
        made.rng.shuffle(rows)
    elif made.order == "blocks":
        size = made.rng.randint(20, 60)
        blocks = [rows[n : n + size] for n in range(0, len(rows), size)]
        made.rng.shuffle(blocks)
        rows = [row for block in blocks for row in block]
    return rows


def write(made: Recording, folder: Path) -> Path:
    """Write it; returns the bag."""
    bag = folder / "bag"
    bag.mkdir(parents=True)
    rows = [(*_message(made, sent), sent) for sent in _in_file(made)]
    bounds = [len(rows) * n // made.files for n in range(made.files + 1)]
    names = []
    for n, (first, last) in enumerate(zip(bounds, bounds[1:])):
        path = bag / f"bag_{n}.{'mcap' if made.storage == 'mcap' else 'db3'}"
        (_write_mcap if made.storage == "mcap" else _write_sqlite)(made, path, rows[first:last])
        if made.compression == "file":
            packed = path.with_name(f"{path.name}.zstd")
            packed.write_bytes(zstandard.compress(path.read_bytes()))
            path.unlink()
            path = packed
        names.append(path.name)
    _write_metadata(made, bag, names, rows)
    return bag


def _data(message: Any) -> bytes:
    return bytes(STORE.serialize_cdr(message, message.__msgtype__))


def _offered(made: Recording, topic: str) -> str:
    return LATCHED if topic == "/goal" and made.static == "latched" else ""


def _write_mcap(made: Recording, path: Path, rows: Sequence[tuple[str, Any, Sent]]) -> None:
    kind = made.rng.choice((CompressionType.ZSTD, CompressionType.LZ4))
    size = made.rng.choice((500, 5000, 10**6))
    with path.open("wb") as file:
        writer = Writer(file, size, kind if made.compression == "chunk" else CompressionType.NONE)
        writer.start("ros2", "random")
        channels: dict[str, int] = {}
        for number, (topic, message, sent) in enumerate(rows):
            if topic not in channels:
                name = message.__msgtype__
                text = STORE.generate_msgdef(name, ros_version=2)[0].encode()
                schema = writer.register_schema(name, "ros2msg", text)
                described = {"offered_qos_profiles": _offered(made, topic)}
                channels[topic] = writer.register_channel(topic, "cdr", schema, described)
            data = _data(message)
            data = zstandard.compress(data) if made.compression == "message" else data
            writer.add_message(channels[topic], sent.log_ns, data, sent.publish_ns, number % 7)
        writer.finish()  # type: ignore[no-untyped-call]


def _write_sqlite(made: Recording, path: Path, rows: Sequence[tuple[str, Any, Sent]]) -> None:
    import sqlite3

    base = sqlite3.connect(path)
    base.executescript(SQL)
    topics: dict[str, int] = {}
    for topic, message, sent in rows:
        if topic not in topics:
            topics[topic] = len(topics) + 1
            row = (topics[topic], topic, message.__msgtype__, "cdr", _offered(made, topic))
            base.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?)", row)
        values = (topics[topic], sent.log_ns, _data(message))
        base.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", values)
    base.commit()
    base.close()


def _write_metadata(made: Recording, bag: Path, names: list[str], rows: Sequence[tuple[str, Any, Sent]]) -> None:
    counts: dict[str, int] = {}
    types = {topic: message.__msgtype__ for topic, message, _ in rows}
    for topic, *_ in rows:
        counts[topic] = counts.get(topic, 0) + 1
    described = [
        {
            "topic_metadata": {
                "name": topic,
                "type": types[topic],
                "serialization_format": "cdr",
                "offered_qos_profiles": _offered(made, topic),
            },
            "message_count": count,
        }
        for topic, count in counts.items()
    ]
    logs = [sent.log_ns for *_, sent in rows]
    mode = made.compression if made.compression in ("file", "message") else ""
    document = {
        "version": 5,
        "storage_identifier": made.storage,
        "starting_time": {"nanoseconds_since_epoch": min(logs)},
        "duration": {"nanoseconds": max(logs) - min(logs)},
        "message_count": len(rows),
        "topics_with_message_count": described,
        "compression_format": "zstd" if mode else "",
        "compression_mode": mode,
        "relative_file_paths": names,
    }
    (bag / "metadata.yaml").write_text(yaml.dump({"rosbag2_bagfile_information": document}, Dumper=yaml.CSafeDumper))


def difference(seed: int, folder: Path) -> tuple[str, int]:
    """Return in what a recording is read otherwise than it was, empty if in nothing; and how many steps it has."""
    made = recording(seed)
    contract = contract_of(made)
    expected_rows = expected(made, contract)
    bag = write(made, folder)
    try:
        episode = read_episode(bag, contract)
    except DataError as error:
        return (str(error) if expected_rows else ""), 0
    finally:
        shutil.rmtree(bag)
    values = np.array([[row[part.name] for part in contract.observation] for _, row in expected_rows], np.float32)
    if episode.stamps_ns.tolist() != [tick for tick, _ in expected_rows]:
        return (
            f"{len(episode)} steps, {len(expected_rows)} expected, or at other times: {episode.facts['resampled']}",
            len(expected_rows),
        )
    if not np.array_equal(episode.observations, values):
        return "other observations", len(expected_rows)
    if not np.array_equal(episode.executed[:, 0], np.array([row["action"] for _, row in expected_rows], np.float32)):
        return "other actions", len(expected_rows)
    return "", len(expected_rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read many random recordings; returns 1 if one of them is read otherwise than it was."""
    parser = argparse.ArgumentParser(description="compare how random recordings are read with what they were made of")
    parser.add_argument("--count", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first (default: 0)")
    args = parser.parse_args(arguments)
    begin, wrong, steps = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.first, args.first + args.count):
            message, count = difference(seed, Path(folder))
            steps += count
            if message:
                wrong += 1
                print(f"seed {seed}: {message}", file=sys.stderr)
    print(f"{args.count} recordings, {steps} steps, {wrong} read otherwise, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
