# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which numbers of another environment's observation are places of points: proposals, from names and from statistics.

An environment with goals names two of them, ``achieved_goal`` and ``desired_goal`` (gymnasium-robotics, GoalEnv). In
its other arrays a place is what changes as another three numbers say: its velocity. That holds of the way from one
place to another, and of small angles, too: neither is a place.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from il_ros.core.contract.geometry import AXES
from il_ros.core.types import Array

GOALS = ("achieved_goal", "desired_goal")
STEPS = 400
"""How many random steps are looked at."""
ALIKE = 0.5
"""The least correlation, on each axis, of a velocity with the change of its place. It is that at the step's end or the
mean of both ends; a controller brakes in between."""
SAME = 1e-5
"""Numbers that differ by less are equal."""
MOVES = 1e-4
"""A place that changes less in a step (standard deviation), in its unit, tells nothing."""


def proposals(env: gymnasium.Env[Any, Any], names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return by the name of a number its name in a contract, ``POINT_x`` and so on, and why; empty without goals.

    Args:
        env: the environment; it is reset, and some hundred random steps are made.
        names: of the numbers of its flat observation.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        groups[name.rpartition(".")[0]].append(index)
    sizes = {len(groups[goal]) for goal in GOALS}
    if len(sizes) != 1 or not (sizes == {2} or (0 not in sizes and max(sizes) % 3 == 0)):
        return {}
    found = {
        f"{goal}{first or ''}": (columns[first : first + 3], "in one of the goals")
        for goal, columns in ((goal, groups[goal]) for goal in GOALS)
        for first in range(0, len(columns), 3)
    }
    rows, same_episode = _random_steps(env)
    for group, indices in groups.items():
        if group not in GOALS:
            found |= {f"{group}{first}": (columns, why) for first, columns, why in _moving(rows, same_episode, indices)}
    places: dict[str, Array] = {}
    for point, (columns, _) in found.items():
        if point.rstrip("0123456789") in GOALS or _is_place(rows[:, columns], list(places.values())):
            places[point] = rows[:, columns]
    found = {point: found[point] for point in places}
    return {
        names[index]: (f"{point}_{axis}", why)
        for point, (columns, why) in found.items()
        for axis, index in zip(AXES, columns)
    }


def _is_place(rows: Array, before: Sequence[Array]) -> bool:
    """Return whether ``rows`` (N, 3) is a place among those ``before``: no copy of one, no way between two of them.

    And not farther from all of them than they are from each other: angles lie around zero, wherever the places are.
    """
    before = [each for each in before if each.shape == rows.shape]
    if not before:
        return True
    ways = [a - b for a, b in itertools.permutations(before, 2)]
    if any(np.allclose(rows, each, rtol=0.0, atol=SAME) for each in (*before, *ways)):
        return False
    everywhere = np.concatenate(before)
    low, high = everywhere.min(0), everywhere.max(0)
    reach = float(np.linalg.norm(high - low))
    return bool((rows >= low - reach).all() and (rows <= high + reach).all())


def _moving(rows: Array, same_episode: Array, indices: Sequence[int]) -> list[tuple[int, list[int], str]]:
    """Return three numbers each that other three are the velocity of: the first's place in the array, columns, why."""
    change = np.diff(rows, axis=0)[same_episode]
    ends = rows[1:][same_episode], ((rows[1:] + rows[:-1]) / 2)[same_episode]
    triples = [(first, list(indices[first : first + 3])) for first in range(len(indices) - 2)]
    moving = [(first, place) for first, place in triples if change[:, place].std(0).min() >= MOVES]
    scores = []
    for first, place in moving:
        for other, speed in triples:
            if not set(place) & set(speed) and min(end[:, speed].std(0).min() for end in ends) > 0.0:
                score = min(
                    max(np.corrcoef(change[:, p], end[:, v])[0, 1] for end in ends) for p, v in zip(place, speed)
                )
                scores.append((score, first, place, other, speed))
    found, taken = [], set[int]()
    for score, first, place, other, speed in sorted(scores, reverse=True):
        if score >= ALIKE and not taken & {*place, *speed}:
            found.append((first, place, f"the numbers {other} to {other + 2} are its velocity"))
            taken |= {*place, *speed}
    return sorted(found)


def _random_steps(env: gymnasium.Env[Any, Any]) -> tuple[Array, Array]:
    """Return (N, Do) observations of random actions, and for each but the first whether its episode is that before."""
    env.action_space.seed(0)
    rows, same_episode, seed = [], [], 0
    ended = True
    for _ in range(STEPS):
        same_episode.append(not ended)
        if ended:
            seen, _ = env.reset(seed=seed)
            seed, ended = seed + 1, False
        else:
            seen, _, terminated, truncated, _ = env.step(env.action_space.sample())
            ended = bool(terminated or truncated)
        rows.append(np.asarray(gymnasium.spaces.flatten(env.observation_space, seen), dtype=np.float64))
    return np.array(rows), np.array(same_episode[1:])
