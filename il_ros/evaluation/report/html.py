# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pieces of a report's page: numbers as people read them, rows, bars, tables, figures and legends, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any


def percent(share: float | None) -> str:
    """Format ``0.985`` as ``98.5 %``."""
    return "not measured" if share is None else f"{100 * share:.1f}".removesuffix(".0") + "\u202f%"


def interval(shares: Sequence[float]) -> str:
    """Format ``[0.957, 0.995]`` as ``95.7 to 99.5 %``."""
    return f"{percent(shares[0])[:-2]} to {percent(shares[1])}"


def duration(seconds: float) -> str:
    """Format ``312.4`` as ``5 min 12 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def many(count: int, noun: str) -> str:
    """Format a count as ``1 round``, ``4 rounds``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def figure(picture: str, caption: str) -> str:
    """Return a picture and what is written below it."""
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def panels(figures: Sequence[str]) -> str:
    """Lay figures side by side, as many in a row as the screen allows."""
    return f'<div class="panels of{len(figures)}">{"".join(figures)}</div>'


def absent(text: str) -> str:
    """Return a placeholder for a part that this run does not have."""
    return f'<p class="absent">{text}</p>'


def legend(entries: Sequence[tuple[str, str, str]]) -> str:
    """Return what the lines mean: one entry for each ``(CSS class of the line, its style, text)``."""
    items = "".join(
        f'<li><svg viewBox="0 0 34 12" aria-hidden="true"><path class="{kind}" style="{style}" '
        f'd="{"M13 2l8 8m-8 0l8-8" if kind == "cross" else "M2 6H32"}"/></svg>{text}</li>'
        for kind, style, text in entries
    )
    return f'<ul class="legend">{items}</ul>'


def rows(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a dot with its interval for each name; a score has ``success``, ``interval``, ``episodes``."""
    measured = {name: score for name, score in scores.items() if score.get("success") is not None}
    if not measured:
        return absent("No success rates were measured for this task.")
    ticks = "".join(f'<span style="left:{tick}%">{tick} %</span>' for tick in (0, 25, 50, 75, 100))
    lines = "".join(_row(name, score) for name, score in measured.items())
    return f'<div class="rows">{lines}<div class="row axis"><span></span><div class="ticks">{ticks}</div></div></div>'


def _row(name: str, score: Mapping[str, Any]) -> str:
    rate, (low, high) = 100 * score["success"], (100 * end for end in score["interval"])
    entropy = f" · entropy {score['entropy']:.2f}" if score.get("entropy") is not None else ""
    return (
        f'<div class="row"><b>{escape(name)}</b><div class="scale">'
        f'<i style="left:{low:.2f}%;width:{high - low:.2f}%"></i><b style="left:{rate:.2f}%"></b></div>'
        f'<b class="value">{percent(score["success"])}</b>'
        f'<span class="detail">{interval(score["interval"])} of {score["episodes"]} episodes{entropy}</span></div>'
    )


def bars(
    title: str, values: Mapping[str, Any], say: Callable[[float], str], name_of: Callable[[str], str] = str
) -> str:
    """Return a small bar chart of named values; ``say`` writes a value, ``name_of`` a name."""
    known = {name: float(value) for name, value in values.items() if value is not None}
    if not known:
        return f"<div><h3>{title}</h3>{absent('Not measured in this run.')}</div>"
    most = max(known.values()) or 1.0
    lines = "".join(
        f'<div class="row"><span>{escape(name_of(name))}</span><div class="lane">'
        f'<span class="bar" style="width:{100 * value / most:.1f}%"></span></div>'
        f'<b class="value">{say(value)}</b></div>'
        for name, value in known.items()
    )
    return f'<div><h3>{title}</h3><div class="rows">{lines}</div></div>'


def facts(title: str, facts: Any) -> str:
    """Return a small table of names and values."""
    if not facts:
        return f"<div><h3>{title}</h3>{absent('Not handed to this report.')}</div>"
    pairs = facts.items() if isinstance(facts, Mapping) else [("", facts)]
    rows = "".join(f"<tr><th>{escape(str(k))}</th><td>{escape(_plain(v))}</td></tr>" for k, v in pairs)
    return f'<div><h3>{title}</h3><div class="scroll"><table>{rows}</table></div></div>'


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, (list, tuple)) else str(value)
