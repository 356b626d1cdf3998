# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Convert the journal of an episode to a verified rosbag2 directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from il_ros.core.atomic_io import storage_errors, sync
from il_ros.core.errors import DataError, StorageError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.mcap_records import FACTS, JOURNAL_RECORDS, facts_record
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.metadata import METADATA, BagMetadata
from il_ros.recording.decode.message_batch import RecordedTopic
from il_ros.recording.write.adopt import LARGE_BYTES, adopt
from il_ros.recording.write.journal import LIBRARY, SUFFIX, locked

CHUNK_BYTES = 64 * 1024
"""A damaged byte costs the chunk that it lies in."""
IMAGE_CHUNK_BYTES = 1024 * 1024
"""Of an episode with images: small ones that follow one another are alike, and take little room together."""
IMAGE_TOPICS = "image_topics"
"""The fact that an episode was recorded with images: by topic, the bytes of the largest message."""


def finalize(journal_path: Path, folder: Path, facts: Mapping[str, Any]) -> Path:
    """Convert the closed journal ``folder/episode_N.journal.mcap`` to the bag ``folder/episode_N``; return the bag.

    The bag counts once ``metadata.yaml`` is in it, and that is written last, when every message has been read back and
    found equal. Only then is the journal removed. A kill at any moment leaves one of the two whole. ``facts`` are added
    to those that the journal began with.

    Raises:
        DataError: if the journal is missing, damaged, or still being written.
        StorageError: if the disk takes no more; the journal is kept.
    """
    journal_path = Path(journal_path)
    bag = Path(folder) / journal_path.name.removesuffix(SUFFIX)
    if (bag / METADATA).exists():
        raise DataError(f"{bag} is closed already; run `il-ros recover {folder}` to bring it and its journal together")
    with locked(journal_path):
        with storage_errors(bag.parent, f"nothing is lost; free some space and run `il-ros recover {folder}`"):
            largest = max(facts.get(IMAGE_TOPICS, {}).values(), default=0)
            if largest <= LARGE_BYTES or not adopt(journal_path, bag, lambda scan: {**scan.facts, **facts}):
                scan = McapScanner(journal_path, JOURNAL_RECORDS)
                write_bag(scan, bag, lambda: {**_sound(scan).facts, **facts}, largest)
        with storage_errors(journal_path.parent, f"the episode is safe in {bag}; remove the journal by hand"):
            journal_path.unlink()
    return bag


def _sound(scan: McapScanner) -> McapScanner:
    if scan.damage:
        raise DataError(f"{scan.path}: {scan.damage[0]}; run `il-ros recover {scan.path.parent}`")
    return scan


def write_bag(source: McapScanner, bag: Path, facts: Callable[[], dict[str, Any]], image_bytes: int = 0) -> None:
    """Write what ``source`` yields as a verified rosbag2 directory.

    Args:
        source: of the messages.
        bag: the directory.
        facts: called once the messages are read.
        image_bytes: the size of the largest image among them, 0 if there is none.

    Raises:
        OSError: if the disk takes no more.
        StorageError: if it returns other bytes than were written.
    """
    bag.mkdir(parents=True, exist_ok=True)
    path = bag / f"{bag.name}_0.mcap"
    contents = _copy(source, path, facts, image_bytes)
    sync(path)
    _verify(path, source)
    sync(bag)
    metadata.write(bag, contents)
    sync(bag.parent)


def _copy(source: McapScanner, path: Path, facts: Callable[[], dict[str, Any]], image_bytes: int) -> BagMetadata:
    first, last = metadata.NO_START_NS, 0
    channels: dict[str, int] = {}
    path.unlink(missing_ok=True)  # it may be the journal itself, by its second name
    with path.open("wb") as file:
        compression = CompressionType.LZ4 if image_bytes > LARGE_BYTES else CompressionType.ZSTD
        chunk_bytes = IMAGE_CHUNK_BYTES if image_bytes else CHUNK_BYTES
        writer = Writer(file, chunk_bytes, compression, enable_data_crcs=True)
        writer.start("ros2", LIBRARY)
        for topic, log_time_ns, publish_time_ns, sequence, data in source:
            if topic.name not in channels:
                channels[topic.name] = _register(writer, topic)
            writer.add_message(channels[topic.name], log_time_ns, data, publish_time_ns, sequence)
            first, last = min(first, log_time_ns), max(last, log_time_ns)
        contents = metadata.contents(path.name, source, first, last, facts())
        writer.add_metadata(FACTS, facts_record(contents.facts))
        writer.finish()  # type: ignore[no-untyped-call]
    return contents


def _register(writer: Writer, topic: RecordedTopic) -> int:
    text = topic.definition.encode(errors="surrogateescape")
    schema = writer.register_schema(topic.type_name, topic.encoding, text)
    described = {"offered_qos_profiles": topic.offered, "topic_type_hash": topic.type_hash}
    return writer.register_channel(topic.name, topic.serialization, schema, described)


def _verify(path: Path, source: McapScanner) -> None:
    copy = McapScanner(path).read()
    if copy.damage or copy.count != source.count or copy.digest.text() != source.digest.text():
        reason = copy.damage[0] if copy.damage else f"{copy.count} messages came back of {source.count}, or not equal"
        raise StorageError(f"{path} was written but not read back alike ({reason}); check the disk, nothing is lost")
