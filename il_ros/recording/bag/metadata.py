# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read and write ``metadata.yaml`` of a rosbag2 directory (version 9), which marks an episode as closed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from il_ros.core.atomic_io import replace_file
from il_ros.core.errors import DataError
from il_ros.recording.bag.facts import check_facts, fact_to_text, facts_from_custom_data

if TYPE_CHECKING:
    from il_ros.recording.bag.mcap_scanner import McapScanner

METADATA = "metadata.yaml"
VERSION = 9
STORAGES = ("mcap", "sqlite3")
COMPRESSIONS = (("", "zstd"), ("file", "zstd"), ("message", "zstd"))
_DISTRO_OF = {5: "humble", 6: "iron", 7: "iron", 8: "iron"}
"""By the version of ``metadata.yaml``."""
NO_START_NS = 2**63 - 1
"""Where rosbag2 says that a bag without messages starts."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class BagMetadata:
    """The content of a bag by its ``metadata.yaml``."""

    files: tuple[str, ...]
    """The names of the files, in order."""
    types: Mapping[str, str]
    """Message type by topic."""
    hashes: Mapping[str, str]
    """RIHS01 hash of the type, by topic."""
    counts: Mapping[str, int]
    """Messages by topic."""
    start_ns: int = NO_START_NS
    duration_ns: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    offered: Mapping[str, list[Any]] = field(default_factory=dict)
    """The QoS profiles that the publishers offer, by topic."""
    storage: str = "mcap"
    """``mcap`` or ``sqlite3``."""
    compression: str = ""
    """What is compressed, with zstd: each ``file``, each ``message``, or nothing that the storage does not know of."""
    distro: str = ""
    """The distribution of ROS 2 that recorded it; empty if not known."""
    is_counted: bool = True
    """Whether ``counts`` are known of all topics."""

    @property
    def count(self) -> int:
        """Messages in all."""
        return sum(self.counts.values())


def contents(file: str, scan: McapScanner, first_ns: int, last_ns: int, facts: Mapping[str, Any]) -> BagMetadata:
    """Return the metadata of the one file of a bag of ours.

    Args:
        file: its name.
        scan: of its messages, at its end.
        first_ns: when the first of them was received.
        last_ns: when the last was.
        facts: of the episode; the digest of the messages is added.
    """
    topics = {topic.name: topic for topic in scan.topics.values() if topic.name in scan.counts}
    return BagMetadata(
        files=(file,),
        types={name: topic.type_name for name, topic in topics.items()},
        hashes={name: topic.type_hash for name, topic in topics.items()},
        counts=dict(scan.counts),
        start_ns=first_ns,
        duration_ns=max(0, last_ns - first_ns) if topics else 0,
        facts={**facts, "digest": scan.digest.text()},
        offered={name: profiles(topic.offered) for name, topic in topics.items()},
    )


def write(bag: Path, contents: BagMetadata) -> None:
    """Write the ``metadata.yaml`` of ``bag`` as a whole, which makes it a closed episode."""
    replace_file(bag / METADATA, to_yaml({"rosbag2_bagfile_information": _to_dict(contents)}))


def to_yaml(value: Any) -> str:
    """Return the YAML of a plain value, keys in their order, without references."""
    return str(yaml.dump(value, Dumper=_Plain, sort_keys=False))


class _Plain(_Dumper):  # type: ignore[misc,valid-type]
    """Writes a value that occurs twice twice: rosbag2 reads no references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def amend(bag: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the facts of a closed episode, or correct them; returns all of them.

    Raises:
        DataError: if it is not a closed episode.
        StorageError: if it cannot be written; the old file stays.
    """
    contents = read(bag)
    amended = {**contents.facts, **facts}
    write(bag, dataclasses.replace(contents, facts=amended))
    return amended


def version_of(bag: Path) -> int:
    """Return a number that changes whenever the facts of a closed episode change."""
    if bag.is_file():
        return bag.stat().st_mtime_ns
    file = bag / METADATA
    return max(path.stat().st_mtime_ns for path in ([file] if file.is_file() else bag.iterdir()))


def missing(bag: Path) -> DataError:
    """Return the error for a folder without ``metadata.yaml``."""
    return DataError(f"{bag} has no {METADATA}, so it is not a closed episode; run `il-ros recover {bag.parent}`")


def read(bag: Path) -> BagMetadata:
    """Read the bag's ``metadata.yaml``.

    Raises:
        DataError: if there is none, or it cannot be read.
    """
    path = bag / METADATA
    if not path.is_file():
        raise missing(bag)
    try:
        information = _information(path.read_text(encoding="utf-8"))
        _check(path, information)
        return _from_dict(information)
    except (
        *(OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError),
        *(OverflowError, RecursionError),  # .inf as a whole number; lists within lists
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        remedy = f"run `il-ros recover {bag.parent}`, or move it away: files of messages are read without it, too"
        raise DataError(f"{path} is damaged ({reason}); {remedy}") from error


def _information(text: str) -> dict[str, Any]:
    """Return the content, with ``custom_data`` as it is written: a word that YAML would convert stays text."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        information: dict[str, Any] = loader.construct_document(root)["rosbag2_bagfile_information"]
    finally:
        loader.dispose()
    if information.get("custom_data") is not None:
        node = _child(_child(root, "rosbag2_bagfile_information"), "custom_data")
        information["custom_data"] = _as_written(node)
    return information


def _child(node: Any, key: str) -> Any:
    return next(value for name, value in node.value if name.value == key)


def _as_written(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _as_written(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_as_written(part) for part in node.value]
    return node.value


def _check(path: Path, information: dict[str, Any]) -> None:
    version, storage = information.get("version", 1), information["storage_identifier"]
    mode = _compression(information)
    compression = (mode, information.get("compression_format") or "zstd" if mode else "zstd")
    if version > VERSION:
        raise DataError(
            f"{path} has version {version}; the latest that is read is {VERSION}: convert it with `ros2 bag convert`"
        )
    if storage not in STORAGES or compression not in COMPRESSIONS:
        raise DataError(
            f"{path} is stored as {storage}, compression {' '.join(compression)!r}; supported are "
            f"{' and '.join(STORAGES)}, plain or with files or messages compressed by zstd: "
            "convert it with `ros2 bag convert`"
        )


def _compression(information: dict[str, Any]) -> str:
    mode = str(information.get("compression_mode") or "").lower()
    return "" if mode in ("none", "storage") else mode


def _to_dict(contents: BagMetadata) -> dict[str, Any]:
    return {
        "version": VERSION,
        "storage_identifier": contents.storage,
        **_when(contents),
        "message_count": contents.count,
        "topics_with_message_count": [_topic(contents, name) for name in contents.types],
        "compression_format": "zstd" if contents.compression else "",
        "compression_mode": contents.compression,
        "relative_file_paths": list(contents.files),
        "files": [{"path": name, **_when(contents), "message_count": contents.count} for name in contents.files],
        "custom_data": {key: fact_to_text(value) for key, value in contents.facts.items()},
        "ros_distro": os.environ.get("ROS_DISTRO", "jazzy"),
    }


def _when(contents: BagMetadata) -> dict[str, Any]:
    return {
        "starting_time": {"nanoseconds_since_epoch": contents.start_ns},
        "duration": {"nanoseconds": contents.duration_ns},
    }


def _topic(contents: BagMetadata, name: str) -> dict[str, Any]:
    described = {
        "name": name,
        "type": contents.types[name],
        "serialization_format": "cdr",
        "offered_qos_profiles": contents.offered.get(name, []),
        "type_description_hash": contents.hashes[name],
    }
    return {"topic_metadata": described, "message_count": contents.counts[name]}


def _from_dict(information: dict[str, Any]) -> BagMetadata:
    listed = information.get("topics_with_message_count") or []
    topics = {t["topic_metadata"]["name"]: t for t in listed}
    facts = facts_from_custom_data(information.get("custom_data"))
    check_facts(facts)
    if not all(isinstance(t["topic_metadata"]["type"], str) for t in topics.values()):
        raise TypeError("a topic has no type")
    names = information.get("relative_file_paths") or [part["path"] for part in information.get("files") or []]
    return BagMetadata(
        files=tuple(Path(name).name for name in names),
        types={name: whole_name(t["topic_metadata"]["type"]) for name, t in topics.items()},
        hashes={name: t["topic_metadata"].get("type_description_hash", "") for name, t in topics.items()},
        counts={name: int(t.get("message_count", 0)) for name, t in topics.items()},
        start_ns=int((information.get("starting_time") or {}).get("nanoseconds_since_epoch", NO_START_NS)),
        duration_ns=int((information.get("duration") or {}).get("nanoseconds", 0)),
        facts=facts,
        offered={name: profiles(t["topic_metadata"].get("offered_qos_profiles")) for name, t in topics.items()},
        storage=information["storage_identifier"],
        compression=_compression(information),
        distro=_distro(information),
        is_counted=all("message_count" in t for t in topics.values()),
    )


def whole_name(type_name: str) -> str:
    """Return the full name of a message type: some programs write ``pkg/Type`` or ``pkg::msg::Type``."""
    parts = type_name.replace("::", "/").split("/")
    return "/".join((parts[0], "msg", parts[1])) if len(parts) == 2 else "/".join(parts)


def _distro(information: Mapping[str, Any]) -> str:
    """Return the distribution of ROS 2 that recorded it, by its name or, in older files, by their version."""
    version, name = information.get("version", 1), information.get("ros_distro")
    return name if isinstance(name, str) else _DISTRO_OF.get(version, "galactic" if version < 5 else "")


def profiles(text: Any) -> list[Any]:
    """Parse offered QoS profiles, which older versions hold as YAML within YAML; none if they cannot be read."""
    try:
        parsed = yaml.load(text, Loader=_Loader) if isinstance(text, str) else text
    except yaml.YAMLError:
        return []
    return parsed if isinstance(parsed, list) else []
