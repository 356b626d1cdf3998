# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which numbers of another environment are points, angles, orientations and velocities: by names and by statistics.

An environment with goals names two points, ``achieved_goal`` and ``desired_goal`` (gymnasium-robotics, GoalEnv), and
many a Dict observation names others: ``block_pos``, ``tcp_pose``, ``effector_translation``. Where two are known, a
place in an array without names is what changes as another three numbers say: its velocity. That holds of the way from
one place to another, and of small angles, too: neither is a place. Four numbers whose squares always add up to one are
an orientation. In which order they are does not matter to a policy: what is made of them changes continuously with the
orientation, and tells any two apart.

Where there are points, velocities are left out. An arm that stands still for a moment looks by them like one that has
ended its work, and so a policy learns to stand still for ever (de Haan 2019, arXiv:1905.11979).
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from il_ros.core.contract.equal_objects import Groups
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
PLACES = frozenset(("pos", "position", "xy", "xyz", "translation", "location", "goal", "target"))
POSES = frozenset(("pose",))
ANGLES = frozenset(("yaw", "angle", "theta", "orientation", "rotation", "heading"))
QUATERNIONS = frozenset(("quat", "quaternion", "orientation", "rotation"))
VELOCITIES = frozenset(("vel", "velocity", "velocities", "velp", "velr", "qvel", "speed"))
OTHERS = frozenset(("joint", "joints", "to", "rel", "relative", "delta", "diff", "error"))
"""Words in the name of an array that is a place, a place and an orientation, an angle, an orientation, a velocity, or
none of them."""
GOAL_WORDS = frozenset(("goal", "target"))
"""Words in the name of where a thing is to go."""
OF_THE_ARM = frozenset(("robot", "arm", "hand", "gripper", "finger", "joint", "link", "eef", "tcp", "effector"))
"""Words in the name of what is no thing, however many there are of it."""
NUMBERED = re.compile(r"([a-zA-Z]+)_?(\d*)(?![a-zA-Z\d])(.*)")
AN_ANGLE = "an angle by its name; cos4 and sin4 if four sides are alike"
MOVES = 1e-4
"""A place that changes less in a step (standard deviation), in its unit, tells nothing."""


