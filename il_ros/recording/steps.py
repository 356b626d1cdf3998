"""A bag's messages joined into steps: what the policy saw, and who commanded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from il_ros import messages
from il_ros.episode import Episode, Record
from il_ros.errors import DataError, MessageError
from il_ros.recording.bag import BagReader, read
from il_ros.signals import Array
from il_ros.specs import Contract

AUTHORITY = "gate/authority"


def read_episode(folder: Path, contract: Contract) -> Episode:
    """The steps of the bag ``folder``: every stamp with an observation and a record of authority, in order of time.

    The observation is joined and computed by the code that the live policy uses. A message that came twice makes no
    second step. The facts gain ``steps`` and ``dropped``: how many stamps made no step, by reason.

    Raises:
        DataError: if the bag is damaged, lacks a topic of the contract, has two that could be it, or none of its
            steps can be used.
    """
    reader = read(folder)
    names = {topic: find_topic(reader.types, topic, folder) for topic in (*contract.topics, AUTHORITY)}
    if None in names.values():
        return _without(reader, contract, [topic for topic, name in names.items() if name is None])
    steps = _Steps(contract)
    wanted = {name: topic for topic, name in names.items() if name is not None}
    for name, _, message in reader.messages(wanted):
        steps.add(wanted[name], message)
    return steps.episode(folder, reader.facts)


def find_topic(topics: Mapping[str, str], wanted: str, folder: Path) -> str | None:
    """The recorded topic that ``wanted`` means: itself, whatever its namespace; None if there is none.

    Raises:
        DataError: if more than one could be meant.
    """
    found = [name for name in topics if name == wanted or name.endswith("/" + wanted.lstrip("/"))]
    if len(found) > 1:
        choices = ", ".join(sorted(found))
        raise DataError(f"{folder}: topic {wanted!r} may be any of {choices}; name one of them in the contract")
    return found[0] if found else None


def _without(reader: BagReader, contract: Contract, missing: list[str]) -> Episode:
    """An episode that broke off before its first step may lack a topic; any other must have them all."""
    if not reader.facts.get("partial"):
        there = ", ".join(sorted(reader.types)) or "no topics"
        raise DataError(
            f"{reader.path}: contract {contract.name!r} needs {', '.join(missing)}, the bag has {there}; "
            "use the contract that it was recorded with"
        )
    return _episode(contract, {}, {}, {**reader.facts, "steps": 0, "dropped": {}})


class _Steps:
    """Joins messages to observations, and those to records, by stamp."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._aligner = messages.Aligner(list(contract.topics), remember=2**62)
        self._stamps: set[int] = set()
        self._observations: dict[int, Array] = {}
        self._records: dict[int, Record] = {}
        self._refused: dict[int, MessageError] = {}

    def add(self, topic: str, message: Any) -> None:
        stamp = messages.stamp_ns(message)
        try:
            if topic == AUTHORITY:
                self._records.setdefault(stamp, messages.record_from(message))
                return
            self._stamps.add(stamp)
            joined = self._aligner.add(topic, message)
            if joined is not None:
                self._observations[stamp] = messages.observation(self._contract, joined[1])
        except MessageError as error:
            self._refused[stamp] = error

    def episode(self, folder: Path, facts: Mapping[str, Any]) -> Episode:
        unusable = {s for s, r in self._records.items() if not np.isfinite(r.executed).all()}
        common = self._observations.keys() & self._records.keys() - unusable
        if self._refused and not common:
            raise DataError(f"{folder}: no step can be used; the first trouble: {next(iter(self._refused.values()))}")
        refused = self._refused.keys() | unusable
        incomplete = self._stamps - self._observations.keys() - refused
        dropped = Counter(
            {
                "incomplete observation": len(incomplete),
                "no record of authority": len(self._observations.keys() - self._records.keys() - refused),
                "no observation": len(self._records.keys() - self._stamps - refused),
                "malformed or not finite": len(refused - common),
            }
        )
        told = {**facts, "steps": len(common), "dropped": {reason: n for reason, n in dropped.items() if n}}
        return _episode(self._contract, self._observations, {s: self._records[s] for s in sorted(common)}, told)


def _episode(
    contract: Contract, observations: Mapping[int, Array], records: Mapping[int, Record], facts: dict[str, Any]
) -> Episode:
    if records:
        rows = [observations[stamp] for stamp in records]
        return Episode.from_steps(rows, list(records.values()), contract.step_ns, facts)
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
