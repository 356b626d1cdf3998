# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who drove each frame of a LeRobot data set: the expert, the policy or nobody.

Our exports say it in ``source``; LeRobot's own DAgger recordings in a bool ``intervention``, true where a person
corrected and false where the policy drove. A column of that name with other values is not guessed at:
``meta/il_ros.json`` can say what the values of a column mean, as in ``{"drove": {"source": {"human": "expert"}}}``.
Without either all is an expert's demonstration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.episode import Authority
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.export.lerobot import ABOUT, INTERVENTION, SOURCE
from il_ros.recording.lerobot.names import width

DROVE = "drove"
"""The key of ``meta/il_ros.json`` that says what the values of one column mean."""
WHO = {who.name.lower(): who for who in Authority}


@dataclass(frozen=True)
class Driven:
    """Who drove each of F frames."""

    authority: Array
    """(F,) uint8, an ``Authority`` value."""
    intervention: Array
    """(F,) int32, 1, 2, ... within an episode while an expert intervenes in what a policy drives; else 0."""


def meanings(folder: Path) -> dict[str, dict[str, str]]:
    """Return the meanings that ``meta/il_ros.json`` gives the values of one column, if it does.

    Raises:
        DataError: if it cannot be understood.
    """
    path = folder / ABOUT
    if not path.is_file():
        return {}
    try:
        result = json.loads(path.read_bytes()).get(DROVE, {})
        if len(result) > 1 or not all(set(values.values()) <= WHO.keys() for values in result.values()):
            raise ValueError(f"{DROVE!r} is {result!r}")
        return dict(result)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        example = json.dumps({DROVE: {"COLUMN": {"VALUE": "expert", "OTHER": "policy"}}})
        raise DataError(f"{path} cannot be understood ({error}); it may say {example}, of one column") from error


def columns(features: Mapping[str, Any], meanings_of: Mapping[str, Any]) -> list[str]:
    """Return the columns that ``who_drove`` reads."""
    selected = list(meanings_of) or [SOURCE, INTERVENTION]
    return [
        name for name in dict.fromkeys([*selected, INTERVENTION]) if name in features and _is_single(features[name])
    ]


def who_drove(
    folder: Path, features: Mapping[str, Any], frames: Mapping[str, Array], meanings_of: Mapping[str, Mapping[str, str]]
) -> tuple[Driven, list[str]]:
    """Return who drove each frame, and what was assumed about it.

    Args:
        meanings_of: what ``meanings`` returned.

    Raises:
        DataError: if a column says it in words that are not known.
    """
    episode = frames["episode_index"]
    for column, values in meanings_of.items():
        if column not in frames:
            raise DataError(f"{folder / ABOUT} says who drove by {column!r}, which is not a column of single values")
        return _by_values(folder, column, _texts(frames[column]), values, frames), []
    texts = _texts(frames[SOURCE]) if SOURCE in frames else None
    if texts is not None and set(np.unique(texts)) <= WHO.keys():
        return _by_values(folder, SOURCE, texts, {name: name for name in WHO}, frames), []
    marks = frames.get(INTERVENTION)
    if marks is not None and marks.dtype == bool:
        authority = np.where(marks, Authority.EXPERT, Authority.POLICY).astype(np.uint8)
        other = [f"column {SOURCE!r} is not read: {INTERVENTION!r} says who drove"] if texts is not None else []
        return Driven(authority, runs(marks, episode)), other
    if texts is not None:
        raise _ambiguous(folder, SOURCE, texts)
    if marks is not None:
        raise _ambiguous(folder, INTERVENTION, _texts(marks))
    count = len(episode)
    return Driven(np.full(count, Authority.EXPERT, np.uint8), np.zeros(count, np.int32)), list(_assumed(features))


def _by_values(
    folder: Path, column: str, texts: Array, values: Mapping[str, str], frames: Mapping[str, Array]
) -> Driven:
    known, which = np.unique(texts, return_inverse=True)
    if set(known) - values.keys():
        raise _ambiguous(folder, column, texts)
    authority = np.array([WHO[values[text]] for text in known], np.uint8)[which]
    ids = frames.get(INTERVENTION)
    if ids is not None and ids.dtype.kind in "iu":
        return Driven(authority, ids.astype(np.int32))
    episode = frames["episode_index"]
    is_rollout = np.isin(episode, np.unique(episode[authority == Authority.POLICY]))
    return Driven(authority, runs((authority == Authority.EXPERT) & is_rollout, episode))


def runs(mask: Array, episode: Array) -> Array:
    """Return (F,) int32, the number of the run of true values, from 1 in each episode; 0 where false."""
    begins = mask.copy()
    begins[1:] &= ~mask[:-1] | (episode[1:] != episode[:-1])
    count = np.cumsum(begins)
    first = np.flatnonzero(np.diff(episode, prepend=episode[:1] - 1))
    before = np.repeat((count - begins)[first], np.diff([*first, len(episode)]))
    numbers: Array = np.where(mask, count - before, 0).astype(np.int32)
    return numbers


def _texts(values: Array) -> Array:
    """Return values as text, as in JSON."""
    if values.dtype == bool:
        return np.where(values, "true", "false")
    return np.array([f"{value:g}" if isinstance(value, float) else str(value) for value in values.tolist()], dtype=str)


def _ambiguous(folder: Path, column: str, texts: Sequence[str] | Array) -> DataError:
    known = sorted({str(text) for text in texts})
    some = ", ".join(map(repr, known[:8])) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    example = json.dumps({DROVE: {column: dict.fromkeys(known[:8], "...")}})
    return DataError(
        f"{folder}: column {column!r} holds {some}, so it is not known who drove; write into {ABOUT} what each value "
        f"means, one of {', '.join(WHO)}: {example}"
    )


def _is_single(feature: Mapping[str, Any]) -> bool:
    return width(feature) == 1 and feature.get("dtype") not in ("image", "video")


def _assumed(features: Mapping[str, Any]) -> list[str]:
    doubtful = [name for name in features if "interven" in name.lower() or name == SOURCE]
    if not doubtful:
        return []
    names = ", ".join(map(repr, doubtful))
    return [f"every frame counts as the expert's; if {names} says who drove, say so in {ABOUT} under {DROVE!r}"]
