# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The chapters of the report: each turns its part of the data into pictures and a few plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from il_ros.core.episode import Authority
from il_ros.evaluation.report import charts, clips, svg
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.clips import Clip
from il_ros.evaluation.report.html import absent, bars, duration, facts, figure, interval, legend, many, panels, percent
from il_ros.evaluation.report.html import rows as score_rows
from il_ros.evaluation.report.svg import ToolPath, TopView

ABOUT_TASK = {
    "fork": "One obstacle stands exactly in the way. One expert always passes it on the right, the other always on "
    "the left. Both are right; the average of the two drives straight into it.",
    "avoid": "Three rows of obstacles leave 24 ways to the finish line. The arm must cross it without touching any.",
    "pick_place": "The gripper grasps the block, lifts it, and stands it in the zone. Both lie elsewhere in each "
    "episode: somewhere in the dashed rectangles.",
}
ABOUT_POLICY = {
    "deterministic": "One answer for each situation: the average of what it was shown.",
    "mixture": "Chooses one of several ways, then keeps to it.",
    "diffusion": "Starts from noise and refines it into one of the ways it was shown.",
    "after round 0": "Taught by the demonstrations alone.",
    "once more": "After all corrections, from other starts than those that were counted before.",
}
SHOWN = """The paths of the tool in the demonstrations, seen from above: you stand behind the robot and look along its
arm. Each expert has a colour of their own."""
MADE = """Each policy drove alone, from fresh starts. The bar around each dot is the 95 % interval: given the number of
episodes, the true rate may lie anywhere in it. Entropy, where it is given, says how evenly the successful episodes use
the ways there are: 1 for all alike, 0 for a single one."""
CORRECTED = """The policy drives, and an expert watches. When failure is near, or nothing goes on, the expert takes
over, drives until the arm is safe, or holds what it should, and gives control back. Only what the expert drove is added
to the training data. After each round the policy is measured alone, on fresh starts."""
TRAINED = """Lower is better. Losses of different policies measure different things, so compare shapes, not heights."""
FILMED = """Press play, or drag the slider. The badge says who drives; the ribbon below the picture says it for the
whole episode."""


@dataclass(frozen=True)
class ReportData:
    """What the report is made of; whatever is empty is named as missing on the page."""

    results: dict[str, Any]
    """As in ``results.json``: ``policies`` by task and policy, ``rounds``, ``real_time_factor``, ``wall_s``, ``seeds``,
    ``versions``; also ``confirmed``, the last policy's success on episodes of its own, ``targets``
    (``{"rounds": 0.95}``) and ``commands`` (a list of command lines), if there are any.
    Success and intervals are shares in [0, 1]."""
    scenes: dict[str, TopView] = field(default_factory=dict)
    """By task."""
    demonstrations: dict[str, list[ToolPath]] = field(default_factory=dict)
    """By task; the label of a track is its expert."""
    rollouts: dict[str, dict[str, list[ToolPath]]] = field(default_factory=dict)
    """By task and policy, the policy alone."""
    rounds: list[list[ToolPath]] = field(default_factory=list)
    """The corrected rollouts of each of ``results["rounds"]``, in that order; an empty list for a round without any."""
    curves: list[Curve] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    rounds_task: str = "avoid"
    """The task that the rounds were about."""