@dataclass(frozen=True)
class Proposal:
    """What some numbers are: a point, an angle, an orientation or a velocity."""

    kind: str
    columns: tuple[int, ...]
    """Which numbers of the observation, one after the other."""
    why: str

    def components(self, name: str, paths: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Return field and unit of what they are in a contract, by its names there; a velocity has none.

        Args:
            name: of the point, angle or orientation.
            paths: of its numbers in the message.
        """
        if self.kind == "velocity":
            return {}
        if self.kind == "angle":
            return {f"{name}_c": (f"position[{paths[0]}].cos", ""), f"{name}_s": (f"position[{paths[0]}].sin", "")}
        if self.kind == "orientation":
            return {f"{name}_r{n}": (f"position[{','.join(paths)}].rot6d.{n}", "") for n in range(6)}
        return {f"{name}_{axis}": (f"position[{path}]", "m") for axis, path in zip(AXES, paths)}


def proposals(env: gymnasium.Env[Any, Any], names: Sequence[str]) -> dict[str, Proposal]:
    """Return points, angles, orientations and velocities by name.

    Angles and orientations alone, unless goals or names tell of two points.

    Args:
        env: the environment; it is reset, and some hundred random steps are made.
        names: of the numbers of its flat observation.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        groups[name.rpartition(".")[0]].append(index)
    rows, same_episode = _random_steps(env)
    goals, named = _goals(groups), _named(groups)
    nameless = {name: columns for name, columns in groups.items() if name not in goals | named}
    orientations = _of_kind("orientation", named) | _orientations(nameless, rows)
    orientations = {name: part for name, part in orientations.items() if _length(part.columns, rows).min() > SAME}
    turned = {column for part in orientations.values() for column in part.columns}
    angles = _of_kind("angle", named) | orientations
    points = _with(goals, _of_kind("point", named), rows)
    if len(points) < 2:
        return angles
    moving = _moving(nameless, rows, same_episode)
    places = {name: part for name, part in _of_kind("point", moving).items() if turned.isdisjoint(part.columns)}
    near = {name: part for name, part in places.items() if _is_near(part, points, rows)}
    return _with(points, near, rows) | angles | _of_kind("velocity", named | moving)


def equal_things(proposed: Mapping[str, Proposal]) -> Groups:
    """Return groups of things that are equal as far as names tell: they differ by a number, and so do their goals.

    Each goes with its own goal, so it does not matter whether any thing may go to any goal. Without goals a number may
    mean what is to be done with a thing, and nothing is proposed.
    """
    families: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name, part in proposed.items():
        match = NUMBERED.fullmatch(name)
        if match is not None and part.kind != "velocity" and name.rpartition("_")[0] not in proposed:
            families[match[1].lower(), match[3]][match[2]] = name
    words = {key: set("_".join(key).lower().split("_")) for key in families}
    many = {
        key: tuple(sorted(family))
        for key, family in families.items()
        if len(family) > 1 and not OF_THE_ARM & words[key]
    }
    of_goals = {numbers for key, numbers in many.items() if GOAL_WORDS & words[key]}
    own = [key for key, numbers in many.items() if {numbers} == of_goals]
    if not any(not GOAL_WORDS & words[key] for key in own):
        return ()
    return (tuple(tuple(families[key][number] for key in own) for number in of_goals.pop()),)


def _of_kind(kind: str, parts: Mapping[str, Proposal]) -> dict[str, Proposal]:
    return {name: part for name, part in parts.items() if part.kind == kind}


def _goals(groups: Mapping[str, Sequence[int]]) -> dict[str, Proposal]:
    sizes = {len(groups.get(goal, ())) for goal in GOALS}
    if len(sizes) != 1 or not (sizes == {2} or (0 not in sizes and max(sizes) % 3 == 0)):
        return {}
    return {
        f"{goal}{first or ''}": Proposal("point", tuple(groups[goal][first : first + 3]), "in one of the goals")
        for goal in GOALS
        for first in range(0, len(groups[goal]), 3)
    }


def _named(groups: Mapping[str, Sequence[int]]) -> dict[str, Proposal]:
    """Return what arrays of their own are by their names."""
    found = {}
    for name, columns in groups.items():
        words, size = set(re.split(r"[_\d]+", name.rpartition(".")[2].lower())), len(columns)
        if words & VELOCITIES:
            found[name] = Proposal("velocity", tuple(columns), "a velocity by its name, left out")
        elif words & OTHERS:
            continue
        elif size in (2, 3) and words & PLACES:
            found[name] = Proposal("point", tuple(columns), "a point by its name")
        elif size == 1 and words & ANGLES:
            found[name] = Proposal("angle", tuple(columns), AN_ANGLE)
        elif size == 4 and words & QUATERNIONS:
            found[name] = Proposal("orientation", tuple(columns), "an orientation by its name")
        elif size == 3 and words & POSES:
            found[name] = Proposal("point", tuple(columns[:2]), "the place of a pose in the plane, by its name")
            found[f"{name}_yaw"] = Proposal("angle", (columns[2],), AN_ANGLE)
        elif size in (6, 7) and words & POSES:
            found[name] = Proposal("point", tuple(columns[:3]), "the place of a pose, by its name")
            if size == 7:
                found[f"{name}_turn"] = Proposal("orientation", tuple(columns[3:]), "that of a pose, by its name")
    return found


def _orientations(groups: Mapping[str, Sequence[int]], rows: Array) -> dict[str, Proposal]:
    """Return what lies on the unit sphere and moves there: four numbers each, one after the other."""
    found = {}
    for group, indices in groups.items():
        first = 0
        while first + 4 <= len(indices):
            four = tuple(indices[first : first + 4])
            is_unit = np.allclose(_length(four, rows), 1.0, rtol=0.0, atol=SAME)
            if is_unit and (np.ptp(rows[:, four], axis=0) > SAME).sum() > 1:
                found[f"{group}{first}"] = Proposal("orientation", four, "four numbers whose squares add up to 1")
                first += 3
            first += 1
    return found


def _length(columns: Sequence[int], rows: Array) -> Array:
    length: Array = np.linalg.norm(rows[:, columns], axis=1)
    return length


def _with(points: Mapping[str, Proposal], more: Mapping[str, Proposal], rows: Array) -> dict[str, Proposal]:
    """Return the points, and of ``more`` what is no copy of one and no way between two."""
    result = dict(points)
    for name, part in more.items():
        own = rows[:, part.columns]
        before = [rows[:, each.columns] for each in result.values() if len(each.columns) == len(part.columns)]
        ways = [a - b for a, b in itertools.permutations(before, 2)]
        if not any(np.allclose(own, each, rtol=0.0, atol=SAME) for each in (*before, *ways)):
            result[name] = part
    return result


def _is_near(part: Proposal, points: Mapping[str, Proposal], rows: Array) -> bool:
    """Return whether it is not farther from the points than these are from each other: angles lie around zero."""
    own = rows[:, part.columns]
    alike = [rows[:, each.columns] for each in points.values() if len(each.columns) == len(part.columns)]
    everywhere = np.concatenate(alike or [own])
    low, high = everywhere.min(0), everywhere.max(0)
    reach = float(np.linalg.norm(high - low))
    return bool((own >= low - reach).all() and (own <= high + reach).all())


def _moving(groups: Mapping[str, Sequence[int]], rows: Array, same_episode: Array) -> dict[str, Proposal]:
    """Return three numbers each that other three of their array are the velocity of, and these."""
    change = np.diff(rows, axis=0)[same_episode]
    ends = rows[1:][same_episode], ((rows[1:] + rows[:-1]) / 2)[same_episode]
    found: dict[str, Proposal] = {}
    for group, indices in groups.items():
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
        taken, own = set[int](), dict[int, Proposal]()
        for score, first, place, other, speed in sorted(scores, reverse=True):
            if score >= ALIKE and not taken & {*place, *speed}:
                own[first] = Proposal("point", tuple(place), f"the numbers {other} to {other + 2} are its velocity")
                own[other] = Proposal(
                    "velocity", tuple(speed), f"the velocity of the numbers {first} to {first + 2}, left out"
                )
                taken |= {*place, *speed}
        found |= {f"{group}{first}": own[first] for first in sorted(own)}
    return found


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
