# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""What becomes of other people's recordings: each is read, or refused for a reason; a table in Markdown.

Every folder below the one that is named is looked at, every byte of each recording is read, and every message is
decoded. Recordings of one folder with one outcome make one row. Of MCAP's conformance files the repository holds only
descriptions and pointers; they are made of these and checked by their SHA-256 first.

Examples:
  git clone https://github.com/ros2/rosbag2; git clone https://github.com/foxglove/mcap
  python -m benchmarks.public_recordings rosbag2 mcap
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.conformance_files import rebuilt
from il_ros.core.errors import DataError
from il_ros.recording.bag.reader import BagReader, read, verdicts

CONFORMANCE = Path("tests", "conformance", "data")


def outcome(path: Path, why: str) -> str:
    """Return what became of one recording, in a sentence without its name."""
    if why:
        return "refused: " + _without_path(why, path)
    reader = read(path)
    not_decoded = [f"{topic} not decoded: {reason}" for topic, reason in _undecoded(reader)]
    remarks = "; ".join([*not_decoded, *reader.remarks])
    return f"read{': ' if remarks else ''}{_without_path(remarks, path)}"


def _undecoded(reader: BagReader) -> Iterator[tuple[str, str]]:
    """Return the topics with messages that cannot be decoded, and why."""
    refused: dict[str, str] = {}
    for message in reader.raw():
        if message.topic.name not in refused:
            try:
                reader.decode(message.topic, message.data)
            except DataError as error:
                refused[message.topic.name] = str(error).partition(f"{message.topic.name}: ")[2] or str(error)
    yield from refused.items()


def _without_path(text: str, path: Path) -> str:
    text = text.replace(f"{path.parent}/", "").replace(path.name, "it").replace(path.stem, "it")
    return re.sub(r"\b\d{3,}\b", "n", text)


def table(root: Path) -> Iterator[tuple[str, int, str]]:
    """Return folder, how many recordings and what became of them."""
    looked: set[Path] = set()
    for folder in sorted([root, *(path for path in root.rglob("*") if path.is_dir())]):
        if any(parent in looked for parent in (folder, *folder.parents)):
            continue
        rows: Counter[str] = Counter()
        for path, why in verdicts(folder).items():
            if "holds" in why and path.is_dir():
                continue  # its folder comes by itself
            looked |= {path} if path.is_dir() else set()
            rows[outcome(path, why)] += 1
        yield from ((str(folder.relative_to(root)), count, outcomes) for outcomes, count in sorted(rows.items()))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with recordings, at whatever depth")
    print("| folder | recordings | outcome |\n|---|---|---|")
    for root in parser.parse_args().folders:
        for name, count, outcomes in table(root):
            print(f"| `{root.name}/{name}` | {count} | {outcomes} |")
        if (root / CONFORMANCE).is_dir():
            _print_conformance(root)
    return 0


def _print_conformance(root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for description in sorted((root / CONFORMANCE).glob("*/*.json")):
            if (data := rebuilt(description)) is not None:
                target = Path(folder) / description.parent.name / f"{description.stem}.mcap"
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(data)
        for name, count, outcomes in table(Path(folder)):
            print(f"| `{root.name}/{CONFORMANCE}/{name}` | {count} | {outcomes} |")


if __name__ == "__main__":
    sys.exit(main())