def measured_rounds(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rounds whose success is known."""
    return [r for r in results.get("rounds") or [] if r.get("success") is not None]


def about_factor(name: str) -> str:
    """Return what a key of ``real_time_factor`` means."""
    return {"processes": "one process a node", "composed": "all nodes in one process"}.get(name, name)


# 1: what it was shown -------------------------------------------------------------------------------------------------


def shown(data: ReportData) -> str:
    """Return the demonstrations over their scenes."""
    drawn = [
        figure(
            svg.demonstrations(data.scenes[task], tracks),
            f"<em>{many(len(tracks), 'demonstration')}</em><strong>{escape(task)}</strong><br>"
            f"{ABOUT_TASK.get(task, '')}{legend(_experts(tracks))}{_drawn(tracks)}",
        )
        for task, tracks in data.demonstrations.items()
        if task in data.scenes and tracks
    ]
    if not drawn:
        return absent("This report was given no demonstrations to draw.")
    return f"<p>{SHOWN}</p>{panels(drawn)}"


def _experts(tracks: Sequence[ToolPath]) -> list[tuple[str, str, str]]:
    shades = svg.expert_shades(tracks)
    if len(shades) > 4:
        text = f"{len(shades)} different ways, from the rightmost"
        return [("expert-path", "--of:0%", text), ("expert-path", "--of:100%", "to the leftmost")]
    counts = {label: sum(track.label == label for track in tracks) for label in shades}
    return [
        (svg.expert_class(label, shades), f"--of:{100 * shade:.0f}%", f"{escape(label)} ({counts[label]})")
        for label, shade in shades.items()
    ]


def _drawn(tracks: Sequence[ToolPath]) -> str:
    most = svg.MOST_PATHS
    return f"<small>{most} of {len(tracks)} paths are drawn.</small>" if len(tracks) > most else ""


# 2: what each policy made of it ---------------------------------------------------------------------------------------


def made(data: ReportData) -> str:
    """Show success and rollouts of every policy, task by task."""
    scores = data.results.get("policies") or {}
    tasks = [*scores, *(task for task in data.rollouts if task not in scores)]
    if not tasks:
        return absent("This run evaluated no policies.")
    return f"<p>{MADE}</p>" + "".join(_made_of(data, task, scores.get(task, {})) for task in tasks)


def _made_of(data: ReportData, task: str, scores: Mapping[str, Any]) -> str:
    head = f"<h3>{escape(task)}</h3>{score_rows(scores)}"
    scene, rollouts = data.scenes.get(task), data.rollouts.get(task, {})
    if scene is None or not any(rollouts.values()):
        return head + absent("No rollouts of this task were handed over to be drawn.")
    drawn = [
        figure(
            svg.rollouts(scene, tracks),
            f"<em>{_success(scores, name)}</em><strong>{escape(name)}</strong><br>"
            f"{ABOUT_POLICY.get(name, '')} {_drawn(tracks)}",
        )
        for name, tracks in rollouts.items()
        if tracks
    ]
    lines = [("won", "", "reached the goal"), ("lost", "", "failed; a cross marks where")]
    return f"{head}{legend(lines)}{panels(drawn)}"


def _success(scores: Mapping[str, Any], name: str) -> str:
    return percent(scores[name].get("success")) if name in scores else ""


# 3: corrected while it works ------------------------------------------------------------------------------------------


def corrected(data: ReportData) -> str:
    """Return the rounds: success, interventions, labels, and who drove where."""
    rounds = measured_rounds(data.results)
    if not rounds:
        return absent("This run had no rounds of correction.")
    target = (data.results.get("targets") or {}).get("rounds")
    counted = (
        ("interventions", "interventions", "<strong>Interventions</strong><br>times that the expert took over"),
        ("labels", "labels", "<strong>Expert labels</strong><br>steps that the expert taught"),
        ("expert_s", "labels", "<strong>Expert time</strong><br>seconds at the controls"),
    )
    charted = [
        figure(
            charts.success_by_round(rounds, target),
            "<strong>Success of the policy alone</strong><br>with 95 % intervals",
        ),
        *(
            figure(charts.count_by_round(rounds, key, kind), words)
            for key, kind, words in counted
            if any(r.get(key) is not None for r in rounds)
        ),
    ]
    return f"<p>{CORRECTED}</p>{panels(charted)}<h3>Who drove where, round by round</h3>{_rounds(data)}"


def _rounds(data: ReportData) -> str:
    scene = data.scenes.get(data.rounds_task)
    if scene is None or not any(data.rounds):
        return absent("No rollouts of the rounds were handed over to be drawn.")
    drawn = [
        figure(svg.corrected(scene, tracks) + _ribbon(tracks), _about_round(r, tracks))
        for r, tracks in zip(data.results["rounds"], data.rounds)
        if tracks
    ]
    tracks = [track for tracks in data.rounds for track in tracks]
    lines = [("by-policy", "", "the policy drives"), ("by-expert", "", "the expert drives")]
    lines += [("by-hold", "", "held still")] if svg.steps_by(tracks)[Authority.HOLD] else []
    lines += [("cross", "", "failed here")] if not all(track.succeeded for track in tracks) else []
    return f"{legend(lines)}{panels(drawn)}"


def _about_round(r: Mapping[str, Any], tracks: Sequence[ToolPath]) -> str:
    steps = svg.steps_by(tracks)
    share = steps[Authority.EXPERT] / max(1, sum(steps.values()))
    head = f"<em>{many(len(tracks), 'episode')}</em><strong>Round {r['round']}</strong>"
    return f"{head}<br>the expert drove {percent(share)} of the steps {_drawn(tracks)}"


def _ribbon(tracks: Sequence[ToolPath]) -> str:
    steps = svg.steps_by(tracks)
    parts = "".join(f'<i class="{who.name.lower()}" style="flex:{count}"></i>' for who, count in steps.items() if count)
    return f'<div class="ribbon" aria-hidden="true">{parts}</div>'


# 4, 5, 6: training, film, run -----------------------------------------------------------------------------------------


def trained(data: ReportData) -> str:
    """Return the training curves."""
    curves = [curve for curve in data.curves if len(curve.steps)]
    if not curves:
        return absent("No training curves were recorded in this run.")
    drawn = [figure(charts.training_curve(curve), f"<strong>{escape(curve.name)}</strong>") for curve in curves]
    lines = [("train", "", "loss on the training data")]
    lines += [("held-out", "", "loss on episodes kept aside")] if any(len(curve.held_out) for curve in curves) else []
    return f"<p>{TRAINED}</p>{legend(lines)}{panels(drawn)}"


def filmed(data: ReportData) -> str:
    """Return the films of the arm."""
    players = clips.players(data.clips)
    if not players:
        return absent("No pictures of the arm were recorded in this run.")
    lines = [("by-policy", "", "POLICY"), ("by-expert", "", "EXPERT"), ("by-hold", "", "HOLD: nobody drives")]
    return f"<p>{FILMED}</p>{legend(lines)}{panels(players)}"


def run(data: ReportData) -> str:
    """Return times, speeds, seeds, versions, commands, and every number in one table."""
    results = data.results
    parts = [
        bars("Time by phase", results.get("wall_s") or {}, duration),
        bars("Speed against real time", results.get("real_time_factor") or {}, lambda f: f"{f:.1f} ×", about_factor),
        facts("Seeds", results.get("seeds")),
        facts("Versions", results.get("versions")),
    ]
    commands = "\n".join(map(escape, results.get("commands") or []))
    typed = f"<h3>Commands</h3><pre>{commands}</pre>" if commands else ""
    return f'<div class="sides">{"".join(parts)}</div>{typed}{_table(results)}'


def _table(results: Mapping[str, Any]) -> str:
    scores = [
        ((task, name), score)
        for task, policies in (results.get("policies") or {}).items()
        for name, score in policies.items()
    ]
    scores += [((f"round {r['round']}", ""), r) for r in results.get("rounds") or []]
    if not scores:
        return ""
    names = ("task", "policy", "success", "95 % interval", "episodes", "interventions", "labels")
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = "".join(_line(*names, score) for names, score in scores)
    table = f'<div class="scroll"><table><tr>{head}</tr>{lines}</table></div>'
    return f"<details><summary>Every number of this page in one table</summary>{table}</details>"


def _line(task: str, policy: str, score: Mapping[str, Any]) -> str:
    ends = interval(score["interval"]) if score.get("interval") else ""
    cells = [task, policy, percent(score.get("success")), ends]
    cells += [str(score.get(key, "")).replace("None", "") for key in ("episodes", "interventions", "labels")]
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
