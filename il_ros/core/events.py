# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The JSON topics ``episode``, ``recorder/episode`` and ``trainer/checkpoint``: one data class each, checked.

A key that a class does not know is tolerated, so that an older node understands a newer one; a key with a value of
another type, or one that cannot be stored, is refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from il_ros.core.errors import MessageError
from il_ros.core.topics import CHECKPOINT, EPISODE, RECORDED
from il_ros.core.types import EpisodeStart

MAX_DEPTH = 32
"""Objects and lists within each other that a message may hold; more cannot be stored everywhere."""
MAX_INT = 2**63 - 1
MAX_PATH, MAX_PATH_PART = 4096, 255
"""Bytes of a path, and of each name in it, that a file system accepts."""
UNKNOWN_STAMP = -1

T = TypeVar("T")


@dataclass(frozen=True)
class EpisodeEnd:
    """Published on ``episode`` when an episode has ended."""

    task: str
    seed: int
    outcome: str
    steps: int
    last_stamp_ns: int
    first_stamp_ns: int = UNKNOWN_STAMP
    way: int | None = None
    """The way that a success took, where there are several."""
    number: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedEpisode:
    """Published on ``recorder/episode`` when an episode was closed, amended, discarded or could not be closed."""

    path: str | None = None
    """Where the bag is; None if there is none."""
    seed: int | None = None
    outcome: str | None = None
    error: str | None = None
    """Why it could not be closed."""
    discarded: str | None = None
    """The name of a bag that was put aside."""
    amended: bool = False
    """Whether the bag was announced before and was judged anew."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else the recorder knows of it; see ``metadata.yaml`` of the bag."""

    def as_dict(self) -> dict[str, Any]:
        """Return all that is known of the episode, as one dictionary; ``path`` is always there."""
        return {"path": self.path, **_set_values(self)}


@dataclass(frozen=True)
class TrainedCheckpoint:
    """Published on ``trainer/checkpoint`` when a checkpoint is ready."""

    path: str
    hash: str
    policy: str | None = None
    """Which class of policies was trained."""
    labels: int | None = None
    """How many labels it was trained on."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else the trainer knows of it."""

    def as_dict(self) -> dict[str, Any]:
        """Return all that is known of the checkpoint, as one dictionary."""
        return _set_values(self)


EpisodeEvent = EpisodeStart | EpisodeEnd
Event = EpisodeEvent | RecordedEpisode | TrainedCheckpoint


# Writing --------------------------------------------------------------------------------------------------------------


def to_json(event: Event) -> str:
    """Return the JSON text of an event."""
    if isinstance(event, EpisodeStart):
        return json.dumps({"event": "start", **vars(event)})
    if isinstance(event, EpisodeEnd):
        return json.dumps({"event": "end", **vars(event)})
    return json.dumps(event.as_dict())


def recorded_episode(path: str | None, facts: Mapping[str, Any]) -> RecordedEpisode:
    """Return the announcement of an episode with these facts."""
    return RecordedEpisode(**_split(RecordedEpisode, {**facts, "path": path}))


def trained_checkpoint(facts: Mapping[str, Any]) -> TrainedCheckpoint:
    """Return the announcement of a checkpoint with these facts, ``path`` and ``hash`` among them."""
    return TrainedCheckpoint(**_split(TrainedCheckpoint, facts))


