# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Summarise a LeRobot data set in a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.bag.reader import CACHE
from il_ros.recording.export.lerobot import EXPERT, SOURCE
from il_ros.recording.lerobot import drivers, tables
from il_ros.recording.lerobot import names as feature_names
from il_ros.recording.lerobot.drivers import Driven
from il_ros.recording.lerobot.info import read_info
from il_ros.recording.lerobot.reader import matrix_of, notes_on_format, read_tables, understood
from il_ros.recording.lerobot.recorded import recorded_episodes


def dataset_summary(folder: Path) -> dict[str, Any]:
    """Return a summary of the data set in ``folder``, whatever its components; all its numbers are read.

    ``rows`` count what was recorded by task, expert and outcome; ``steps`` the frames by who commanded, ``labels``
    those of which it is known what the expert wanted. ``components`` are, by column, what a contract can name;
    ``notes`` what does not agree, what was assumed, and what a training would refuse.

    Raises:
        DataError: if it is damaged, or of another version.
    """
    info = read_info(folder)
    features, meanings = info["features"], drivers.meanings(folder)
    components = feature_names.described(features)
    selected = [column for column in components if feature_names.is_number(features[column])]
    own = [column for column in (EXPERT,) if SOURCE in features and column in features]
    frames, rows = read_tables(folder, info, selected, [*own, *drivers.columns(features, meanings)])
    with understood(folder):
        count = len(frames["episode_index"])
        driven, notes = _driven_or_why(folder, features, frames, meanings)
        notes += [*notes_on_format(folder, info), *_unnamed(features, selected)]
        notes += [*tables.doubts(frames, rows, info["fps"], selected), *_not_finite(frames, features, selected)]
        expert = frames.get(EXPERT, np.full(count, np.nan)).reshape(count, -1)
        interventions = np.zeros(count, np.int64) if driven is None else driven.intervention
        counted = _counted(rows, frames["episode_index"], interventions)
        return {
            "kind": "dataset",
            "path": str(folder),
            "format": f"LeRobot {info['codebase_version']}",
            "robot": info.get("robot_type"),
            "fps": info["fps"],
            "duration_s": count / info["fps"],
            "episodes": info["total_episodes"],
            "frames": count,
            "bytes": sum(path.stat().st_size for path in _files(folder)),
            "components": components,
            "steps": {"unknown": count} if driven is None else _steps(driven.authority),
            "interventions": sum(row["interventions"] for row in counted),
            "labels": int(np.isfinite(expert).all(axis=1).sum()),
            "rows": counted,
            "notes": notes,
        }


def _files(folder: Path) -> list[Path]:
    """Return the files of a data set, without the images that were decoded from them."""
    return [path for path in folder.rglob("*") if path.is_file() and folder / CACHE not in path.parents]


def _steps(authority: Array) -> dict[str, int]:
    names = {who: name for name, who in drivers.WHO.items()}
    return dict(sorted((names[who], count) for who, count in Counter(authority.tolist()).items()))


def _driven_or_why(
    folder: Path, features: Mapping[str, Any], frames: Mapping[str, Array], meanings: Mapping[str, Mapping[str, str]]
) -> tuple[Driven | None, list[str]]:
    try:
        return drivers.who_drove(folder, features, frames, meanings)
    except DataError as error:
        return None, [str(error)]


def _unnamed(features: Mapping[str, Any], columns: Iterable[str]) -> Iterator[str]:
    for column in columns:
        if why := feature_names.names_of(features[column]).why:
            yield f"the names of {column} are not used ({why}); name its numbers by place, as in {column}[0]"


def _not_finite(frames: Mapping[str, Array], features: Mapping[str, Any], columns: Iterable[str]) -> Iterator[str]:
    for column in columns:
        names = feature_names.names_of(features[column]).by_place
        places = [(column, i) for i in range(len(names))]
        labels = [name or f"{column}[{i}]" for i, name in enumerate(names)]
        if why := tables.not_finite(frames, labels, places, matrix_of(frames, places)):
            yield why


def _counted(rows: Mapping[str, Any], episode: Array, intervention: Array) -> list[dict[str, Any]]:
    """Return one row for each task, expert and outcome, in that order; the last arguments are (F,), of the frames."""
    recorded = recorded_episodes(rows)
    owner_of = {number: index for index, each in enumerate(recorded) for number, _ in each.parts}
    numbers, which = np.unique(episode, return_inverse=True)
    owner = np.array([owner_of[number] for number in numbers.tolist()], np.int64)[which]
    ids = np.unique(np.column_stack([owner, intervention])[intervention > 0], axis=0)
    frames, interventions = (np.bincount(of, minlength=len(recorded)) for of in (owner, ids[:, 0]))
    groups: dict[tuple[str, ...], Counter[str]] = {}
    for index, each in enumerate(recorded):
        row = groups.setdefault(tuple(str(each.facts.get(k) or "-") for k in ("task", "expert", "outcome")), Counter())
        row.update(episodes=1, partial=int(bool(each.facts.get("partial"))))
        row.update(frames=int(frames[index]), interventions=int(interventions[index]))
    return [
        {"task": task, "expert": expert, "outcome": how, **row} for (task, expert, how), row in sorted(groups.items())
    ]
