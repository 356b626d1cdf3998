# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``docs/dagger.md``: what corrections cost and buy, how errors compound, and what of the theory that bears out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies import delay
from studies.imitations import PEER
from studies.page import percent, table, verdict

Row = Mapping[str, Any]
ENOUGH = 0.95
CLONED = "behaviour cloning"
LONGER, SMALLER = f"{CLONED}, longer", "HG-DAgger, smaller rounds"
SPENT = ("labels", "takeovers", "expert_s")


def page(rows: Sequence[Row], more: Mapping[str, Any]) -> str:
    """Return the whole text, Markdown; ``more`` holds how costs grow and what delays do."""
    grown = more["growth"]
    parts = [_head(rows), _compounding(grown, more["horizons"]), _theory(grown), _shift(), _frontier(rows)]
    parts += [_wall(more["wall"]), _late(more["delay"]), _method(rows)]
    return "\n\n".join(parts) + "\n"


def _head(rows: Sequence[Row]) -> str:
    return (
        "# Asking the expert\n\n"
        "A policy's mistakes lead it where no demonstration has been. Here that is measured, and so is every way of "
        f"asking an expert about it: what it costs him, and what it buys. {rows[0]['seeds']} runs of each arm, on "
        f"equal seeds; every policy drives alone through {rows[0]['episodes']} episodes. "
        "`make study-dagger` makes this page, its pictures and its rows ([dagger.json](dagger.json)) anew."
    )


def _compounding(grown: Sequence[Row], horizons: Sequence[int]) -> str:
    head = ("steps outside the groove", *(f"T = {h:,.0f}" for h in horizons), "grows as")
    lines = []
    for g in grown:
        cells = [f"{m:.1f} ({low:.1f} to {high:.1f})" for m, low, high in zip(g["mean"], g["low"], g["high"])]
        lines.append([g["arm"], *cells, _power(g)])
    return (
        "## Errors compound\n\n"
        "`trace` is to follow a winding groove for T steps. Every policy has the same lapses: with a probability of "
        "1 % a step its attention is elsewhere for 0.3 s, and it does something at random. What differs is "
        "only the states at which the arms got their labels (as many of them, see below). Who has never "
        "seen the arm beside the groove does not know the way back, and pays until the end.\n\n"
        f"{table(head, lines)}\n\n"
        "![Cost by horizon](dagger-cost.png)"
    )


def _power(g: Row) -> str:
    return "T^{:.2f} ({:.2f} to {:.2f})".format(*g["exponent"])


def _theory(grown: Sequence[Row]) -> str:
    by = {g["arm"]: g for g in grown}
    cloned, asked = by[CLONED], by["DAgger"]
    apart = cloned["exponent"][1] > asked["exponent"][2]
    share = asked["mean"][-1] / cloned["mean"][-1]
    return (
        "### What theory says\n\n"
        "> If a policy errs with probability ε on the states of the expert, cloning costs J ≤ J* + T²ε "
        "([Ross and Bagnell 2010](https://proceedings.mlr.press/v9/ross10a.html), theorem 2.1); with labels of its own "
        "states, J ≤ J* + uTε + O(1), where u is what one error can cost at most if the expert goes on from there "
        "([Ross et al. 2011](https://arxiv.org/abs/1011.0686), theorem 3.2).\n\n"
        f"Cloning grows as {_power(cloned)}, DAgger as {_power(asked)}. {verdict(apart)} At the longest "
        f"horizon DAgger costs {percent(share)} of what cloning costs: "
        f"{'at' if share <= 1 / 3 else '**not** at'} most a third. T² is the worst case, and only as long as T ε is "
        "small: a policy that is lost for good cannot lose more than all of the T steps, so the curve bends towards T "
        "at its end.\n\n"
        "> With log loss, cloning can be as good as any online method, and its cost need not grow with the horizon "
        "([Foster, Block and Misra 2024](https://arxiv.org/abs/2407.15007)): if the expert is in the policy class and "
        "the policy's own states are those on which it was trained.\n\n"
        "Here they are not, by construction: a lapse is an error that no amount of demonstrations takes away. The "
        "theorem is not contradicted; its conditions do not hold on an arm whose policy can be disturbed."
    )


def _shift() -> str:
    return (
        "## Where policies go\n\n"
        "How often each place is visited, on a logarithmic scale: the expert's states are the groove, and those of the "
        "cloned policy are not. This is the covariate shift of the lecture, p_expert(s) ≠ p_π(s).\n\n"
        "![States visited](dagger-states.png)\n\n"
        "How far the visited states are from the nearest demonstrated one, rollout by rollout, and on average:\n\n"
        "![Distance from the demonstrations](dagger-distance.png)"
    )


