# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Objects that are equal: which of them an observation names first means nothing, and a policy learns that.

A task is symmetric under exchanging them, so every demonstration is one of the exchanged objects, too. What is learned
is that of the symmetric task (augmentation by a group of symmetries, Chen, Dobriban and Lee 2020, arXiv:1907.10905).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from il_ros.core.contract.components import ObservationComponent
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.types import Array

Groups = tuple[tuple[tuple[str, ...], ...], ...]
"""Groups of members that are equal; a member is one object, or several that go together, by name."""


@dataclass(frozen=True)
class EqualObjects:
    """The components of an observation that belong to objects which are equal."""

    dim: int = 0
    """Do, how many components there are."""
    groups: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """The components of each member of each group, those that mean the same in the same place."""

    @classmethod
    def of(cls, groups: Groups, observation: Sequence[ObservationComponent]) -> EqualObjects:
        """Find the components, named ``NAME_*`` or ``NAME.*``, of the objects in ``groups``.

        Raises:
            ConfigError: if a group has fewer than two members, an object is named twice or has no component, or the
                members of a group are not made of the same components.
        """
        names = [name for group in groups for member in group for name in member]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"{name!r} is named twice; an object belongs to one group")
        parts = _parts(names, observation)
        for name in names:
            if not parts[name]:
                objects = dict.fromkeys(part.name.rpartition("_")[0] for part in observation)
                raise unknown("object", name, [each for each in objects if each])
        return cls(len(observation), tuple(tuple(_alike(group, parts)) for group in groups))

    @property
    def size(self) -> int:
        """How many members the largest group has; 1 if there is none."""
        return max(map(len, self.groups), default=1)

    def turned(self, places: int) -> Array:
        """Return (Do,), where each component is taken from if the members of all groups move on by so many places."""
        source = np.arange(self.dim)
        for group in self.groups:
            source[np.array(group)] = np.roll(np.array(group), places, axis=0)
        return source

    def exchanged(self, count: int, rng: np.random.Generator) -> Array:
        """Return (count, Do), where the components of so many observations are taken from, each drawn anew."""
        source = np.tile(np.arange(self.dim), (count, 1))
        for group in map(np.array, self.groups):  # (members, components)
            order = rng.permuted(np.tile(np.arange(len(group)), (count, 1)), axis=1)  # (count, members)
            source[:, group.ravel()] = group[order].reshape(count, -1)
        return source


def _parts(names: Sequence[str], observation: Sequence[ObservationComponent]) -> dict[str, dict[tuple[str, str], int]]:
    """Return the components of each object by what follows its name, and unit; each is of the longest fitting name."""
    parts: dict[str, dict[tuple[str, str], int]] = {name: {} for name in names}
    for index, part in enumerate(observation):
        fits = [name for name in names if part.name.startswith((f"{name}_", f"{name}."))]
        if fits:
            name = max(fits, key=len)
            parts[name][part.name[len(name) :], part.unit] = index
    return parts


def _alike(group: Sequence[Sequence[str]], parts: dict[str, dict[tuple[str, str], int]]) -> list[tuple[int, ...]]:
    """Return the components of each member, in one order."""
    if len(group) < 2 or not all(group):
        raise ConfigError(f"{', '.join(map(' and '.join, group)) or 'a group'} is equal to nothing; name two or more")
    made = [{(n, *key): i for n, name in enumerate(member) for key, i in parts[name].items()} for member in group]
    for member, other in zip(group[1:], made[1:]):
        if other.keys() != made[0].keys():
            differing = ", ".join(sorted({key[1].strip("_.") for key in other.keys() ^ made[0].keys()}))
            raise ConfigError(
                f"{' and '.join(member)} and {' and '.join(group[0])} differ in {differing}; equal objects have the "
                "same components, in the same units"
            )
    return [tuple(member[key] for key in made[0]) for member in made]
