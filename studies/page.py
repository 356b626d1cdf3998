# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``docs/policies.md``: the study's tables, its pictures, and what of the lecture the numbers bear out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from il_ros.evaluation.report.html import many

Row = Mapping[str, Any]
EXPRESSIVE = ("mixture", "autoregressive", "diffusion", "flow")
"""The classes for continuous actions that can hold several ways apart."""


class Rows:
    """The rows by what they are about."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(r["task"], r["experts"], r["policy"]): r for r in rows}
        self.tasks = list(dict.fromkeys(r["task"] for r in rows))
        self.policies = list(dict.fromkeys(r["policy"] for r in rows))
        self.seeds, self.episodes = rows[0]["seeds"], rows[0]["episodes"]

    def __call__(self, task: str, experts: str, policy: str) -> Row:
        """One of them."""
        return self._rows[task, experts, policy]

    def success(self, task: str, experts: str, policy: str) -> float:
        """Its success, in [0, 1]."""
        return float(self(task, experts, policy)["success"])

    def told(self, task: str, experts: str, policy: str) -> str:
        """Its success with the interval."""
        r = self(task, experts, policy)
        return f"{percent(r['success'])} ({percent(r['interval'][0])} to {percent(r['interval'][1])})"


def page(rows: Sequence[Row]) -> str:
    """Return the whole text, Markdown."""
    by = Rows(rows)
    parts = [_head(by), _costs(by), _fork(by), _avoid(by), *(_task(by, task) for task in by.tasks), _lecture(by)]
    return "\n\n".join([*parts, _method(by)]) + "\n"


def percent(share: float) -> str:
    """``0.985`` as ``98.5 %``; never rounded up to a whole hundred."""
    text = f"{100 * share:.1f}"
    return ("99.9" if text == "100.0" and share < 1 else text.removesuffix(".0")) + " %"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table; the first column holds names, the others numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def verdict(agrees: bool) -> str:
    """Return what the numbers say of a sentence."""
    return "The numbers agree." if agrees else "**The numbers do not say so.**"


def claims(by: Rows) -> list[tuple[str, str, bool]]:
    """Return what the lecture says, what was measured, and whether that agrees."""
    fork = {policy: by("fork", "many", policy) for policy in by.policies}
    avoid = {policy: by("avoid", "many", policy) for policy in by.policies}
    keys = {policy: by("discrete avoid", "many", policy) for policy in by.policies}
    alone = {p: min(by.success(task, "one", p) for task in by.tasks) for p in ("deterministic", "gaussian")}
    worst = min(EXPRESSIVE, key=lambda policy: avoid[policy]["success"])
    slower = avoid["diffusion"]["latency_ms_p50"] / avoid["mixture"]["latency_ms_p50"]

    def holds_ways(policy: str) -> bool:
        return bool(
            fork[policy]["success"] >= 0.99
            and fork[policy]["entropy"] >= 0.9
            and avoid[policy]["success"] >= 0.93
            and avoid[policy]["entropy"] >= 0.85
        )

    def ways(policy: str) -> str:
        return (
            f"`fork` {by.told('fork', 'many', policy)} with {fork[policy]['entropy']:.3f} bits of 1; `avoid` "
            f"{by.told('avoid', 'many', policy)} with entropy {avoid[policy]['entropy']:.3f}."
        )

    return [
        (
            "Some experts go left and some experts go right. The learned policy will take the mean, which is a "
            "straight line in the middle.",
            f"`deterministic` succeeds at `fork` in {by.told('fork', 'many', 'deterministic')} of the episodes with "
            f"two experts, and in {by.told('fork', 'one', 'deterministic')} with one of them.",
            fork["deterministic"]["success"] <= 0.05 and by.success("fork", "one", "deterministic") >= 0.99,
        ),
        (
            "Simple Gaussian distributions are not very expressive for complex behaviors.",
            f"`gaussian`: {ways('gaussian')}",
            not holds_ways("gaussian") and fork["gaussian"]["success"] <= 0.5,
        ),
        (
            "[A categorical distribution is] maximally expressive for discrete spaces.",
            f"`categorical` by keys: `fork` {by.told('fork', 'many', 'categorical')} with "
            f"{fork['categorical']['entropy']:.3f} bits; `discrete avoid` "
            f"{by.told('discrete avoid', 'many', 'categorical')} with entropy {keys['categorical']['entropy']:.3f}.",
            keys["categorical"]["success"] >= 0.95 and keys["categorical"]["entropy"] >= 0.85,
        ),
        (
            "[A mixture of Gaussians is] more expressive than a single Gaussian, can capture multi-modal behavior.",
            f"`mixture`: {ways('mixture')}",
            holds_ways("mixture"),
        ),
        (
            "[Discretise and autoregress] can capture complex dependencies between action dimensions.",
            f"`autoregressive`: {ways('autoregressive')}",
            holds_ways("autoregressive"),
        ),
        (
            "[Diffusion models are] particularly useful for high-dimensional action spaces.",
            f"A chunk is 32 numbers. `diffusion`: {ways('diffusion')} The mixture succeeds at `avoid` in "
            f"{by.told('avoid', 'many', 'mixture')}, and `diffusion` takes {slower:.1f} times as long for a chunk.",
            avoid["diffusion"]["interval"][0] > avoid["mixture"]["interval"][1],
        ),
        (
            "These [expressive] models can mimic expert behaviors much better than deterministic policies.",
            f"With many experts at `avoid`, the worst of them, `{worst}`, succeeds in "
            f"{by.told('avoid', 'many', worst)}; `deterministic` in {by.told('avoid', 'many', 'deterministic')}.",
            avoid[worst]["interval"][0] > avoid["deterministic"]["interval"][1] + 0.2,
        ),
        (
            "[With] one consistent expert, unimodal policy distribution (e.g. deterministic) is good enough.",
            f"`deterministic` succeeds in at least {percent(alone['deterministic'])} of the episodes of every task; "
            f"`gaussian` in at least {percent(alone['gaussian'])}.",
            min(alone.values()) >= 0.95,
        ),
    ]


def _head(by: Rows) -> str:
    return (
        "# Which policy class\n\n"
        "Every class meets every task, with one consistent expert and with many. "
        f"{many(by.seeds, 'training')} of each, every one on demonstrations of its own, drive alone through the same "
        f"{by.episodes} episodes. `make study-policies` makes this page, its pictures and its rows "
        "([policies.json](policies.json)) anew; the outcome of every episode is in "
        "[policies-outcomes.json](policies-outcomes.json). What matters in the trunk and in the training that all of "
        "them share: [trunk.md](trunk.md)."
    )


def _costs(by: Rows) -> str:
    lines = []
    for policy in by.policies:
        fork, avoid, keys = (by(task, "many", policy) for task in ("fork", "avoid", "discrete avoid"))
        one = min(by.success(task, "one", policy) for task in by.tasks)
        told = [f"`{policy}`", percent(one), percent(fork["success"]), f"{fork['entropy']:.2f}"]
        for r in (avoid, keys):
            told += [percent(r["success"]), f"{r['entropy']:.2f}"]
        told += [f"{avoid['latency_ms_p50']:.2f} / {avoid['latency_ms_p99']:.2f}", f"{avoid['train_s']:.0f}"]
        lines.append(told)
    head = ("class", "one expert, worst task", "fork", "bits", "avoid", "entropy", "by keys", "entropy")
    return (
        "## What each buys and costs\n\nSuccess with many experts, and how evenly the ways are used (1 is evenly). "
        "A chunk's latency is p50 / p99 on one thread, with the networks of `avoid`.\n\n"
        + table((*head, "chunk, ms", "training, s"), lines)
    )


def _fork(by: Rows) -> str:
    return (
        "## The fork\n\nOne expert passes left of the post, one passes right; until 8.5 cm before it they do the same. "
        "Rollouts of the first training of each class, seen from above; orange ends at a cross where it failed.\n\n"
        "![Rollouts of every class at the fork](policies-fork.png)\n\n"
        "What each class draws from one state just before the experts part:\n\n"
        "![Chunks that every class draws at the fork](policies-chunks.png)"
    )


def _avoid(by: Rows) -> str:
    return (
        "## Avoid\n\nThree rows of posts, 24 ways through them, an expert for each. The task is built after Avoiding "
        "of D3IL ([Jia 2024](https://arxiv.org/abs/2402.14606)), whose best class reaches .95 success and .86 entropy: "
        "on demonstrations of people and another arm, so not the same data, and no comparison of methods.\n\n"
        "![Rollouts of every class at avoid](policies-avoid.png)"
    )


def _task(by: Rows, task: str) -> str:
    lines = []
    for policy in by.policies:
        many = by(task, "many", policy)
        seeds = " ".join(f"{100 * share:.4g}" for share in many["per_seed"])
        told = [f"`{policy}`", by.told(task, "one", policy), by.told(task, "many", policy), f"{many['entropy']:.3f}"]
        costs = f"{many['latency_ms_p50']:.2f} / {many['latency_ms_p99']:.2f}"
        lines.append([*told, seeds, costs, f"{many['parameters']:,}", f"{many['train_s']:.0f}"])
    head = (
        "class",
        "one expert",
        "many experts",
        "entropy",
        "by training, %",
        "chunk, ms",
        "parameters",
        "training, s",
    )
    r = by(task, "many", by.policies[0])
    return f"### `{task}`, {r['demonstrations']} demonstrations\n\n{table(head, lines)}"


def _lecture(by: Rows) -> str:
    items = [f"> {says}\n\n{measured} {verdict(agrees)}" for says, measured, agrees in claims(by)]
    return "## What the lecture says\n\n" + "\n\n".join(items)


def _method(by: Rows) -> str:
    return (
        "## How it was measured\n\n"
        "- Intervals are 95 % Wilson intervals over all episodes of all trainings. Entropy is -sum p log p over the "
        "ways of the successful episodes, to base 2 at `fork` and 24 at `avoid`; with one expert it is 0 if the policy "
        "does as it was shown.\n"
        "- `categorical` needs a table of moves, so it is driven by keys (`panda_keys`) on every task: its row of "
        "`avoid` is that of `discrete avoid`. The others drive `fork` and `avoid` by velocities (`panda_plane`); under "
        "`discrete avoid` they learn from the same keys.\n"
        "- Each class has one configuration, `config/training/<class>.yaml`; `avoid` takes a width of 256, batches of "
        "256 (64 where places are drawn in turn), 5,000 steps, and for `deterministic` no noise.\n"
        "- The configurations were chosen by looking at these same episodes, after trainings on these same "
        "demonstrations: the first seed's at `avoid`, the first three's at `fork`. What is said of those seeds is "
        "therefore kinder than a fresh one would be.\n"
        "- The policy is asked for a chunk of 16 steps, of which 8 are executed. Training times are of the processor, "
        "one thread; latencies were measured with nothing beside them, 1,000 chunks each."
    )