def _split(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event's fields; ``facts`` are those that it has no field for."""
    own = _names(cls) - {"facts"}
    others = {key: value for key, value in values.items() if key not in own}
    return {**{key: values[key] for key in own & values.keys()}, "facts": others}


def _set_values(event: RecordedEpisode | TrainedCheckpoint) -> dict[str, Any]:
    """Return the facts of an event and its fields that are set."""
    own = {
        key: value for key, value in vars(event).items() if key != "facts" and value is not None and value is not False
    }
    return {**own, **event.facts}


# Reading --------------------------------------------------------------------------------------------------------------


def episode_event_from_json(text: str) -> EpisodeEvent | None:
    """Return the start or the end of an episode that ``text`` announces, or None for another kind of event.

    Raises:
        MessageError: if the text is no episode event: no JSON object, a missing key, or a value that cannot be.
    """
    where = f"{EPISODE.name} event"
    values = _object(where, text)
    kind = values.pop("event", None)
    if not isinstance(kind, str):
        raise _refused(where, text, "it has no 'event'")
    if kind == "start":
        return _checked(EpisodeStart, where, text, values)
    return _checked(EpisodeEnd, where, text, values) if kind == "end" else None


def episode_start_from_json(text: str) -> EpisodeStart | None:
    """Return the start of an episode that ``text`` announces, or None if it announces something else.

    Raises:
        MessageError: as ``episode_event_from_json``.
    """
    event = episode_event_from_json(text)
    return event if isinstance(event, EpisodeStart) else None


def recorded_episode_from_json(text: str) -> RecordedEpisode:
    """Return what the recorder announces.

    Raises:
        MessageError: if the text is no JSON object, or holds a value that cannot be.
    """
    values = _object(RECORDED.name, text)
    fields = _split(RecordedEpisode, values)
    _check(RecordedEpisode, RECORDED.name, text, fields)
    return RecordedEpisode(**fields)


def trained_checkpoint_from_json(text: str) -> TrainedCheckpoint:
    """Return what the trainer announces.

    Raises:
        MessageError: if the text is no JSON object, lacks path or hash, or holds a value that cannot be.
    """
    values = _object(CHECKPOINT.name, text)
    for key in ("path", "hash"):
        if not values.get(key):
            raise _refused(CHECKPOINT.name, text, f"it has no {key!r}")
    fields = _split(TrainedCheckpoint, values)
    _check(TrainedCheckpoint, CHECKPOINT.name, text, fields)
    return TrainedCheckpoint(**fields)


def _object(where: str, text: str) -> dict[str, Any]:
    """Return the JSON object that ``text`` holds; text that cannot be stored or passed on is refused, too."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a character cannot be encoded
    except (ValueError, RecursionError) as error:
        raise _refused(where, text, str(error)) from error
    if not isinstance(value, dict):
        raise _refused(where, text, "it is no object")
    if not _is_shallow(value, MAX_DEPTH):
        raise _refused(where, text, f"it is nested more than {MAX_DEPTH} deep")
    return value


def _is_shallow(value: Any, depth: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_shallow(part, depth - 1) for part in parts)


def _checked(cls: type[T], where: str, text: str, values: Mapping[str, Any]) -> T:
    """Return the event of these values, without the keys that it does not know."""
    known = {key: value for key, value in values.items() if key in _names(cls)}
    _check(cls, where, text, known)
    try:
        return cls(**known)
    except TypeError as error:
        raise _refused(where, text, str(error).partition("() ")[2]) from error


def _check(cls: type[Any], where: str, text: str, values: Mapping[str, Any]) -> None:
    """Raise a ``MessageError`` unless each value is the field's default, or what the field's type asks for."""
    defaults = {each.name: each.default for each in dataclasses.fields(cls)}
    types = {each.name: str(each.type) for each in dataclasses.fields(cls)}
    for key, value in values.items():
        if value is defaults[key] or (type(value) is int and value == defaults[key]):
            continue
        is_sound, what = PATH if key == "path" else CHECKS[types[key].partition(" | ")[0]]
        if not is_sound(value):
            raise _refused(where, text, f"{key!r} is no {what}")


def _is_path(value: Any) -> bool:
    if not isinstance(value, str) or not value or "\0" in value:
        return False
    return len(value.encode()) <= MAX_PATH and all(len(part.encode()) <= MAX_PATH_PART for part in value.split("/"))


Check = tuple[Callable[[Any], bool], str]
PATH: Check = (_is_path, f"path of at most {MAX_PATH} bytes, {MAX_PATH_PART} each name")
CHECKS: dict[str, Check] = {
    "str": (lambda value: isinstance(value, str), "text"),
    "int": (lambda value: type(value) is int and 0 <= value <= MAX_INT, "whole number from 0 to 2**63 - 1"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "dict[str, Any]": (lambda value: isinstance(value, dict), "object"),
}
"""By the type of a field, what its value must be."""


def _names(cls: type[Any]) -> set[str]:
    return {each.name for each in dataclasses.fields(cls)}


def _refused(where: str, text: str, why: str) -> MessageError:
    return MessageError(f"{where} {text[:80]!r} cannot be read ({why}); check who publishes it")
