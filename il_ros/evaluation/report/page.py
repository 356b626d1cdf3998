# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report: one HTML file that opens without a network and summarises the results, the most important first."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from il_ros.core.atomic_io import replace_file
from il_ros.core.errors import StorageError
from il_ros.evaluation.report import sections as report_sections
from il_ros.evaluation.report import svg
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.clips import Clip, as_json
from il_ros.evaluation.report.html import absent, duration, many, percent
from il_ros.evaluation.report.sections import ReportData
from il_ros.evaluation.report.svg import ToolPath, TopView

__all__ = ["Clip", "Curve", "ReportData", "TopView", "ToolPath", "page", "write_report"]

CHAPTERS = (
    ("shown", "What it was shown", report_sections.shown),
    ("made", "What each policy made of it", report_sections.made),
    ("corrected", "Corrected while it works", report_sections.corrected),
    ("trained", "How training went", report_sections.trained),
    ("film", "Watch the arm", report_sections.filmed),
    ("run", "How it was run", report_sections.run),
)


def write_report(path: Path | str, data: ReportData) -> Path:
    """Write the report and return its path; the file appears whole or not at all.

    Raises:
        StorageError: if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, page(data))
    except OSError as error:
        raise StorageError(f"report {path} cannot be written ({error}); free the disk or choose a path") from error
    return path


def page(data: ReportData) -> str:
    """Return the whole page as HTML."""
    sections = [
        f'<section id="{key}"><h2><small>{i}</small>{title}</h2>{chapter(data)}</section>'
        for i, (key, title, chapter) in enumerate(CHAPTERS, 1)
    ]
    return Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8")).substitute(
        title="Show it, watch it, correct it",
        lede=_lede(data),
        chapters="".join(f'<a href="#{key}">{title}</a>' for key, title, _ in CHAPTERS),
        headlines=_headlines(data),
        sections="\n".join(sections),
        footer=_footer(data.results),
        results=as_json(data.results),
    )


def _lede(data: ReportData) -> str:
    sentences = ["A simulated robot arm was shown by experts what to do, and learned to imitate them."]
    if any(len(svg.expert_shades(tracks)) == 2 for tracks in data.demonstrations.values()):
        sentences.append("Two of them disagree about the way, and not every policy copes with that.")
    if data.results.get("rounds"):
        sentences.append(
            "Where the arm still erred, an expert took over while it worked, and it learned from that, too."
        )
    sentences.append("Whatever it learned from is in ordinary ROS 2 bags.")
    return " ".join(sentences)


def _footer(results: Mapping[str, Any]) -> str:
    name, today = f"il_ros {(results.get('versions') or {}).get('il_ros', '')}".strip(), datetime.date.today()
    made = f"{escape(name)}, {today.day} {today:%B %Y}."
    return f"{made} This page needs no network: everything that it shows is inside this one file."


def _headlines(data: ReportData) -> str:
    results = data.results
    shown_task = data.rounds_task if report_sections.measured_rounds(results) else ""  # by the card on the rounds
    cards = [*_policies(results, shown_task), *_progress(results), *_interventions(results), *_speed(results)]
    if not cards:
        return absent("No numbers were handed to this report.")
    items = "".join(f"<div><dt>{text}</dt><dd>{value}</dd></div>" for value, text in cards)
    return f'<dl class="headlines">{items}</dl>'


def _policies(results: Mapping[str, Any], shown_task: str) -> list[tuple[str, str]]:
    cards = []
    for task, policies in (results.get("policies") or {}).items():
        ranked = sorted((p["success"], name) for name, p in policies.items() if p.get("success") is not None)
        if len(ranked) > 1 and task != shown_task:
            (low, worst), (high, best) = ranked[0], ranked[-1]
            text = f"success on <i>{escape(task)}</i>: the {escape(worst)} policy, and the {escape(best)} one"
            cards.append((f"<s>{percent(low)} vs</s> {percent(high)}", text))
    return cards


def _progress(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    rounds = report_sections.measured_rounds(results)
    if len(rounds) < 2:
        return []
    text = f"success of the policy alone, before and after {many(len(rounds) - 1, 'round')} of correction"
    # rounds end when one is good, so the last of them is kinder than a fresh look
    last = results.get("confirmed") or rounds[-1]
    return [(f"<s>{percent(rounds[0]['success'])} →</s> {percent(last['success'])}", text)]


def _interventions(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    rounds = [r for r in report_sections.measured_rounds(results) if r.get("interventions") is not None]
    corrected = [i for i, r in enumerate(rounds) if r["interventions"]]
    if not corrected or corrected[0] == len(rounds) - 1:
        return []
    first, last = rounds[corrected[0]], rounds[-1]
    text = f"times that the expert had to take over, in round {first['round']} and in round {last['round']}"
    return [(f"<s>{first['interventions']:,} →</s> {last['interventions']:,}", text)]


def _speed(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    cards = []
    factors = {name: factor for name, factor in (results.get("real_time_factor") or {}).items() if factor}
    if factors:
        name, best = max(factors.items(), key=lambda item: float(item[1]))
        cards.append((f"{best:.1f} ×", f"as fast as real time: the whole graph ({report_sections.about_factor(name)})"))
    if results.get("wall_s"):
        cards.append((duration(sum(results["wall_s"].values())), "from the first demonstration to the last number"))
    return cards
