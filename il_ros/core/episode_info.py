# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a bag says about its episode beside the messages: typed, with a version, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
"""Of the keys below. Bags of before have no ``schema`` key; their other keys are the same."""
SCHEMA = "schema"


@dataclass(frozen=True)
class EpisodeInfo:
    """The facts of an episode; whatever its bag does not say is at its default.

    A bag keeps them as a mapping in its metadata: see ``from_mapping`` and ``to_mapping``.
    """

    task: str = ""
    seed: int | None = None
    number: int | None = None
    """The episode's place in its folder, from 1."""
    outcome: str = ""
    """How it ended: success, failure, time-out or unknown."""
    way: int | None = None
    """The way that a success took."""
    steps: int = 0
    """Steps that can be used."""
    expert: str = ""
    """Names of the experts that were asked, with commas between them."""
    checkpoint: str = ""
    """Short hashes of the checkpoints that acted, with commas between them."""
    partial: bool = False
    """Whether its recording was ended before the episode was."""
    complete: bool | None = None
    """Whether beginning and end of the episode were received; None if nobody said."""
    recovered: bool = False
    """Whether it was made of a journal that nobody had closed."""
    reason: str = ""
    """Why it is partial."""
    judged: bool = False
    """Whether an operator gave the outcome."""
    digest: str = ""
    """Of its messages; only bags of our recorder have one."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Stamps that made no step, by reason."""
    gaps: Mapping[str, Any] = field(default_factory=dict)
    """Messages that were lost, by topic."""
    silences: tuple[Mapping[str, Any], ...] = ()
    """Times at which nothing was received."""
    salvaged: Mapping[str, Any] = field(default_factory=dict)
    """What a recovery found in the journal."""
    stray: Mapping[str, Any] = field(default_factory=dict)
    """Messages that belong to another episode."""
    image_jpeg_quality: int = 0
    """Of the JPEGs that the recorder made of raw images; 0 if it recorded them without loss."""
    version: int = 0
    """Of the schema that wrote it; 0 is before there was one."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Keys of newer versions and of other programs, as they are."""

    @property
    def is_success(self) -> bool:
        """Whether the task was done."""
        return self.outcome == "success"

    @property
    def is_ours(self) -> bool:
        """Whether our recorder wrote it."""
        return bool(self.digest)

    @classmethod
    def from_mapping(cls, facts: Mapping[str, Any]) -> EpisodeInfo:
        """Return what a mapping says; unknown keys, and those of another type, go to ``others``."""
        version = facts.get(SCHEMA)
        known: dict[str, Any] = {"version": version if _is_whole(version) else 0}
        others: dict[str, Any] = {}
        for key, value in facts.items():
            if key == SCHEMA:
                continue
            if key in _CHECKS and _CHECKS[key](value):
                known[key] = tuple(value) if key == "silences" else value
            elif key not in _CHECKS or value is not None:
                others[key] = value
        return cls(**known, others=others)

    def to_mapping(self) -> dict[str, Any]:
        """Return the mapping that is written into a bag; what is at its default is left out."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name in _CHECKS}
        defaults = EpisodeInfo()
        changed = {key: value for key, value in values.items() if value != getattr(defaults, key)}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in changed.items()}
        return {SCHEMA: VERSION, **plain, **self.others}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("task", "outcome", "expert", "checkpoint", "reason", "digest"), _is_text),
    **dict.fromkeys(("seed", "number", "way", "steps", "image_jpeg_quality"), _is_whole),
    **dict.fromkeys(("partial", "complete", "recovered", "judged"), _is_bool),
    **dict.fromkeys(("dropped", "gaps", "salvaged", "stray"), _is_mapping),
    "silences": lambda value: isinstance(value, list | tuple),
}
"""Whether a value is of its key's type."""
