# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read a bag's messages as steps: what the policy observed, and who commanded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, Record
from il_ros.core.errors import DataError, MessageError
from il_ros.core.types import Array
from il_ros.recording.bag.reader import BagReader, is_ours, read
from il_ros.recording.decode.diagnostics import decoded
from il_ros.recording.decode.field_columns import Decode, FieldColumns
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic
from il_ros.recording.episodes.exact_sync import Observations, joined
from il_ros.recording.episodes.external import read_foreign
from il_ros.recording.episodes.image_cache import cached_images

AUTHORITY = topics.AUTHORITY.name


class TypeMismatchError(DataError):
    """A topic that the contract names is of another type in the bag."""


def read_episode(folder: Path, contract: Contract) -> Episode:
    """Read the steps of the bag ``folder``: every stamp with an observation and an authority record, in order of time.

    The observation is joined as the live policy joins it. A message that came twice makes no second step. The facts
    gain ``steps`` and ``dropped``: how many stamps made no step, by reason. A bag of another program, without records
    of authority, is read as a demonstration; see ``read_foreign``.

    Raises:
        DataError: if the bag is damaged, lacks a topic of the contract, has two that could be it, or none of its
            steps can be used.
    """
    return episode_of(read(folder), contract)


def episode_of(reader: BagReader, contract: Contract) -> Episode:
    """Read the steps of an opened bag; see ``read_episode``."""
    folder = reader.path
    names = {topic: find_topic(reader.types, topic, folder) for topic in contract.topics}
    cameras = {part.topic: find_topic(reader.types, part.topic, folder) for part in contract.images}
    names[AUTHORITY] = find_authority(reader.types, names.values(), folder)
    if names[AUTHORITY] is None and not is_ours(reader):
        return _foreign(reader, contract, names | cameras)
    if None in (*names.values(), *cameras.values()):
        return _without(reader, contract, [topic for topic, name in (names | cameras).items() if name is None])
    recorded = {topic: name for topic, name in names.items() if name is not None}
    records, columns = AuthorityRecords(), _columns(reader, contract, recorded)
    for topic, block in reader.blocks(recorded.values()):
        if topic.name == recorded[AUTHORITY]:
            records.add(topic, block, reader.decode)
        else:
            columns[topic.name].add(topic, block)
    if records.are_empty and not is_ours(reader):
        reader.remarks.append(f"{recorded[AUTHORITY]} holds no record of authority, so the bag is a demonstration")
        return _foreign(reader, contract, names | cameras)
    seen = joined(contract, {topic: columns[recorded[topic]] for topic in contract.topics})
    episode = _episode(folder, contract, seen, records, reader.facts)
    return _with_images(episode, reader, contract) if cameras else episode


def _with_images(episode: Episode, reader: BagReader, contract: Contract) -> Episode:
    """Return an episode with the images of the contract's cameras, by their stamps; the facts gain ``cameras``."""
    tracks, facts = {}, {}
    for part in contract.images:
        name = find_topic(reader.types, part.topic, reader.path)
        assert name is not None, "the topics were looked for"
        _check_types(reader, {name: messages.as_recorded(part, reader.types[name]).type}, "images")
        cached = cached_images(reader, name, part)
        tracks[part.name] = cached.track(episode.stamps_ns, part)
        facts[part.name] = cached.facts(tracks[part.name])
    return dataclasses.replace(episode, images=tracks, facts={**episode.facts, "cameras": facts})


def read_observations(folder: Path, contract: Contract) -> tuple[Array, Array]:
    """Read the observations of the bag ``folder``, whoever commanded: stamps (T,) int64, ns, and (T, Do) float32.

    Raises:
        DataError: if the bag is damaged, lacks a topic of the contract or has two that could be it.
    """
    reader = read(folder)
    names = {topic: find_topic(reader.types, topic, folder) for topic in contract.topics}
    recorded = {topic: name for topic, name in names.items() if name is not None}
    if len(recorded) < len(names):
        raise _lacks(reader, contract, [topic for topic in names if topic not in recorded])
    columns = _columns(reader, contract, recorded)
    for topic, block in reader.blocks(recorded.values()):
        columns[topic.name].add(topic, block)
    seen = joined(contract, {topic: columns[recorded[topic]] for topic in contract.topics})
    return seen.stamps_ns[seen.is_sound], seen.values[seen.is_sound].astype(np.float32)


