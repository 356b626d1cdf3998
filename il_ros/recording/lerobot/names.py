# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Find the number of a LeRobot data set that a component's name means.

``meta/info.json`` may name the numbers of a feature by a list, a nested list, a mapping of lists, a mapping from a name
to its place, or not at all. A name that several numbers bear, or that does not fit the shape, names none of them; every
number can be named by column and place, as in ``action[3]``. A feature of several axes counts in C order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from il_ros.core.errors import ConfigError, unknown

Place = tuple[str, int]
"""A column, and the place of a number in it."""
COLUMNS = {"observation": ("observation", "state"), "action": ("action", "actions")}
"""The columns in which the names of each kind are looked for, with what follows a dot; the first is LeRobot's, the
second that of openpi's converters."""
NUMBERS = ("float", "int", "uint", "bool")
LISTED = 64
"""The most choices that a message lists one by one."""


@dataclass(frozen=True)
class Names:
    """The names of a feature's numbers."""

    by_place: tuple[str | None, ...]
    """One for each number, in C order; None for one without a name."""
    why: str = ""
    """Why the names that there are cannot be used."""
    unused: tuple[str, ...] = ()
    """Those that cannot."""


def width(feature: Mapping[str, Any]) -> int:
    """Return how many numbers a frame of the feature has.

    Raises:
        ValueError: if its shape is none.
    """
    shape = feature.get("shape", [1])
    if not isinstance(shape, (list, tuple)) or not all(type(size) is int and size > 0 for size in shape):
        raise ValueError(f"shape is {shape!r}")
    return math.prod(shape)


def is_number(feature: Mapping[str, Any]) -> bool:
    """Return whether the feature consists of numbers, and not of text or images."""
    return str(feature.get("dtype")).startswith(NUMBERS)


def names_of(feature: Mapping[str, Any]) -> Names:
    """Return the names of the feature's numbers, by their places."""
    count, names = width(feature), feature.get("names")
    while isinstance(names, Mapping) and len(names) == 1 and isinstance(next(iter(names.values())), (Mapping, list)):
        (names,) = names.values()  # {"motors": [...]}
    if isinstance(names, Mapping):
        if names and all(type(place) is int for place in names.values()):
            return _from_places(names, count)
        if not all(isinstance(part, list) for part in names.values()):
            return Names((None,) * count, "their form is not known", tuple(map(str, names)))
        names = [name for part in names.values() for name in part]
    return _from_list([names] if isinstance(names, str) else names or [], feature.get("shape", [1]), count)


def _from_places(names: Mapping[str, int], count: int) -> Names:
    places = list(names.values())
    if len(set(places)) < len(places) or not all(0 <= place < count for place in places):
        return Names((None,) * count, f"they point to {places} of {count} numbers", tuple(names))
    names_at = {place: name for name, place in names.items()}
    return Names(tuple(names_at.get(place) for place in range(count)))


def _from_list(names: Any, shape: Sequence[int], count: int) -> Names:
    if not isinstance(names, list):
        return Names((None,) * count, "their form is not known", (str(names),))
    while len(names) == 1 and isinstance(names[0], (list, Mapping)):
        inner = names[0]  # [["waist", ...]], [{"motors": ["waist", ...]}]
        names = [name for part in inner.values() for name in part] if isinstance(inner, Mapping) else inner
    is_nested = any(isinstance(part, list) for part in names)
    flat = list(_flat(names))
    labels = tuple(str(name) for name in flat if name is not None)
    if len(shape) > 1 and not is_nested and len(flat) == len(shape):
        return Names((None,) * count, f"they are those of its {len(shape)} axes", labels)
    if is_nested and (len(shape) < 2 or _shape(names) != list(shape)):
        return Names((None,) * count, f"they are not nested as its shape {list(shape)} is", labels)
    if flat and len(flat) != count:
        told_count = f"{len(flat)} name{'s' * (len(flat) != 1)}"
        return Names((None,) * count, f"{told_count} for {count} number{'s' * (count != 1)}", labels)
    return Names(tuple(None if name is None else str(name) for name in flat) or (None,) * count)


def _flat(names: Any) -> Iterator[Any]:
    for name in names:
        if isinstance(name, list):
            yield from _flat(name)
        else:
            yield name


