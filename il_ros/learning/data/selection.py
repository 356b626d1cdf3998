# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which episodes are trained on: conditions on what they say of themselves; demonstrations that failed are left out."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
FORM = re.compile(r"\s*([A-Za-z_]\w*)\s*(!=|>=|<=|=|>|<)\s*([^\s=<>!](?:.*\S)?)\s*")
ANY = "*"
NO_FAILURES = ("", "success", "unknown", "aborted")
"""Outcomes of demonstrations that are trained on unless a condition speaks of the outcome; "" is of other recorders."""


@dataclass(frozen=True)
class Condition:
    """``KEY RELATION VALUE``, for example ``expert=anna``, ``outcome!=timeout``, ``date>=2026-11-01``, ``steps<400``.

    Of an episode by several experts or checkpoints one must be equal, and none for ``!=``. A date is equal if it begins
    like the value; numbers and dates alone have an order. ``*`` is whatever there is.
    """

    key: str
    relation: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ConfigError: if it is of another form.
        """
        found = FORM.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"where: {text!r} is no condition; write KEY, one of = != >= <= > < and a value, as outcome=success or "
                "date>=2026-11-01"
            )
        return cls(*found.groups())

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Return whether it holds for an episode with these facts.

        Raises:
            ConfigError: if what is compared has no order.
        """
        fact = facts.get(self.key)
        if fact is None or fact == "":
            return self.relation == "!="
        if self.relation in COMPARE:
            return COMPARE[self.relation](*self._comparable(fact))
        equal = self.value == ANY or (
            str(fact).startswith(self.value) if self.key == "date" else self.value in texts(fact)
        )
        return equal == (self.relation == "=")

    def _comparable(self, fact: Any) -> tuple[Any, Any]:
        if self.key == "date":
            return str(fact)[: len(self.value)], self.value  # of equal length: a day, or an hour, is one point
        try:
            return float(fact), float(self.value)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"where: {self} compares {fact!r} with {self.value!r}; numbers and the date alone have an order, use = "
                "or !="
            ) from error

    def __str__(self) -> str:
        return f"{self.key}{self.relation}{self.value}"


@dataclass(frozen=True)
class Selection:
    """All of these must hold; without one that speaks of the outcome, demonstrations that failed are left out."""

    conditions: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Selection:
        """Read the conditions.

        Raises:
            ConfigError: if one is of another form.
        """
        return cls(tuple(Condition.parse(text) for text in texts))

    def of(self, episodes: Mapping[str, Episode], starts_ns: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Return the names of the chosen episodes, and notes of what was left out.

        Args:
            episodes: by name.
            starts_ns: when their recordings began, ns of the Unix epoch, as far as that is known.

        Raises:
            ConfigError: if no episode has the key of a condition, or what is compared has no order.
        """
        facts = {name: _facts(name, episode, starts_ns.get(name)) for name, episode in episodes.items()}
        for condition in self.conditions:
            if not any(condition.key in each for each in facts.values()):
                known = ", ".join(sorted({key for each in facts.values() for key in each}))
                raise ConfigError(f"where: {condition}: no episode has {condition.key!r}; they have {known}")
        chosen = [name for name, each in facts.items() if all(c.holds(each) for c in self.conditions)]
        notes = []
        if len(chosen) < len(facts):
            notes.append(f"{len(facts) - len(chosen)} of {len(facts)} episodes are left out by where: {self}")
        if any(condition.key == "outcome" for condition in self.conditions):
            return chosen, notes
        failed = [name for name in chosen if has_failed(episodes[name])]
        if failed:
            outcomes = Counter(str(episodes[name].facts["outcome"]) for name in failed)
            counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
            notes.append(
                f"{len(failed)} demonstrations that failed are left out ({counts}); where outcome=* takes them, too"
            )
        return [name for name in chosen if name not in failed], notes

    def __str__(self) -> str:
        return ", ".join(map(str, self.conditions))


def has_failed(episode: Episode) -> bool:
    """Return whether it is a demonstration, in which no policy drives, and its outcome is a failure.

    In an episode in which an expert corrects a policy his labels are right, however it ends.
    """
    outcome = str(episode.facts.get("outcome") or "")
    return outcome not in NO_FAILURES and not (episode.authority == Authority.POLICY).any()


def _facts(name: str, episode: Episode, start_ns: int | None) -> dict[str, Any]:
    """Return what can be asked of an episode: the plain facts of its bag, its name and its date (UTC)."""
    facts = {key: value for key, value in episode.facts.items() if isinstance(value, str | int | float)}
    if start_ns is not None:
        facts["date"] = datetime.fromtimestamp(start_ns // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return {**facts, "name": name}


def texts(fact: Any) -> Sequence[str]:
    """Return the texts that a fact holds: names stand in one with commas between them."""
    if isinstance(fact, bool):
        return [str(fact).lower()]
    return [part.strip() for part in str(fact).split(",")]
