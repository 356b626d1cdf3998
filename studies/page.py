# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``policies.md``: tables and pictures of the study of policy classes, and the lecture's statements beside numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from il_ros.evaluation.report.html import many

Row = Mapping[str, Any]
EXPRESSIVE = ("mixture", "autoregressive", "diffusion", "flow")
"""The classes for continuous actions that can represent several ways."""


class Rows:
    """The rows by what they are about."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(r["task"], r["experts"], r["policy"]): r for r in rows}
        self.tasks = list(dict.fromkeys(r["task"] for r in rows))
        self.policies = list(dict.fromkeys(r["policy"] for r in rows))
        self.seeds, self.episodes = rows[0]["seeds"], rows[0]["episodes"]

    def __call__(self, task: str, experts: str, policy: str) -> Row:
        """Return one of them."""
        return self._rows[task, experts, policy]

    def success(self, task: str, experts: str, policy: str) -> float:
        """Return its success, in [0, 1]."""
        return float(self(task, experts, policy)["success"])

    def with_interval(self, task: str, experts: str, policy: str) -> str:
        """Return its success with the interval."""
        r = self(task, experts, policy)
        return f"{percent(r['success'])} ({percent(r['interval'][0])} to {percent(r['interval'][1])})"


def page(rows: Sequence[Row]) -> str:
    """Return the page, Markdown."""
    by = Rows(rows)
    parts = [_head(by), _costs(by), _fork(by), _avoid(by), *(_task(by, task) for task in by.tasks), _lecture(by)]
    return "\n\n".join([*parts, _method(by)]) + "\n"


def percent(share: float) -> str:
    """Return ``0.985`` as ``98.5 %``; never rounded up to a whole hundred."""
    text = f"{100 * share:.1f}"
    return ("99.9" if text == "100.0" and share < 1 else text.removesuffix(".0")) + " %"


def table(head: Sequence[str], lines: Sequence[Sequence[str]], numbers: int | None = None) -> str:
    """Return a table, whose last ``numbers`` columns are aligned as such; by default all but the first."""
    numbers = len(head) - 1 if numbers is None else numbers
    rule = [*["---"] * (len(head) - numbers), *["---:"] * numbers]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def statements(claims: Sequence[tuple[str, str, bool]]) -> str:
    """Return a table of statements, the numbers beside them, and whether those meet the criterion of each."""
    lines = [[statement, measured, "yes" if agrees else "**no**"] for statement, measured, agrees in claims]
    return table(("statement", "measured", "supported"), lines, numbers=0)


def claims(by: Rows) -> list[tuple[str, str, bool]]:
    """Return the lecture's statements, what was measured, and whether that supports each."""
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
            f"`{policy}`: `fork` {by.with_interval('fork', 'many', policy)}, entropy {fork[policy]['entropy']:.3f}; "
            f"`avoid` {by.with_interval('avoid', 'many', policy)}, entropy {avoid[policy]['entropy']:.3f}"
        )

    return [
        (
            "Some experts go left and some experts go right. The learned policy will take the mean, which is a "
            "straight line in the middle.",
            f"`deterministic` at `fork`: two experts {by.with_interval('fork', 'many', 'deterministic')}, one expert "
            f"{by.with_interval('fork', 'one', 'deterministic')}",
            fork["deterministic"]["success"] <= 0.05 and by.success("fork", "one", "deterministic") >= 0.99,
        ),
        (
            "Simple Gaussian distributions are not very expressive for complex behaviors.",
            ways("gaussian"),
            not holds_ways("gaussian") and fork["gaussian"]["success"] <= 0.5,
        ),
        (
            "[A categorical distribution is] maximally expressive for discrete spaces.",
            f"`categorical` by keys: `fork` {by.with_interval('fork', 'many', 'categorical')}, entropy "
            f"{fork['categorical']['entropy']:.3f}; `discrete avoid` "
            f"{by.with_interval('discrete avoid', 'many', 'categorical')}, entropy "
            f"{keys['categorical']['entropy']:.3f}",
            keys["categorical"]["success"] >= 0.95 and keys["categorical"]["entropy"] >= 0.85,
        ),
        (
            "[A mixture of Gaussians is] more expressive than a single Gaussian, can capture multi-modal behavior.",
            ways("mixture"),
            holds_ways("mixture"),
        ),
        (
            "[Discretise and autoregress] can capture complex dependencies between action dimensions.",
            ways("autoregressive"),
            holds_ways("autoregressive"),
        ),
        (
            "[Diffusion models are] particularly useful for high-dimensional action spaces.",
            f"{ways('diffusion')}; `mixture`: `avoid` {by.with_interval('avoid', 'many', 'mixture')}; latency of a "
            "chunk "
            f"of 32 numbers, `diffusion` / `mixture`: {slower:.1f}",
            avoid["diffusion"]["interval"][0] > avoid["mixture"]["interval"][1],
        ),
        (
            "These [expressive] models can mimic expert behaviors much better than deterministic policies.",
            f"`avoid`, many experts: `{worst}`, the lowest of these, {by.with_interval('avoid', 'many', worst)}; "
            f"`deterministic` {by.with_interval('avoid', 'many', 'deterministic')}",
            avoid[worst]["interval"][0] > avoid["deterministic"]["interval"][1] + 0.2,
        ),
        (
            "[With] one consistent expert, unimodal policy distribution (e.g. deterministic) is good enough.",
            f"one expert, lowest of all tasks: `deterministic` {percent(alone['deterministic'])}, `gaussian` "
            f"{percent(alone['gaussian'])}",
            min(alone.values()) >= 0.95,
        ),
    ]


