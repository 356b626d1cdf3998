# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether a checkpoint's contract means the same by its numbers as the contract of the arm that it is to drive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from il_ros.core.contract import Contract

MEANING = {"observation": ("topic", "field", "unit"), "action": ("field", "unit", "kind", "closed")}
"""What a number of a component means, beside its name and place. All other keys are limits, which may differ."""
UNITS = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("radian", "radians"), "rad"),
    **dict.fromkeys(("degree", "degrees", "°"), "deg"),
    **dict.fromkeys(("second", "seconds", "sec"), "s"),
}


def differences(here: Contract, other: Contract) -> list[str]:
    """Return in what the contract ``here`` and ``other``, the one of a checkpoint, differ, key by key."""
    return [text for text, _ in compare(here.to_dict(), other.to_dict())]


def conflicts(here: Contract, other: Contract) -> list[str]:
    """Return those of the differences by which the same numbers mean something else.

    Names and their order, topics, fields, units, the rate and the kind of command must agree. Limits may differ, since
    the tighter ones are kept, and so may whatever says how bags are read, which arm is simulated, how a unit is spelt,
    or how many points a command has.
    """
    return [text for text, matters in compare(here.to_dict(), other.to_dict()) if matters]


def compare(here: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield what differs, and whether it changes what numbers mean."""
    for part in ("observation", "action"):
        names = list(here[part]), list(other[part])
        if names[0] != names[1]:
            yield f"{part}: {', '.join(names[0])} here, {', '.join(names[1])} in the checkpoint", True
        for name in (name for name in names[0] if name in other[part]):
            ours, theirs = here[part][name], other[part][name]
            for key in _unequal(ours, theirs):
                matters = key in MEANING[part] or (key == "rest" and _measured(ours) != _measured(theirs))
                same = key == "unit" and _unit(ours.get(key)) in ("", _unit(theirs.get(key)))
                yield f"{part} {name}: {_difference(key, ours, theirs)}", matters and not (same or not theirs.get(key))
    used = {component["topic"] for component in here["observation"].values()}
    for part, meaning in (("topics", used), ("command", {"type", "frame"})):
        ours, theirs = here[part], other[part]
        yield from ((f"{part}: {_difference(key, ours, theirs)}", key in meaning) for key in _unequal(ours, theirs))
    compared = ("observation", "action", "topics", "command")
    ours, theirs = ({key: value for key, value in each.items() if key not in compared} for each in (here, other))
    yield from ((_difference(key, ours, theirs), key == "rate_hz") for key in _unequal(ours, theirs))


def _unequal(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    return [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]


def _difference(key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Return the text for one key that differs."""
    values = (repr(each[key]) if key in each else "nothing" for each in (ours, theirs))
    return "{} {} here, {} in the checkpoint".format(key, *values)


def _measured(component: Mapping[str, Any]) -> bool:
    """Return whether it rests where it is, as positions do, or at a number, as velocities do."""
    return isinstance(component.get("rest"), str)


def _unit(text: str | None) -> str:
    """Return a unit without regard to how it is spelt: ``metres per second`` is ``m/s``."""
    words = (text or "").lower().replace(" per ", "/").replace(" ", "").split("/")
    return "/".join(UNITS.get(word, word) for word in words)