def _columns(reader: BagReader, contract: Contract, recorded: Mapping[str, str]) -> dict[str, FieldColumns]:
    return {
        recorded[topic]: FieldColumns(messages.observation_fields(contract, topic), reader.decode)
        for topic in contract.topics
    }


def _foreign(reader: BagReader, contract: Contract, names: Mapping[str, str | None]) -> Episode:
    action = find_topic(reader.types, contract.external.topic, reader.path)
    cameras = [(part, reader.types.get(names[part.topic] or "", "")) for part in contract.images]
    kinds = {**contract.topics, **{part.topic: messages.as_recorded(part, kind).type for part, kind in cameras}}
    needed = list(kinds)
    if contract.gripper_topic and not contract.external.fields:
        names = {**names, contract.gripper_topic: find_topic(reader.types, contract.gripper_topic, reader.path)}
        needed.append(contract.gripper_topic)
    recorded = {topic: name for topic in needed if (name := names[topic]) is not None}
    missing = [topic for topic in needed if topic not in recorded]
    if missing or action is None:
        raise _lacks(reader, contract, [*missing, *([contract.external.topic] if action is None else [])])
    _check_types(reader, {recorded[topic]: kind for topic, kind in kinds.items()}, "topics")
    if not contract.external.fields:
        commands = {action: contract.command_type}
        if contract.gripper_topic:
            commands[recorded[contract.gripper_topic]] = contract.gripper_type
        _check_types(reader, commands, "command: type, or give external: fields")
    return read_foreign(reader, contract, recorded, action)


def _check_types(reader: BagReader, kinds: Mapping[str, str], key: str) -> None:
    """Raise a ``DataError`` if a topic is of another type than the contract says."""
    for name, kind in kinds.items():
        if reader.types[name] != kind:
            difference = f"{name} is {reader.types[name] or 'of no type'}, not {kind}"
            raise TypeMismatchError(f"{reader.path}: {difference}; correct the contract's {key}")


def find_topic(topics: Iterable[str], name: str, folder: Path) -> str | None:
    """Return the recorded topic of a name or, if there is none, the one of that name in any namespace.

    None if there is none.

    Raises:
        DataError: if more than one could be meant.
    """
    matching = sorted(topic for topic in topics if topic == name or topic.endswith("/" + name.lstrip("/")))
    if len(matching) > 1 and name in matching:
        return name
    if len(matching) > 1:
        choices = ", ".join(matching)
        raise DataError(f"{folder}: topic {name!r} may be any of {choices}; name one of them in the contract")
    return matching[0] if matching else None


def authorities(topics: Iterable[str]) -> list[str]:
    """Return the topics with authority records, of every arm that was recorded."""
    return [name for name in topics if name == AUTHORITY or name.endswith("/" + AUTHORITY)]


def find_authority(topics: Iterable[str], chosen: Iterable[str | None], folder: Path) -> str | None:
    """Return the topic with the authority records of the ``chosen`` topics: of several, that of their arm.

    Raises:
        DataError: if they do not tell which.
    """
    recorded = authorities(topics)
    if len(recorded) < 2:
        return recorded[0] if recorded else None
    spaces = {name: name.removesuffix(AUTHORITY) for name in recorded}
    near = [name for name in recorded if any(topic is not None and topic.startswith(spaces[name]) for topic in chosen)]
    if not near:
        raise DataError(
            f"{folder}: {', '.join(sorted(recorded))} are of several arms; name the topics of the contract with the "
            "namespace of one of them"
        )
    nearest = max(near, key=lambda name: len(spaces[name]))
    others = [name for name in near if not spaces[nearest].startswith(spaces[name])]
    if others:
        choices = ", ".join(sorted([nearest, *others]))
        raise DataError(f"{folder}: the contract's topics are of several arms ({choices}); a contract is of one arm")
    return nearest


def _without(reader: BagReader, contract: Contract, missing: list[str]) -> Episode:
    """Return an empty episode if it broke off before its first step; any other must have all topics."""
    if not reader.facts.get("partial"):
        raise _lacks(reader, contract, missing)
    return _empty(contract, {**reader.facts, "steps": 0, "dropped": {}})