def _head(by: Rows) -> str:
    return (
        "# Which policy class\n\n"
        f"Every class on every task, with one consistent expert and with many: {many(by.seeds, 'training')} of each, "
        f"each on demonstrations of its own, {by.episodes} episodes a training. `make study-policies` writes this "
        "page, "
        "its pictures and its rows (`studies/results/policies.json`, the outcome of every episode in "
        "`policies-outcomes.json`); the trunk that all classes share is studied in [trunk.md](trunk.md)."
    )


def _costs(by: Rows) -> str:
    lines = []
    for policy in by.policies:
        fork, avoid, keys = (by(task, "many", policy) for task in ("fork", "avoid", "discrete avoid"))
        one = min(by.success(task, "one", policy) for task in by.tasks)
        cells = [f"`{policy}`", percent(one), percent(fork["success"]), f"{fork['entropy']:.2f}"]
        for r in (avoid, keys):
            cells += [percent(r["success"]), f"{r['entropy']:.2f}"]
        cells += [f"{avoid['latency_ms_p50']:.2f} / {avoid['latency_ms_p99']:.2f}", f"{avoid['train_s']:.0f}"]
        lines.append(cells)
    head = ("class", "one expert, lowest task", "fork", "entropy", "avoid", "entropy", "by keys", "entropy")
    return (
        "## Success, latency and training time\n\nSuccess with many experts, and the entropy of the ways that are "
        "used (1: evenly). "
        "Latencies are p50 / p99 on one thread, with the networks of `avoid`.\n\n"
        + table((*head, "chunk, ms", "training, s"), lines)
    )


def _fork(by: Rows) -> str:
    return (
        "## The fork\n\nOne expert passes left of the post, one passes right; until 8.5 cm before it they do the same. "
        "Rollouts of the first training of each class, seen from above; orange: failed, at the cross.\n\n"
        "![Rollouts of every class at the fork](policies-fork.png)\n\n"
        "Chunks of each class at one state just before the experts part:\n\n"
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
        cells = [
            f"`{policy}`",
            by.with_interval(task, "one", policy),
            by.with_interval(task, "many", policy),
            f"{many['entropy']:.3f}",
        ]
        costs = f"{many['latency_ms_p50']:.2f} / {many['latency_ms_p99']:.2f}"
        lines.append([*cells, seeds, costs, f"{many['parameters']:,}", f"{many['train_s']:.0f}"])
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
    return (
        "## The lecture's statements\n\nSuccess with 95 % intervals, many experts unless one is named; the criterion "
        "of "
        f"each is in `studies/page.py`.\n\n{statements(claims(by))}"
    )


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
