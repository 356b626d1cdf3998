"""What a bag holds, in a few numbers: for people who look, and for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from il_ros import messages
from il_ros.errors import MessageError
from il_ros.recording.bag import bytes_of, read
from il_ros.recording.steps import AUTHORITY, find_topic


def episode_summary(folder: Path) -> dict[str, Any]:
    """Facts, topics and steps of one episode; every byte of it is read and checked.

    ``steps`` counts the records of authority by who commanded; ``interventions`` is how often an expert took over;
    ``malformed`` counts messages on that topic that are no record.

    Raises:
        DataError: if the bag is damaged.
    """
    reader = read(folder)
    authority = find_topic(reader.types, AUTHORITY, folder)
    steps: Counter[str] = Counter()
    interventions: set[int] = set()
    malformed = 0
    for _, _, message in reader.messages([authority] if authority else []):
        try:
            record = messages.record_from(message)
        except MessageError:
            malformed += 1
            continue
        steps[record.authority.name.lower()] += 1
        interventions.add(record.intervention)
    return {
        "kind": "episode",
        "path": str(folder),
        "bytes": bytes_of(folder),
        "duration_s": reader.contents.duration_ns / 1e9,
        "messages": reader.contents.count,
        "topics": {name: {"type": reader.types[name], "messages": n} for name, n in sorted(reader.counts.items())},
        "steps": dict(sorted(steps.items())),
        "interventions": len(interventions - {0}),
        "malformed": malformed,
        "facts": reader.facts,
    }


def folder_summary(bags: Iterable[Path]) -> list[dict[str, Any]]:
    """Closed episodes counted by task, expert and outcome, from their metadata alone; one row each, in that order."""
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    for bag in bags:
        reader = read(bag)
        key = tuple(str(reader.facts.get(name) or "-") for name in ("task", "expert", "outcome"))
        row = rows.setdefault((key[0], key[1], key[2]), Counter())
        authority = find_topic(reader.types, AUTHORITY, bag)
        row["episodes"] += 1
        row["partial"] += bool(reader.facts.get("partial"))
        row["steps"] += reader.counts[authority] if authority else 0
        row["messages"] += reader.contents.count
        row["lost"] += _lost(reader.facts)
        row["bytes"] += bytes_of(bag)
    return [
        {"task": task, "expert": expert, "outcome": outcome, **row}
        for (task, expert, outcome), row in sorted(rows.items())
    ]


def _lost(facts: dict[str, Any]) -> int:
    gaps = facts.get("gaps") or {}
    return sum(int(topic.get("lost", 0)) for topic in gaps.values() if isinstance(topic, dict))
