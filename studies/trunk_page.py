# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``trunk.md``: what success gains or loses where one thing of the trunk or of its training is taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from il_ros.evaluation.report.html import many
from studies.page import percent, statements, table

Row = Mapping[str, Any]
SHIPPED = "as shipped"


def page(rows: Sequence[Row]) -> str:
    """Return the page, Markdown."""
    parts = [_head(rows), _answer(rows), _arms(rows), *(_setting(group) for group in _settings(rows).values())]
    return "\n\n".join([*parts, _method(rows)]) + "\n"


def _settings(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows by task and policy class."""
    names = dict.fromkeys((r["task"], r["policy"]) for r in rows)
    return {name: [r for r in rows if (r["task"], r["policy"]) == name] for name in names}


def _head(rows: Sequence[Row]) -> str:
    shipped = [r for r in rows if r["arm"] == SHIPPED]
    lines = [[f"`{r['policy']}`", f"`{r['task']}`", str(r["demonstrations"]), _success(r)] for r in shipped]
    return (
        "# What matters in the trunk\n\n"
        "All policy classes share one trunk and one way of training. Here one thing at a time is taken away, with so "
        "few "
        "demonstrations that the shipped configuration often fails; `make study-trunk` writes this page and its rows "
        "(`studies/results/trunk.json`).\n\n"
        + table(("as shipped", "task", "demonstrations", "success"), lines, numbers=2)
    )


def _success(r: Row) -> str:
    return f"{percent(r['success'])} ({percent(r['interval'][0])} to {percent(r['interval'][1])})"


def gain(r: Row) -> str:
    """Return how much the arm changes success, in points with the interval; bold if that leaves out 0."""
    low, high = r["gain_interval"]
    text = f"{100 * r['gain']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def verdict(r: Row) -> str:
    """Return what an arm shows of the part it lacks: ``needed``, ``harmful``, or ``open`` if its interval holds 0."""
    low, high = r["gain_interval"]
    return "needed" if high < 0 else "harmful" if low > 0 else "open"


CLAIMS = [
    ("Layers are learned better if there is a sum around them.", "no residual connections", "needed"),
    ("Blocks are best begun as the identity.", "no zeros at the start", "needed"),
    ("A trunk needs its layers normalised.", "no layer norm", "needed"),
    ("Averaged weights are better than the last ones.", "no averaged weights", "needed"),
    ("The learning rate must rise and fall.", "constant learning rate", "needed"),
    ("Weights must come to rest, by averages or by a rate that falls.", "constant rate, no averaging", "needed"),
    ("A history deserves a trunk of its own.", "condition by one layer", "needed"),
    ("A condition is better told to every block.", "condition in every block", "harmful"),
    ("A condition is better told beside the input.", "condition concatenated", "harmful"),
]
"""Common statements, the arm that each is about, and the verdict of the arm that would support it."""


def claims(rows: Sequence[Row]) -> list[tuple[str, str, bool]]:
    """Return the statements, what was measured, and whether all classes that it was measured with support each."""
    judged = []
    for statement, arm, expected in CLAIMS:
        if measurements := [r for r in rows if r["arm"] == arm]:
            measured = "; ".join(f"`{r['policy']}` {gain(r)}" for r in measurements)
            judged.append((statement, f"{arm}: {measured}", all(verdict(r) == expected for r in measurements)))
    misled = [f"{r['arm']} (`{r['policy']}`)" for r in rows if r["lower_loss"] == r["seeds"] and verdict(r) == "needed"]
    measured = f"lower loss in every training, less success: {', '.join(misled) or 'no arm'}"
    return [*judged, ("The loss on unseen demonstrations tells who drives better.", measured, not misled)]


def _answer(rows: Sequence[Row]) -> str:
    policies = list(dict.fromkeys(r["policy"] for r in rows))
    by = {(r["arm"], r["policy"]): r for r in rows}
    lines = [
        [arm, *(gain(by[arm, policy]) if (arm, policy) in by else "" for policy in policies)]
        for arm in dict.fromkeys(r["arm"] for r in rows)
        if arm != SHIPPED
    ]
    return (
        "## What success gains or loses\n\n"
        "Points of a hundred episodes against the shipped configuration on the same demonstrations and episodes, with "
        "95 % intervals; bold where they leave out 0.\n\n"
        f"{table(('arm', *(f'`{policy}`' for policy in policies)), lines)}\n\n"
        f"## Common statements\n\n{statements(claims(rows))}"
    )


def _arms(rows: Sequence[Row]) -> str:
    arms = {r["arm"]: r["what"] for r in rows if r["arm"] != SHIPPED}
    items = "\n".join(f"- **{name}**: {what}." for name, what in arms.items())
    return f"## What each arm changes\n\n{items}"


def _setting(rows: Sequence[Row]) -> str:
    head = ["arm", "success", "beside as shipped, points", "by training, %"]
    head += ["loss, unseen", "beside as shipped", "lower in", "parameters", "training, s"]
    lines = []
    for r in rows:
        seeds = " ".join(f"{100 * share:.4g}" for share in r["per_seed"])
        beside = [gain(r), f"{r['loss_gain']:+.3f}", f"{r['lower_loss']} of {r['seeds']}"]
        points, losses, lower = ["", "", ""] if r["arm"] == SHIPPED else beside
        costs = [f"{r['parameters']:,}", f"{r['train_s']:.0f}"]
        lines.append([r["arm"], _success(r), points, seeds, f"{r['loss']:.3f}", losses, lower, *costs])
    r = rows[0]
    return f"## `{r['policy']}` at `{r['task']}`, {r['demonstrations']} demonstrations\n\n{table(head, lines)}"


def _method(rows: Sequence[Row]) -> str:
    return (
        "## How it was measured\n\n"
        f"- {many(rows[0]['seeds'], 'training')} of each arm, on demonstrations of their own, the same for all "
        f"arms; {rows[0]['episodes']} rollouts of each training, the same for all. An arm is compared with the same "
        "trainings of the shipped configuration.\n"
        "- The shipped configuration is that of `config/training/<class>.yaml`, but for 3,000 steps of `diffusion` "
        "instead of 7,000, for the sake of time.\n"
        "- Success has 95 % Wilson intervals over all episodes. What an arm gains is compared episode by episode; its "
        "interval is a bootstrap interval, in which seeds are drawn anew, and then their episodes. So few seeds make "
        "it too narrow rather than too wide.\n"
        "- The loss is that of the policy class on 24 demonstrations that no training used, in the units of the "
        "seed's normaliser: negative log-likelihood of a number for `mixture`, squared error of the denoised chunk for "
        "`diffusion`.\n"
        "- An arm changes one thing, and but for `lower rate` nothing is tuned to it. `condition by one layer` "
        "takes away half of the parameters, too.\n"
        "- Number of demonstrations and task were chosen by a look at the shipped configuration alone. Training times "
        "are of the processor, one thread, beside other work."
    )