def _shape(names: Any) -> list[int] | None:
    """Return the shape of nested lists, or None if they are ragged."""
    if not isinstance(names, list):
        return []
    inner = [_shape(part) for part in names]
    return None if not inner or inner[0] is None or any(part != inner[0] for part in inner) else [len(names), *inner[0]]


def places(features: Mapping[str, Any], kind: str, names: Sequence[str]) -> list[Place]:
    """Return where each of the components of a kind, ``observation`` or ``action``, is.

    Raises:
        ConfigError: if there is none of that name, or several; with the choices.
    """
    return [_place(features, kind, name) for name in names]


def _place(features: Mapping[str, Any], kind: str, name: str) -> Place:
    columns = _columns(features, kind)
    places = {(column, i) for column in columns for i, own in enumerate(_own(features, column)) if own == name}
    places |= {(name, 0)} if name in columns and width(features[name]) == 1 else set()
    places |= _by_index(features, name)
    if len(places) == 1:
        return places.pop()
    about = f"component of {kind} {name!r}"
    if places:
        choices = ", ".join(f"{column}[{i}]" for column, i in sorted(places))
        raise ConfigError(f"{about} is the name of {len(places)} numbers; choose from {choices}")
    if told := [column for column in columns if name == column or name in names_of(features[column]).unused]:
        why = "; ".join(f"{column}: {names_of(features[column]).why or 'has no names'}" for column in told)
        choices = ", ".join(choice for column in told for choice in _indexed(features, column))
        raise ConfigError(f"{about} does not name a single number ({why}); choose from {choices}")
    if name in features:
        raise ConfigError(
            f"{about} is a column of {features[name].get('dtype')}; choose one of numbers, as in action[0]"
        )
    raise unknown(f"component of {kind}", name, _choices(features, columns))


def _columns(features: Mapping[str, Any], kind: str) -> list[str]:
    numbers = [column for column, feature in features.items() if is_number(feature)]
    return [c for c in numbers if any(c == name or c.startswith(name + ".") for name in COLUMNS[kind])]


def _own(features: Mapping[str, Any], column: str) -> tuple[str | None, ...]:
    return names_of(features[column]).by_place


def _by_index(features: Mapping[str, Any], name: str) -> set[Place]:
    """Return the place that ``column[index]`` names, if it is of that form and the column exists."""
    match = re.fullmatch(r"(.+)\[(\d{1,9})\]", name)
    if match is None or match[1] not in features:
        return set()
    column, place = match[1], int(match[2])
    if not is_number(features[column]):
        raise ConfigError(f"{name!r} is of a column of {features[column].get('dtype')}; choose one of numbers")
    if place >= width(features[column]):
        raise ConfigError(f"{name!r} is not there: {column} has {width(features[column])} numbers, counted from 0")
    return {(column, place)}


def _choices(features: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Return all unambiguous names, and the places of the numbers that have none."""
    names = [name for column in columns for name in _own(features, column) if name is not None]
    once = {name for name in names if names.count(name) == 1}
    return [choice for column in columns for choice in _choices_of(features, column, once)]


def _choices_of(features: Mapping[str, Any], column: str, once: set[str]) -> Iterator[str]:
    own = _own(features, column)
    if not any(own):
        yield from _indexed(features, column)
        return
    for place, name in enumerate(own):
        yield name if name in once else f"{column}[{place}]"


def _indexed(features: Mapping[str, Any], column: str) -> list[str]:
    count = width(features[column])
    if count > LISTED:
        return [f"{column}[0] to {column}[{count - 1}]"]
    return [f"{column}[{place}]" for place in range(count)]


def described(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what a contract can name in each column of an observation or action; the type of those without numbers."""
    kinds = {column: kind for kind in COLUMNS for column in _columns(features, kind)}
    result: dict[str, list[str]] = {}
    for column, feature in features.items():
        if column in kinds:
            names = _own(features, column)
            once = {name for name in names if name is not None and names.count(name) == 1}
            result[column] = list(_choices_of(features, column, once))
        elif column.split(".")[0] in COLUMNS:
            result[column] = [str(feature.get("dtype"))]
    return result
