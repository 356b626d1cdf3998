# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of the study of manipulation: policies, what corrections are worth, and the scripted experts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.evaluation.metrics import Success
from studies import publishing

Rows = Sequence[Mapping[str, Any]]


def page(results: Path, pictures: Path) -> str:
    """Return the page made from the rows in ``results``, with the pictures of failures that are there."""
    parts = [
        "# Manipulation",
        "",
        "What arms are used for: reach, push, pick and place, stack, insert. `make study-manipulation` writes this "
        "page and its rows (`studies/results/manipulation.json`, `corrections.json`, `experts.json`); what was "
        "measured is kept, so that a study which was ended goes on from there. Intervals are 95 % (Wilson) and count "
        "the episodes of all trainings alike.",
        "",
        policies(publishing.read_json(results / "manipulation.json")),
        _failures(pictures),
    ]
    for name, write in (("corrections", corrections), ("experts", experts)):
        if (results / f"{name}.json").exists():
            parts.append(write(publishing.read_json(results / f"{name}.json")))
    return "\n".join(parts)


def policies(table: Rows) -> str:
    """Return the section on behaviour cloning."""
    lines = [
        "## Behaviour cloning",
        "",
        f"{table[0]['demonstrations']} demonstrations by all experts of a task, no corrections; all classes at equal "
        "width, without noise on the observations; from the state with the relations between the "
        "points of one observation (`mixture_relations`). " + _trainings(table) + "Where a policy sees pictures, "
        "a front and a wrist camera stand in the place of the objects' poses; `shuffled` is the control, "
        "taught with the pictures of other episodes. Entropy 1 means that all ways of the task are used evenly.",
        "",
        "| task | sees | class | trainings | success | 95 % | entropy | failures | training, s |",
        "| --- | --- | --- | ---: | ---: | --- | ---: | --- | ---: |",
    ]
    for row in table:
        entropy = "" if row["entropy"] is None else f"{row['entropy']:.2f}"
        failures = ", ".join(f"{count} {outcome}" for outcome, count in row["failures"].items())
        lines.append(
            f"| `{row['task']}` | {row['sees']} | `{row['policy']}` | {row['seeds']} | {_success(row)} | {entropy} "
            f"| {failures} | {row['train_s']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _trainings(table: Rows) -> str:
    """Return how long is trained, with which discount, and how much of a chunk executed, by what is seen."""
    kinds = {row["sees"]: (row["steps"], row.get("discount", 1.0), row["execute_steps"]) for row in table}
    told = (
        f"{sees}: {steps:,} steps of training, labels discounted by {discount:g}, {execute} of a chunk executed"
        for sees, (steps, discount, execute) in kinds.items()
    )
    return "; ".join(told).capitalize() + ". "


def _failures(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("manipulation-*.png"))
    if not names:
        return ""
    return "\n".join(["## Typical failures", "", *(f"![A failed episode]({name})\n" for name in names)])


def corrections(table: Rows) -> str:
    """Return the section on human-gated corrections."""
    lines = [
        "## Corrections beside as many demonstrations",
        "",
        "A run begins with few demonstrations; each round adds equally many labels, either by a simulated supervisor "
        "who takes over where the policy fails, or by demonstrations from start to end (`python -m "
        "studies.corrections`); five steps of each chunk are executed. The intervals are those of the episodes. Single "
        "trainings on so few labels differ by tens of points, as the runs show, and a policy may get worse with more "
        "of them; so each task has a line for all rounds in which labels were gained, together.",
        "",
        "| task | labels gained by | labels gained | success | 95 % | of each run |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    together: dict[tuple[str, str], Any] = {}
    for (task, gained_by), group in itertools.groupby(table, key=lambda row: (row["task"], row["gained_by"])):
        rounds = list(group)
        lines += [_gained(row, f"{row['labels']:,}") for row in rounds]
        gained = rounds[1:]
        success = Success.together(gained).to_dict()
        each = together[task, gained_by] = np.mean([row["each"] for row in gained], axis=0)
        lines.append(_gained({"task": task, "gained_by": gained_by, **success, "each": each}, "rounds together"))
    apart = {task: 100 * (together[task, "corrections"] - together[task, "demonstrations"]) for task, _ in together}
    told = "; ".join(f"`{task}` " + ", ".join(f"{each:+.0f}" for each in points) for task, points in apart.items())
    lines += ["", f"Corrections less demonstrations, rounds together, in points, run by run: {told}."]
    return "\n".join(lines) + "\n"


def _gained(row: Mapping[str, Any], labels: str) -> str:
    each = ", ".join(f"{100 * success:.0f}" for success in row["each"])
    return f"| `{row['task']}` | {row['gained_by']} | {labels} | {_success(row)} | {each} |"


def experts(table: Rows) -> str:
    """Return the section on the scripted experts."""
    lines = [
        "## The scripted experts",
        "",
        "They go by the measured state alone; the experts of a task take turns (`python -m studies.experts`).",
        "",
        "| task | arm | commands | success | 95 % | failures, by seed |",
        "| --- | --- | --- | ---: | --- | --- |",
    ]
    for row in table:
        failures = ", ".join(f"{seed} {outcome}" for seed, outcome in row["failures"].items())
        lines.append(f"| `{row['task']}` | {row['arm']} | {row['command']} | {_success(row)} | {failures} |")
    return "\n".join(lines) + "\n"


def _success(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{100 * row['success']:.1f} % of {row['episodes']} | {100 * low:.1f} to {100 * high:.1f}"