def _frontier(rows: Sequence[Row]) -> str:
    parts = [
        "## What the expert was asked, and what it bought",
        "The arms from `HG-DAgger, five` to `ThriftyDAgger` learn five networks and a critic, which their rules need; "
        "the others learn one.",
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        here = [row for row in rows if row["task"] == task]
        parts += [f"### `{task}`", _until(here), _compared(here), _last(here), _equal(here)]
    return "\n\n".join([*parts, "![Success over cost](dagger-frontier.png)"])


def _arms(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Their rounds, by name."""
    return {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}


def _until(rows: Sequence[Row]) -> str:
    """Return what each arm had cost when it first succeeded often enough."""
    lines = []
    for arm, told in _arms(rows).items():
        there = next((row for row in told if row["success"] >= ENOUGH), None)
        if there is None:
            lines.append([arm, f"not with {told[-1]['labels']:,.0f}", *[""] * 2])
        else:
            lines.append([arm, *(f"{there[key]:,.0f}" for key in SPENT)])
    return table((f"until {percent(ENOUGH)} succeed", "labels added", "take-overs", "at the controls, s"), lines)


def _needed(told: Sequence[Row], key: str) -> tuple[float, bool]:
    """How much of ``key`` an arm had cost when it first succeeded often enough, and whether it ever did."""
    there = next((row for row in told if row["success"] >= ENOUGH), None)
    return (told[-1] if there is None else there)[key], there is not None


def _compared(rows: Sequence[Row]) -> str:
    """Return the same in sentences: labels of corrections and of others, take-overs of gates and of people."""
    arms = _arms(rows)
    others = (LONGER if LONGER in arms else CLONED, "DAgger", PEER)
    said = [_against(arms, "HG-DAgger", other, "labels") for other in others if other in arms]
    said += [_against(arms, SMALLER, other, "labels") for other in others if SMALLER in arms]
    said.append(_against(arms, "ThriftyDAgger", "HG-DAgger, five", "takeovers"))
    return " ".join(said)


def _against(arms: Mapping[str, Sequence[Row]], one: str, other: str, key: str) -> str:
    (ours, reached), (theirs, there) = _needed(arms[one], key), _needed(arms[other], key)
    words = {"labels": "labels", "takeovers": "take-overs"}[key]
    if not reached:
        return f"{one} did not get there with {ours:,.0f} {words}, {other} {'did' if there else 'did not either'}."
    many = f"{theirs:,.0f}" if there else f"more than {theirs:,.0f}"
    share = f"{'' if there else 'less than '}{percent(ours / theirs)} of that" if theirs else "which has none to count"
    return f"{one} needed {ours:,.0f} {words}, {other} {many}: {share}."


def _last(rows: Sequence[Row]) -> str:
    """How each arm went on, round by round, and where it ended."""
    lines = []
    for arm, told in _arms(rows).items():
        by_round = " ".join(f"{100 * row['success']:.0f}" for row in told)
        lines.append([arm, by_round, *(f"{told[-1][key]:,.0f}" for key in SPENT), _told(told[-1])])
    head = ("arm", "success by round, %", "labels added", "take-overs", "at the controls, s", "success in the end")
    return table(head, lines)


def _equal(rows: Sequence[Row]) -> str:
    """Corrections against as many more demonstrations."""
    arms = _arms(rows)
    arms.pop(LONGER, None)  # the same until then
    cloned = arms.pop(CLONED)[-1]
    most = {arm: [row for row in told if row["labels"] <= cloned["labels"]][-1] for arm, told in arms.items()}
    apart = [arm for arm, row in most.items() if row["interval"][0] > cloned["interval"][1]]
    found = [f"{arm} {_told(most[arm])} with {most[arm]['labels']:,.0f}" for arm in apart]
    others = ", ".join(arm for arm in most if arm not in apart)
    return (
        f"{CLONED.capitalize()} ends at {_told(cloned)} with {cloned['labels']:,.0f} labels. With no more than those, "
        f"above it and intervals apart: {'; '.join(found) or 'none'}. Not apart from it: {others or 'none'}."
    )


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _wall(walls: Sequence[Row]) -> str:
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
    head = ("who", "seconds, median", "rounds", "got there", "by seed, s")
    return (
        f"## From nothing to {percent(ENOUGH)}\n\n"
        "Seconds to collect and to train at `avoid`, from the first demonstration until a round's policy succeeds "
        "often enough, each with the machine to itself. Ours is HG-DAgger with a simulated supervisor, once in one "
        "process (`il-ros dagger --no-ros`) and once as the whole graph of nodes, recorder and all (`--composed`), "
        "its start included. Each round takes 1,000 gradient steps, the peer's too, half of those above. Who did not "
        "get there in 12 rounds would have taken longer.\n\n"
        f"{table(head, lines)}"
    )


def _late(delayed: Sequence[Row]) -> str:
    by = {(row["delay"], row["case"]): row for row in delayed}
    head = ("delay, steps of 50 ms", "policy's, anchored", "policy's, not anchored", "expert's")
    lines = [
        [str(each), *(_told(by[each, case]) for case in (delay.ANCHORED, delay.NOT_ANCHORED, delay.EXPERT_LATE))]
        for each in dict.fromkeys(row["delay"] for row in delayed)
    ]
    return (
        "## Answers that come late\n\n"
        "A chunk answers an observation, and each of its rows is meant for one instant. Where the answer comes late, "
        "through a slow network or a long line, the rows whose time is over are dropped, and the rest is done on time. "
        "Who plays a late chunk from its first row does everything late. (`avoid`, one expert, L2 regression of 16 "
        "steps, of which 8 are executed.)\n\n"
        "An expert who is late cannot drop anything: he acts on what he sees. HG-DAgger gives him all of the control "
        "because he who shares it does not feel the lag of what he does (Kelly et al. 2019); the last column is what "
        "lag costs him who has all of it. The policy is the same, but it lapses now and then, and alone succeeds in "
        f"{_told(by[0, delay.ALONE])}; the simulated supervisor watches and takes over, and what he asks for and what "
        "he does comes late.\n\n"
        f"{table(head, lines)}\n\n"
        "![Success over delay](dagger-delay.png)"
    )


def _told(row: Row) -> str:
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
        "steps that he drove are labels. IWR and Sirius learn from the same steps and from the policy's own besides. "
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
