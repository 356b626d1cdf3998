# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The recorded episodes of a LeRobot data set, each of one or more of LeRobot's episodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.recording.export.lerobot import FACTS, FIRST_STAMP, RECORDED


@dataclass(frozen=True)
class Recorded:
    """A recorded episode: its stretches, each one of LeRobot's episodes."""

    name: str
    facts: dict[str, Any]
    parts: tuple[tuple[int, int], ...]
    """Number and first stamp, ns, of each of LeRobot's episodes."""


def recorded_episodes(rows: Mapping[str, Any]) -> list[Recorded]:
    """Return the recorded episodes, in the order of the data set.

    Stretches follow each other in time; the same name again, as in merged data sets, is another recording.
    """
    made: list[Recorded] = []
    names: set[str] = set()
    for index in np.argsort(rows["episode_index"], kind="stable").tolist():
        name, facts, number, first = _row(rows, index)
        last = made[-1] if made else None
        if last and name and (last.facts, last.name.partition("#")[0]) == (facts, name) and first > last.parts[-1][1]:
            made[-1] = Recorded(last.name, facts, (*last.parts, (number, first)))
            continue
        name = unique = name or f"episode_{number:06d}"
        copies = 1
        while unique in names:
            copies += 1
            unique = f"{name}#{copies}"
        names.add(unique)
        made.append(Recorded(unique, facts, ((number, first),)))
    return made


def _row(rows: Mapping[str, Any], index: int) -> tuple[str, dict[str, Any], int, int]:
    """Return name, facts, number and first stamp of one of LeRobot's episodes; without a name if others recorded it."""
    number = int(rows["episode_index"][index])
    own = [rows[name][index] if name in rows else None for name in (RECORDED, FACTS, FIRST_STAMP)]
    if isinstance(own[0], str) and isinstance(own[1], str) and own[2] == own[2] and own[2] is not None:
        facts = json.loads(own[1])
        if not isinstance(facts, dict):
            raise ValueError(f"{FACTS} of episode {number} is {own[1]!r}")
        return own[0], facts, number, int(own[2])
    tasks = rows["tasks"][index] if "tasks" in rows else None
    listed = [tasks] if isinstance(tasks, str) else [] if tasks is None else list(tasks)
    return "", {"task": ", ".join(map(str, listed)), "partial": False}, number, 0
