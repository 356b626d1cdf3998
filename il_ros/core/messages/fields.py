# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Field paths: numbers in a message by name, as a contract writes them, and numbers that are made of these.

``PATH.rot6d.N`` of a quaternion at ``PATH`` is one of six numbers which, unlike its own, change continuously
with the orientation and are the same for q and -q: the first two columns of its rotation matrix, column by column
(Zhou et al. 2019, arXiv:1812.07035, section 5.1). Where the quaternion's numbers have names of their own, as in a
``JointState``, that is ``position[A,B,C,D].rot6d.N``, all of one message.

``PATH.cos`` and ``PATH.sin`` are cosine and sine of an angle at ``PATH``, rad, which do not jump where it goes round.
``PATH.cos4`` and ``PATH.sin4`` are those of four times the angle: equal for a block whose four sides are alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from il_ros.core.errors import ConfigError, MessageError

LEAST_SQUARE = 1e-12
"""The least squared length of four numbers that are taken for an orientation."""
ANGLE = re.compile(r"(.+)\.(cos|sin)(\d*)")
NAMED = re.compile(r"(.+)\[(.+)\]")
WAVES = {"cos": np.cos, "sin": np.sin}


@cache
def getter(path: str) -> Callable[[Any], float]:
    """Return a function that reads the number at ``path`` in a message; see ``ObservationComponent.field``.

    Raises:
        ConfigError: if the path cannot be parsed.
    """
    if field_sources(path) != (path,):
        return _derived_getter(path)
    match = re.fullmatch(r"([A-Za-z_][\w.]*)(?:\[([^\]]+)\])?", path)
    if match is None:
        raise ConfigError(f"field {path!r} cannot be read; write it as pose.position.x or position[joint_name]")
    steps = _steps(match[1])
    by_name = match[2]

    def read(message: Any) -> float:
        value = message
        try:
            for step in steps:
                value = step(value)
            if by_name is not None:
                names = list(message.name)
                if by_name not in names:
                    raise MessageError(
                        f"field {path!r}: the message has {', '.join(names)}; check the contract's field"
                    )
                value = value[names.index(by_name)]
            return float(value)
        except (AttributeError, IndexError, ValueError, TypeError) as error:
            raise MessageError(f"field {path!r} is not in the message ({error}); check the contract's field") from error

    return read


def _steps(path: str) -> list[Callable[[Any], Any]]:
    """Return what leads to the value at ``path``, one after the other: attributes at once, and elements of lists."""
    steps: list[Callable[[Any], Any]] = []
    for are_numbers, group in groupby(path.split("."), str.isdigit):
        names = list(group)
        steps += [itemgetter(int(name)) for name in names] if are_numbers else [attrgetter(".".join(names))]
    return steps


@cache
def field_sources(path: str) -> tuple[str, ...]:
    """Return the paths of what the number at ``path`` is made of: itself, an angle, or x, y, z and w of a quaternion.

    Raises:
        ConfigError: if it is none of the six numbers of an orientation, or of no times an angle.
    """
    wave = ANGLE.fullmatch(path)
    if wave is not None:
        if wave[3] and not int(wave[3]):
            raise ConfigError(
                f"field {path!r}: {wave[2]} of 0 times an angle is constant; write {wave[2]} or {wave[2]}4"
            )
        return (wave[1],)
    quaternion, turned, index = path.rpartition(".rot6d.")
    if not turned:
        return (path,)
    if not re.fullmatch("[0-5]", index):
        raise ConfigError(f"field {path!r}: rot6d has no number {index!r}; choose one of 0 to 5")
    named = NAMED.fullmatch(quaternion)
    if named is not None:
        numbers = [number.strip() for number in named[2].split(",")]
        if len(set(numbers)) != 4:
            raise ConfigError(f"field {path!r}: a quaternion has four numbers, each once; write {named[1]}[x,y,z,w]")
        return tuple(f"{named[1]}[{number}]" for number in numbers)
    return tuple(f"{quaternion}.{axis}" for axis in "xyzw")


def field_value(path: str, numbers: Sequence[Any]) -> Any:
    """Return the number at ``path`` of those of its ``field_sources``, each a float or an array (n,).

    NaN where four numbers are no orientation: of length 0, or not finite; or where an angle is not finite.
    """
    if len(numbers) == 1:
        wave = _wave(path)
        return numbers[0] if wave is None else wave(numbers[0])
    if isinstance(numbers[0], np.ndarray):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite becomes NaN
            x, y, z, w = (number.astype(np.float64) for number in numbers)
            square = x * x + y * y + z * z + w * w
            return _rot6d(int(path[-1]), x, y, z, w, np.where(_is_sound(square), square, np.nan))
    x, y, z, w = numbers
    square = x * x + y * y + z * z + w * w
    return _rot6d(int(path[-1]), x, y, z, w, square if _is_sound(square) else math.nan)


@cache
def _wave(path: str) -> Callable[[Any], Any] | None:
    """Return the cosine or sine that a path is of an angle; by numpy for a float, too, where ``math`` may differ."""
    match = ANGLE.fullmatch(path)
    if match is None:
        return None
    function, times = WAVES[match[2]], int(match[3] or 1)

    def of(angle: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return function(times * np.asarray(angle, np.float64))

    return of


def _is_sound(square: Any) -> Any:
    return (square >= LEAST_SQUARE) & (square < math.inf)


def _rot6d(index: int, x: Any, y: Any, z: Any, w: Any, square: Any) -> Any:
    """Return one of the first two columns' numbers; the same operations for a float and for arrays of them."""
    twice = 2.0 / square
    if index == 0:
        return 1.0 - twice * (y * y + z * z)
    if index == 4:
        return 1.0 - twice * (x * x + z * z)
    if index == 1:
        return twice * (x * y + z * w)
    if index == 2:
        return twice * (x * z - y * w)
    return twice * (x * y - z * w) if index == 3 else twice * (y * z + x * w)


def _derived_getter(path: str) -> Callable[[Any], float]:
    parts = [getter(source) for source in field_sources(path)]

    def read(message: Any) -> float:
        numbers = [part(message) for part in parts]
        value = float(field_value(path, numbers))
        if math.isnan(value) and len(numbers) == 4:
            raise MessageError(
                f"field {path!r}: the quaternion {numbers} is no orientation; it must be finite, of a length of "
                f"{LEAST_SQUARE**0.5:g} or more: check its publisher"
            )
        return value

    return read


def named_joint(path: str) -> str | None:
    """Return the joint that a contract's field names, as in ``position[panda_joint1]``, or the first of a quaternion's.

    None if it names none.
    """
    path = field_sources(path)[0]
    return path[path.index("[") + 1 : -1] if path.endswith("]") and "[" in path else None
