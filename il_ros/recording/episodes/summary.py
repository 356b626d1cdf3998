# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Summarise a bag in a few numbers, for users and for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import DataError, MessageError
from il_ros.recording.bag.reader import BagReader, bytes_of, is_ours, read
from il_ros.recording.check.command_limits import notes
from il_ros.recording.episodes.reader import TypeMismatchError, authorities, read_episode


def episode_summary(folder: Path, contract: Contract | None = None) -> dict[str, Any]:
    """Return facts, topics and steps of one episode; every byte of it is read and checked.

    With a contract, a bag of another program is read as the contract says: the facts gain what was resampled, dropped
    and padded, or ``not read``, which says why it cannot be.

    ``steps`` counts the records of authority by who commanded; ``interventions`` is how often an expert took over;
    ``malformed`` counts messages on that topic that are no record.

    Raises:
        DataError: if the bag is damaged.
    """
    reader = read(folder)
    recorded = authorities(reader.types)
    if not recorded and contract is not None and not is_ours(reader):
        return _foreign_summary(reader, contract)
    steps: Counter[str] = Counter()
    interventions: set[int] = set()
    malformed = 0
    for _, _, message in reader.messages(recorded):
        try:
            record = messages.record_from(message)
        except MessageError:
            malformed += 1
            continue
        if record.reason.startswith(messages.INCOMPLETE):
            continue
        steps[record.authority.name.lower()] += 1
        interventions.add(record.intervention)
    if malformed and not steps and contract is not None and not is_ours(reader):
        return _foreign_summary(read(folder), contract)
    counts = {"steps": dict(sorted(steps.items())), "interventions": len(interventions - {0}), "malformed": malformed}
    return {**_described(reader), **counts, "facts": reader.facts}


def _foreign_summary(reader: BagReader, contract: Contract) -> dict[str, Any]:
    steps: dict[str, int] = {}
    mismatch = {}
    try:
        episode = read_episode(reader.path, contract)
        beyond = notes(contract, [episode])
        facts = {**episode.facts, **({"beyond the limits": beyond} if beyond else {})}
        steps = {"expert": facts["steps"]}
    except DataError as error:
        reader.verify()
        mismatch = {"is_of_another_type": True} if isinstance(error, TypeMismatchError) else {}
        facts = {**reader.facts, "not read": str(error)}
    return {**_described(reader), "steps": steps, "interventions": 0, "malformed": 0, **mismatch, "facts": facts}


def _described(reader: BagReader) -> dict[str, Any]:
    return {
        "kind": "episode",
        "path": str(reader.path),
        "bytes": bytes_of(reader.path),
        "duration_s": reader.contents.duration_ns / 1e9,
        "messages": reader.contents.count,
        "topics": {name: {"type": reader.types[name], "messages": n} for name, n in sorted(reader.counts.items())},
    }


def folder_summary(bags: Iterable[Path]) -> list[dict[str, Any]]:
    """Count closed episodes by task, expert and outcome, from their metadata alone; one row each, in that order."""
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    for bag in bags:
        reader = read(bag)
        key = tuple(str(reader.facts.get(name) or "-") for name in ("task", "expert", "outcome"))
        row = rows.setdefault((key[0], key[1], key[2]), Counter())
        row["episodes"] += 1
        row["partial"] += bool(reader.facts.get("partial"))
        row["steps"] += sum(reader.counts[name] for name in authorities(reader.types))
        row["messages"] += reader.contents.count
        row["lost"] += _lost(reader.facts)
        row["bytes"] += bytes_of(bag)
    return [
        {"task": task, "expert": expert, "outcome": outcome, **row}
        for (task, expert, outcome), row in sorted(rows.items())
    ]


def _lost(facts: dict[str, Any]) -> int:
    gaps = facts.get("gaps")
    topics = gaps.values() if isinstance(gaps, dict) else ()
    lost = [topic.get("lost", 0) for topic in topics if isinstance(topic, dict)]
    return sum(count for count in lost if isinstance(count, int))
