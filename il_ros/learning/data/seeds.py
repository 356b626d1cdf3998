# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which episodes are for teaching and which for measuring: no seed is for both, whichever command it is given to.

Of every million seeds the first half teaches (demonstrations, rollouts, corrections), the second measures. What a
checkpoint was taught is written in it, and looked up when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OF_A_RUN, OF_A_ROUND = 1_000_000, 10_000
"""Seeds of a run of ``il-ros dagger``, and of each of its rounds."""
ALONE, CONFIRMATION, EVALUATION = 500_000, 900_000, 910_000
"""Where in a run's million the seeds begin by which policies are measured: after each round, at the end of the run, and
by ``il-ros evaluate``, which begins there in the first million by default."""


def is_for_teaching(seed: int) -> bool:
    """Return whether the episode may be a demonstration, or one in which a person corrects."""
    return seed % OF_A_RUN < ALONE


def ranges(episodes: Iterable[Mapping[str, Any]]) -> dict[str, list[list[int]]]:
    """Return the first and last seed of each stretch of the episodes with these facts, by the name of their task.

    An episode of a real arm has no seed, and is left out.
    """
    seeds_of: dict[str, set[int]] = {}
    for facts in episodes:
        task, seed = facts.get("task"), facts.get("seed")
        if isinstance(task, str) and isinstance(seed, int):
            seeds_of.setdefault(_plain(task), set()).add(seed)
    stretches: dict[str, list[list[int]]] = {}
    for task, seeds in seeds_of.items():
        for seed in sorted(seeds):
            ends = stretches.setdefault(task, [])
            if ends and ends[-1][1] == seed - 1:
                ends[-1][1] = seed
            else:
                ends.append([seed, seed])
    return stretches


def joined(*taught: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, list[list[int]]]:
    """Return the stretches of all of them."""
    facts = (
        {"task": task, "seed": seed}
        for each in taught
        for task, stretches in each.items()
        for first, last in stretches
        for seed in range(first, last + 1)
    )
    return ranges(facts)


def shared(taught: Mapping[str, Sequence[Sequence[int]]], task: str, seeds: range) -> int:
    """Return how many of the episodes ``seeds`` of a task were taught."""
    stretches = taught.get(_plain(task), [])
    return sum(any(first <= seed <= last for first, last in stretches) for seed in seeds)


def _plain(task: str) -> str:
    """Return the name of a task without its options, which change no layout; an environment's is ``MODULE:ID``."""
    name, _, options = task.partition(":")
    return name if "=" in options else task
