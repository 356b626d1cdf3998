# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Camera pictures of an episode as a small film inside the report, with the word on who drives."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby, product
from typing import Any

import numpy as np
from PIL import Image

from il_ros.core.episode import Authority
from il_ros.core.errors import DataError
from il_ros.core.types import Array

BUDGET_BYTES = 5_000_000
"""What the pictures of all clips may take in the page, base64 included."""


@dataclass(frozen=True)
class Clip:
    """A film of F pictures."""

    title: str
    frames: list[Array] = field(repr=False)
    """(F) pictures, each (H, W, 3) uint8 RGB."""
    captions: list[str]
    """(F) captions that begin with who drives: ``EXPERT``, ``POLICY`` or ``HOLD``; what follows is shown beside it."""
    fps: float = 20.0
    """Pictures a second, at the arm's own speed."""

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.captions):
            raise DataError(f"clip {self.title!r} has {len(self.captions)} captions; give {len(self.frames)} of them")
        for frame in self.frames:
            if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
                raise DataError(f"clip {self.title!r} has a frame {frame.shape} {frame.dtype}; give (H, W, 3) uint8")


def players(clips: Sequence[Clip], budget_bytes: int = BUDGET_BYTES) -> list[str]:
    """Return one player a clip, as HTML; all together stay in the budget, at the cost of quality, then of pictures."""
    clips = [clip for clip in clips if clip.frames]
    every, quality = _thrift(clips, budget_bytes)
    return [_player(clip, [_uri(frame, quality) for frame in clip.frames[::every]], every) for clip in clips]


def _thrift(clips: Sequence[Clip], budget_bytes: int) -> tuple[int, int]:
    """Return which pictures to keep (every n-th) and their quality, judged by a sample, with a tenth in reserve."""
    step = 8
    sample = [frame for clip in clips for frame in clip.frames[::step]]
    choices = list(product((1, 2, 4, 8), (82, 60, 35)))
    for every, quality in choices:
        if step / every * sum(len(_uri(frame, quality)) for frame in sample) <= 0.9 * budget_bytes:
            return every, quality
    return choices[-1]


def driver(caption: str) -> tuple[str, str]:
    """Return who drives and the rest of the caption: ``EXPERT: too close`` gives ``("EXPERT", "too close")``."""
    match = re.match(rf"\s*({'|'.join(Authority.__members__)})\b[\s:,.–-]*(.*)", caption, re.IGNORECASE | re.DOTALL)
    return (match[1].upper(), match[2]) if match else ("", caption)


def as_json(data: Any) -> str:
    """Return JSON that may stand inside a ``script`` element; what JSON does not know is written as text."""
    return json.dumps(data, default=str).replace("<", "\\u003c")


def _uri(frame: Array, quality: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _player(clip: Clip, uris: list[str], every: int) -> str:
    notes = [driver(caption) for caption in clip.captions[::every]]
    film = {"frames": uris, "drivers": [who for who, _ in notes], "notes": [note for _, note in notes]}
    runs = [(who, len(list(run))) for who, run in groupby(who for who, _ in notes)]
    ribbon = "".join(f'<i class="{who.lower()}" style="flex:{count}"></i>' for who, count in runs)
    height, width = clip.frames[0].shape[:2]
    return (
        f'<figure class="player" data-fps="{clip.fps / every:g}"><div class="screen">'
        f'<img src="{uris[0]}" width="{width}" height="{height}" alt="{escape(clip.title)}">'
        f'<b class="who {notes[0][0].lower()}">{notes[0][0]}</b></div>'
        f'<div class="ribbon" aria-hidden="true">{ribbon}</div>'
        f'<div class="controls"><button type="button" aria-label="play">▶</button>'
        f'<input type="range" min="0" max="{len(uris) - 1}" value="0" aria-label="picture of {escape(clip.title)}">'
        f"<output>1 / {len(uris)}</output></div>"
        f"<figcaption><strong>{escape(clip.title)}</strong> "
        f'<span class="note">{escape(notes[0][1])}</span></figcaption>'
        f'<script type="application/json">{as_json(film)}</script></figure>'
    )