def _lacks(reader: BagReader, contract: Contract, missing: Sequence[str]) -> DataError:
    existing = ", ".join(sorted(reader.types)) or "no topics"
    remedy = "use the contract that it was recorded with"
    if not is_ours(reader):
        remedy = "name its topics in a contract, and under external: topic where the action is"
    return DataError(
        f"{reader.path}: contract {contract.name!r} needs {', '.join(missing)}, the bag has {existing}; {remedy}"
    )


class AuthorityRecords:
    """The records of authority of a bag, the first of each stamp; those that belong to no observation are left out."""

    def __init__(self) -> None:
        self.by_stamp: dict[int, Record] = {}
        self.refused: dict[int, tuple[int, MessageError]] = {}
        """By stamp, the order of a message that is no record, and why."""
        self._empty: set[int] = set()

    @property
    def are_empty(self) -> bool:
        """Whether there are messages, and not one of them has any content."""
        return bool(self._empty) and not self.by_stamp and self._empty == self.refused.keys()

    def add(self, topic: RecordedTopic, block: MessageBatch, decode: Decode) -> None:
        """Read more of them.

        Raises:
            DataError: if a message is not what its type says.
        """
        for row in range(len(block.at)):
            message = decoded(block.message(row), lambda data: decode(topic, data))
            stamp = messages.stamp_ns(message)
            if stamp in self.by_stamp:
                continue
            try:
                record = messages.record_from(message)
            except MessageError as error:
                self.refused.setdefault(stamp, (int(block.order[row]), error))
                if not message.status:
                    self._empty.add(stamp)
            else:
                if not record.reason.startswith(messages.INCOMPLETE):
                    self.by_stamp[stamp] = record


def _episode(
    folder: Path, contract: Contract, seen: Observations, records: AuthorityRecords, facts: Mapping[str, Any]
) -> Episode:
    recorded = records.by_stamp
    width = len(contract.action)
    unusable = {
        stamp
        for stamp, record in recorded.items()
        if len(record.executed) != width or not messages.are_finite(record.executed)
    }
    sound = dict(zip(seen.stamps_ns[seen.is_sound].tolist(), np.flatnonzero(seen.is_sound).tolist()))
    unsound = set(seen.stamps_ns[~seen.is_sound].tolist())
    refused = unsound | records.refused.keys() | unusable
    common = sorted(sound.keys() & recorded.keys() - unusable)
    if (unsound or records.refused) and not common:
        raise DataError(f"{folder}: no step can be used; the first trouble: {_first_trouble(contract, seen, records)}")
    stamps = set(seen.all_stamps_ns.tolist())
    dropped = {
        "incomplete observation": len(stamps - sound.keys() - refused),
        "no record of authority": len(sound.keys() - recorded.keys() - refused),
        "no observation": len(recorded.keys() - stamps - refused),
        "malformed or not finite": len(refused.difference(common)),
    }
    known = {**facts, "steps": len(common), "dropped": {reason: n for reason, n in dropped.items() if n}}
    if not common:
        return _empty(contract, known)
    rows = seen.values[[sound[stamp] for stamp in common]].astype(np.float32)
    return Episode.from_steps(rows, [recorded[stamp] for stamp in common], contract.step_ns, known)


def _first_trouble(contract: Contract, seen: Observations, records: AuthorityRecords) -> MessageError:
    troubles = list(records.refused.values())
    for row in np.flatnonzero(~seen.is_sound).tolist():
        error = seen.refused or messages.not_finite(contract, seen.values[row])
        troubles.append((int(seen.order[row]), error))
    return min(troubles, key=lambda each: each[0])[1]


def _empty(contract: Contract, facts: dict[str, Any]) -> Episode:
    actions = np.empty((0, len(contract.action)), np.float32)
    return Episode(
        stamps_ns=np.empty(0, np.int64),
        observations=np.empty((0, len(contract.observation)), np.float32),
        executed=actions,
        policy=actions,
        expert=actions,
        authority=np.empty(0, np.uint8),
        intervention=np.empty(0, np.int32),
        doubts=np.empty((0, len(messages.DOUBTS)), np.float32),
        step_ns=contract.step_ns,
        facts=facts,
    )
