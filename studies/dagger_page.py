# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``dagger.md``: how errors compound, what each way of asking the expert costs and buys, and what delays do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies import delay
from studies.imitation_baseline import PEER
from studies.page import percent, statements, table

Row = Mapping[str, Any]
ENOUGH = 0.95
CLONED = "behaviour cloning"
LONGER, SMALLER = f"{CLONED}, longer", "HG-DAgger, smaller rounds"
SPENT = ("labels", "takeovers", "expert_s")


def page(rows: Sequence[Row], more: Mapping[str, Any]) -> str:
    """Return the page, Markdown; ``more`` holds how costs grow and what delays do."""
    grown = more["growth"]
    parts = [_head(rows), _compounding(grown, more["horizons"]), _theory(grown), _shift(), _frontier(rows)]
    parts += [_time_to_success(more["wall"]), _late(more["delay"]), _method(rows)]
    return "\n\n".join(parts) + "\n"


def _head(rows: Sequence[Row]) -> str:
    return (
        "# Asking the expert\n\n"
        f"Ways of gating and labelling compared by what they cost the expert and what they buy: {rows[0]['seeds']} "
        "runs "
        f"of each arm on equal seeds, every policy measured alone on {rows[0]['episodes']} episodes. `make "
        "study-dagger` "
        "writes this page, its pictures and its rows (`studies/results/dagger.json`, every run in `dagger-runs.json`)."
    )


def _compounding(grown: Sequence[Row], horizons: Sequence[int]) -> str:
    head = ("steps outside the groove", *(f"T = {h:,.0f}" for h in horizons), "grows as")
    lines = []
    for g in grown:
        cells = [f"{m:.1f} ({low:.1f} to {high:.1f})" for m, low, high in zip(g["mean"], g["low"], g["high"])]
        lines.append([g["arm"], *cells, _power(g)])
    return (
        "## Errors compound\n\n"
        "`trace` is to follow a winding groove for T steps; with a probability of 1 % a step every policy acts at "
        "random "
        "for 0.3 s. The arms have equally many labels and differ in the states at which they got them. Means over "
        "episodes and seeds, with 95 % intervals.\n\n"
        f"{table(head, lines)}\n\n"
        "![Cost by horizon](dagger-cost.png)"
    )


def _power(g: Row) -> str:
    return "T^{:.2f} ({:.2f} to {:.2f})".format(*g["exponent"])


def _theory(grown: Sequence[Row]) -> str:
    by = {g["arm"]: g for g in grown}
    cloned, dagger = by[CLONED], by["DAgger"]
    apart = cloned["exponent"][1] > dagger["exponent"][2]
    share = dagger["mean"][-1] / cloned["mean"][-1]
    judged = [
        (
            "Cloning costs up to J* + T²ε ([Ross and Bagnell 2010](https://proceedings.mlr.press/v9/ross10a.html), "
            "theorem 2.1), labels of the policy's own states J* + uTε + O(1) "
            "([Ross et al. 2011](https://arxiv.org/abs/1011.0686), theorem 3.2)",
            f"cloning {_power(cloned)}, DAgger {_power(dagger)}",
            apart,
        ),
        (
            "At the longest horizon DAgger costs at most a third of cloning",
            f"{dagger['mean'][-1]:.1f} vs {cloned['mean'][-1]:.1f} steps outside, {percent(share)}",
            share <= 1 / 3,
        ),
    ]
    return (
        f"### Theory\n\n{statements(judged)}\n\n"
        "T² is the worst case while Tε is small: a policy that is lost cannot lose more than T steps. That cloning "
        "need "
        "not grow with the horizon ([Foster, Block and Misra 2024](https://arxiv.org/abs/2407.15007)) assumes that the "
        "policy stays in the states on which it was trained; a random disturbance leaves them."
    )


def _shift() -> str:
    return (
        "## Covariate shift\n\n"
        "How often each place is visited, on a logarithmic scale: p_expert(s) and p_π(s) of the lecture.\n\n"
        "![States visited](dagger-states.png)\n\n"
        "Distance of the visited states from the nearest demonstrated one, rollout by rollout and on average:\n\n"
        "![Distance from the demonstrations](dagger-distance.png)"
    )


def _frontier(rows: Sequence[Row]) -> str:
    parts = [
        "## Labels, take-overs and success",
        "The arms from `HG-DAgger, five` to `ThriftyDAgger` train five networks and a critic, which their rules need; "
        "the others train one.",
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        here = [row for row in rows if row["task"] == task]
        parts += [f"### `{task}`", _until(here), _compared(here), _last(here), _equal(here)]
    return "\n\n".join([*parts, "![Success over cost](dagger-frontier.png)"])


def _arms(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rounds of each arm, by name."""
    return {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}


def _until(rows: Sequence[Row]) -> str:
    """Return a table of what each arm had cost when it first succeeded often enough."""
    lines = []
    for arm, rounds in _arms(rows).items():
        lines.append([arm, *(_until_enough(rounds, key) for key in SPENT)])
    return table((f"until {percent(ENOUGH)} success", "labels added", "take-overs", "at the controls, s"), lines)


def _needed(rounds: Sequence[Row], key: str) -> tuple[float, bool]:
    """Return how much of ``key`` an arm had cost when it first succeeded often enough, and whether it ever did."""
    reached = next((row for row in rounds if row["success"] >= ENOUGH), None)
    return (rounds[-1] if reached is None else reached)[key], reached is not None


def _until_enough(rounds: Sequence[Row], key: str) -> str:
    """Return the same as text; ``> n`` if the arm never did."""
    value, reached = _needed(rounds, key)
    return f"{'' if reached else '> '}{value:,.0f}"


def _compared(rows: Sequence[Row]) -> str:
    """Return the ratios: labels of corrections and of others, take-overs of a gate that asks and of a person."""
    arms = _arms(rows)
    others = (LONGER if LONGER in arms else CLONED, "DAgger", PEER)
    pairs = [("HG-DAgger", other, "labels") for other in others]
    pairs += [(SMALLER, other, "labels") for other in others]
    pairs.append(("ThriftyDAgger", "HG-DAgger, five", "takeovers"))
    lines = [_against(arms, *pair) for pair in pairs if pair[0] in arms and pair[1] in arms]
    head = (f"until {percent(ENOUGH)} success", "arm", "against", "ratio")
    return table(head, lines)


def _against(arms: Mapping[str, Sequence[Row]], one: str, other: str, key: str) -> list[str]:
    (ours, reached), (theirs, they_reached) = _needed(arms[one], key), _needed(arms[other], key)
    names = {"labels": "labels", "takeovers": "take-overs"}
    ratio = f"{'' if they_reached else '< '}{percent(ours / theirs)}" if theirs and reached else ""
    pair = [f"{each}: {_until_enough(arms[each], key)}" for each in (one, other)]
    return [names[key], *pair, ratio]


def _last(rows: Sequence[Row]) -> str:
    """Return a table of success by round, and of where each arm ended."""
    lines = []
    for arm, rounds in _arms(rows).items():
        by_round = " ".join(f"{100 * row['success']:.0f}" for row in rounds)
        last = rounds[-1]
        lines.append([arm, by_round, *(f"{last[key]:,.0f}" for key in SPENT), _with_interval(last)])
    head = ("arm", "success by round, %", "labels added", "take-overs", "at the controls, s", "success in the end")
    return table(head, lines)


def _equal(rows: Sequence[Row]) -> str:
    """Return a table of success with no more labels than behaviour cloning got."""
    arms = _arms(rows)
    arms.pop(LONGER, None)  # the same until then
    cloned = arms[CLONED][-1]
    lines = []
    for arm, rounds in arms.items():
        row = [row for row in rounds if row["labels"] <= cloned["labels"]][-1]
        apart = "" if arm == CLONED else "yes" if row["interval"][0] > cloned["interval"][1] else "no"
        lines.append([arm, f"{row['labels']:,.0f}", _with_interval(row), apart])
    head = (f"at most {cloned['labels']:,.0f} labels", "labels added", "success", f"interval above that of {CLONED}")
    return table(head, lines)


def _time_to_success(walls: Sequence[Row]) -> str:
    lines = [
        [
            w["who"],
            f"{w['wall_s']:.1f}",
            f"{w['rounds']:g}",
            f"{w['there']} of {w['seeds']}",
            " ".join(map(str, w["per_seed"])),
        ]
        for w in walls
    ]
    head = ("who", "seconds, median", "rounds", "reached", "by seed, s")
    return (
        f"## Time to {percent(ENOUGH)} success\n\n"
        "Seconds to collect and to train at `avoid`, each with the machine to itself; 1,000 gradient steps a round, at "
        "most 12 rounds. Ours is HG-DAgger with a simulated supervisor, in one process (`il-ros dagger --no-ros`) and "
        "as "
        "the whole graph of nodes (`--composed`, its start included).\n\n"
        f"{table(head, lines)}"
    )


def _late(delayed: Sequence[Row]) -> str:
    by = {(row["delay"], row["case"]): row for row in delayed}
    head = ("delay, steps of 50 ms", "policy, anchored", "policy, not anchored", "expert")
    lines = [
        [
            str(each),
            *(_with_interval(by[each, case]) for case in (delay.ANCHORED, delay.NOT_ANCHORED, delay.EXPERT_LATE)),
        ]
        for each in dict.fromkeys(row["delay"] for row in delayed)
    ]
    return (
        "## Delayed answers\n\n"
        "Success at `avoid`, one expert, L2 regression of 16 steps of which 8 are executed. Anchored: rows of a late "
        "chunk whose instant has passed are dropped; not anchored: it is executed from its first row. Last column: the "
        "expert's answers are late, HG-DAgger with a simulated supervisor, of a policy that lapses and alone succeeds "
        "in "
        f"{_with_interval(by[0, delay.ALONE])}.\n\n"
        f"{table(head, lines)}\n\n"
        "![Success over delay](dagger-delay.png)"
    )


def _with_interval(row: Row) -> str:
    return "{} ({} to {})".format(percent(row["success"]), *(percent(bound) for bound in row["interval"]))


def _method(rows: Sequence[Row]) -> str:
    return (
        "## How it was measured\n\n"
        "- Every arm begins with the same demonstrations and learns the same policy from scratch in every round "
        "(`config/training/one_step.yaml`: L2 regression of one action on one observation; the arms that need doubts "
        "`one_step_ensemble.yaml`, five of them and a critic). A round is full once it "
        "has its number of labels, the same for all, at the end of the episode in which they came: so arms that label "
        "whole episodes get more.\n"
        "- `behaviour cloning` gets more demonstrations; in `DAgger` the policy drives and the expert labels every "
        "state (beta = 0 from round 1 on); in `HG-DAgger` a simulated supervisor takes over and gives back, and the "
        "steps that they drove are labels. IWR and Sirius learn from the same steps and from the policy's own besides. "
        "From `EnsembleDAgger` on the gate asks: the expert drives wherever its rule says so, and these steps are "
        "labels. With smaller rounds, full after 20 labels and so mostly after one take-over, each correction is of a "
        "policy that has learned from the one before. `ThriftyDAgger` asks in the 0.5 % most novel and riskiest states "
        "and gives control back once the risk is among the lowest tenth and both agree within 2 % of the range, mostly "
        "at the end of the episode: fewer take-overs, each of them longer. (Chosen on the first two runs; with half "
        "and 10 % of the range it took over 20 times until 95 %.) Labels, take-overs and seconds are means over the "
        "seeds, without round 0.\n"
        "- `imitation's DAgger` is the trainer of [HumanCompatibleAI/imitation]"
        "(https://github.com/HumanCompatibleAI/imitation) 1.0.1 on the same task, with the same expert, as many "
        "demonstrations, lapses of the same law, as many gradient steps a round (on two hidden layers of 128) and beta "
        "= 0; its own defaults are rounds of 500 labels and 4 passes over the data.\n"
        "- Success at `trace`: three quarters of the way that the expert makes, inside the groove. Its intervals are "
        "95 % Wilson intervals over all episodes of all seeds; those of costs and exponents are bootstrap intervals, "
        "in which seeds are drawn anew, and then their episodes.\n"
        "- An episode that ended early, at the post, counts as outside the groove for the rest of its T steps. The "
        "exponent is the slope of a line through the logarithms of horizon and mean cost."
    )
