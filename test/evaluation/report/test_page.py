# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report: what it shows is what the results say, and nothing is fetched from anywhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.episode import Authority
from il_ros.core.errors import DataError, StorageError
from il_ros.core.types import Array
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.report import charts, clips, svg
from il_ros.evaluation.report import html as html_elements
from il_ros.evaluation.report import page as report
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.clips import Clip
from il_ros.evaluation.report.page import ReportData, write_report
from il_ros.evaluation.report.svg import MapProjection, ToolPath, TopView

FORK = TopView(0.30, 0.70, -0.20, 0.20, ((0.5, 0.0, 0.03),), start=(0.33, 0.0))
ROWS = ((0.42, 0.0), (0.50, -0.06), (0.50, 0.06), (0.58, -0.12), (0.58, 0.0), (0.58, 0.12))
FINISH = ((0.66, -0.25), (0.66, 0.25))
AVOID = TopView(0.28, 0.72, -0.25, 0.25, tuple((x, y, 0.025) for x, y in ROWS), (FINISH,), (0.32, 0.0))
VOID = {"br", "img", "input", "link", "meta"}


def fork_track(rng: np.random.Generator, side: float, label: str, hits: bool = False) -> ToolPath:
    x = np.linspace(0.33, 0.46 if hits else 0.67, 40)
    bump = np.exp(-(((x - 0.5) / 0.06) ** 2)) * side * rng.normal(0.075, 0.006)
    y = bump + np.cumsum(rng.normal(0, 0.0012, len(x)))
    return track_of(x, y, "collision" if hits else "success", label)


def avoid_track(rng: np.random.Generator, label: str, hits: bool = False, expert: bool = False) -> ToolPath:
    lanes = np.cumsum(rng.choice([-0.06, 0.06], 3) * [0.75, 1.0, 1.0])
    x = np.linspace(0.32, 0.66, 60)
    y = np.interp(x, [0.32, 0.42, 0.50, 0.58, 0.66], [0.0, *lanes, lanes[-1]])
    y = np.convolve(np.pad(y, 4, mode="edge"), np.ones(9) / 9, "valid") + np.cumsum(rng.normal(0, 0.0008, len(x)))
    stop = int(rng.integers(16, 46)) if hits else len(x)
    track = track_of(x[:stop], y[:stop], "collision" if hits else "success", label)
    if expert:
        start = int(rng.integers(5, 25))
        track.authority[start : start + int(rng.integers(8, 24))] = Authority.EXPERT
    return track


def track_of(x: Array, y: Array, outcome: str, label: str) -> ToolPath:
    return ToolPath(np.column_stack([x, y]), np.full(len(x), Authority.POLICY, np.uint8), outcome, label)


def film(rng: np.random.Generator, frames: int = 24) -> Clip:
    rows, columns = np.mgrid[0:96, 0:128]
    pictures, captions = [], []
    for i in range(frames):
        glow = np.exp(-((columns - 20 - 88 * i / frames) ** 2 + (rows - 48 - 20 * np.sin(i / 4)) ** 2) / 150)
        pictures.append((np.stack([40 + 200 * glow, 60 + 90 * glow, 90 + rows], 2)).clip(0, 255).astype(np.uint8))
        captions.append("EXPERT: margin below 2 cm" if 8 <= i < 16 else "HOLD" if i == 16 else "POLICY")
    return Clip("Round 1, episode 3", pictures, captions)


def results_of(rounds: int = 5) -> dict[str, Any]:
    rates, taken, labels = (116, 151, 178, 189, 195), (None, 31, 17, 8, 3), (0, 702, 388, 171, 60)
    return {
        "policies": {
            "fork": {
                "deterministic": Success(3, 200).to_dict() | {"entropy": 0.0},
                "mixture": Success(197, 200).to_dict() | {"entropy": 0.993},
                "diffusion": Success(199, 200).to_dict() | {"entropy": 0.987},
            },
            "avoid": {"diffusion": Success(116, 200).to_dict() | {"entropy": 0.71}},
        },
        "rounds": [
            {"round": i, **Success(rates[i], 200).to_dict(), "interventions": taken[i], "labels": labels[i]}
            for i in range(rounds)
        ],
        "real_time_factor": {"processes": 17.3, "composed": 36.8},
        "wall_s": {"collect": 21.4, "train": 122.9, "evaluate": 61.2, "rounds": 83.0, "report": 2.1},
        "seeds": {"demonstrations": 0, "training": 1, "evaluation": [1000, 1199]},
        "versions": {"il_ros": "0.1.0", "ros": "jazzy", "rclpy": "7.1.6", "torch": "2.13.0", "python": "3.11.7"},
        "targets": {"rounds": 0.95},
        "commands": ["make demo", "il-ros evaluate runs/demo/fork/mixture --task fork --episodes 200 --json"],
    }


def data_of(seed: int = 0) -> ReportData:
    rng = np.random.default_rng(seed)

    def fork(count: int, hits: int = 0) -> list[ToolPath]:
        sides = rng.choice([-1.0, 1.0], count)
        return [fork_track(rng, s * (i >= hits), f"episode {i}", i < hits) for i, s in enumerate(sides)]

    def corrected(taken: int) -> list[ToolPath]:
        return [avoid_track(rng, f"episode {i}", i < taken // 6, i < taken) for i in range(20)]

    experts = [fork_track(rng, side, label) for label, side in (("left", 1.0), ("right", -1.0)) for _ in range(20)]
    ways = [avoid_track(rng, f"way {i % 9}") for i in range(27)]
    steps = np.arange(0, 4001, 50)
    loss = np.exp(-steps / 600) + 0.02
    return ReportData(
        results=results_of(),
        scenes={"fork": FORK, "avoid": AVOID},
        demonstrations={"fork": experts, "avoid": ways},
        rollouts={
            "fork": {"deterministic": fork(200, 197), "mixture": fork(200, 3), "diffusion": fork(200, 1)},
            "avoid": {"diffusion": [avoid_track(rng, f"episode {i}", hits=i < 84) for i in range(200)]},
        },
        rounds=[[], *(corrected(taken) for taken in (18, 12, 6, 2))],
        curves=[
            Curve("deterministic, fork", steps.tolist(), loss.tolist(), (loss * 1.3).tolist()),
            Curve("mixture, fork", steps.tolist(), (6 * loss - 9).tolist(), [float("nan"), *(6 * loss[1:] - 8.6)]),
            Curve("diffusion, fork", steps.tolist(), (loss * rng.uniform(0.8, 1.2, len(steps)) / 3).tolist()),
        ],
        clips=[film(rng)],
    )


class Page(HTMLParser):
    """Checks that every element is closed in order, and gathers the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.kinds: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds += (dict(attrs).get("class") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds += (dict(attrs).get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_report(tmp_path_factory.mktemp("runs") / "demo" / "report.html", data_of())
    return path.read_text(encoding="utf-8")


def test_the_page_fetches_nothing(html: str) -> None:
    assert not re.search(r"https?:|url\(|@import|(src|href)=[\"']?//", html)
    sources = re.findall(r"(?:src|href)=\"([^\"]*)\"", html)
    assert sources and all(source.startswith(("data:", "#")) for source in sources)
    assert "default-src 'none'" in html


def test_the_page_is_well_formed_and_small(html: str) -> None:
    page = Page(html)
    assert len(html.encode()) < 8_000_000
    assert page.kinds.count("scene") == 2 + 4 + 4
    assert page.kinds.count("player") == 1
    assert "absent" not in page.kinds


def test_every_number_of_the_results_is_on_the_page(html: str) -> None:
    text, results = Page(html).text, results_of()
    scores = [score for policies in results["policies"].values() for score in policies.values()]
    for score in [*scores, *results["rounds"]]:
        assert html_elements.percent(score["success"]).replace("\u202f", " ") in text
        assert html_elements.interval(score["interval"]).replace("\u202f", " ") in text
    for r in results["rounds"]:
        assert f" {r['labels']:,} " in text
    for words in ("17.3 ×", "36.8 ×", "2 min 3 s", "7.1.6", "target 95 %", "1.5 %", "99.5 %", "31 → 3"):
        assert words in text


def test_the_results_can_be_read_back_from_the_page(html: str) -> None:
    match = re.search(r'<script type="application/json" id="results">(.*?)</script>', html, re.DOTALL)
    assert match and json.loads(match[1]) == results_of()


@pytest.mark.parametrize("name", ["scenes", "demonstrations", "rollouts", "rounds", "curves", "clips"])
def test_a_missing_part_is_named_and_the_rest_stands(name: str) -> None:
    empty = type(getattr(data_of(), name))()
    page = Page(report.page(replace(data_of(), **{name: empty})))
    assert "absent" in page.kinds
    assert "99.5 %" in page.text


def test_a_report_of_nothing_says_so() -> None:
    page = Page(report.page(ReportData({})))
    assert page.kinds.count("absent") >= 6


def test_names_from_outside_cannot_break_the_page() -> None:
    rude = '</script><img src="x">&'
    track = replace(data_of().demonstrations["fork"][0], label=rude)
    results = results_of() | {"commands": [rude], "policies": {rude: {rude: Success(1, 2).to_dict()}}}
    clip = replace(film(np.random.default_rng(0)), title=rude)
    html = report.page(ReportData(results, {rude: FORK}, {rude: [track]}, {rude: {rude: [track]}}, clips=[clip]))
    assert rude not in html
    Page(html)


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file/report.html"):
        write_report(tmp_path / "file" / "report.html", ReportData({}))


def test_forward_is_up_and_left_is_left() -> None:
    view = MapProjection(AVOID)
    (x, y), (x_ahead, y_ahead), (x_left, y_left) = view.point(0.4, 0.0), view.point(0.5, 0.0), view.point(0.4, 0.1)
    assert (x_ahead, x_left < x) == (x, True)
    assert y_ahead < y and y_left == y
    assert x - x_left == pytest.approx(y - y_ahead) == pytest.approx(0.1 * view.scale)


def test_line_drops_what_is_not_finite_and_ends_where_the_path_ends() -> None:
    points = np.array([[0.0, 0.0], [np.nan, 1.0], [0.1, 0.0], [5.0, 5.0], [5.1, 5.0]])
    assert svg.line(points) == "M0.0 0.0L5.0 5.0L5.1 5.0"
    assert svg.line(np.empty((0, 2))) == ""


def test_experts_are_told_apart_from_right_to_left() -> None:
    assert svg.expert_shades(data_of().demonstrations["fork"]) == {"right": 0.0, "left": 1.0}


def test_spans_cover_every_step_once() -> None:
    authority = np.random.default_rng(0).integers(0, 3, 200).astype(np.uint8)
    rebuilt = [who for start, stop, who in svg.spans_of(authority) for _ in range(start, stop)]
    assert rebuilt == authority.tolist()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-9.3, 4.1), (0.0, 702.0), (1e-4, 3e-4)])
def test_ticks_enclose_the_data_and_are_few(low: float, high: float) -> None:
    ticks = charts.nice_ticks(low, high, 4)
    assert ticks[0] <= low and ticks[-1] >= high * (1 - 1e-6)
    assert 3 <= len(ticks) <= 8


def test_clips_stay_within_their_budget() -> None:
    clip = film(np.random.default_rng(0), frames=40)
    assert len("".join(clips.players([clip], budget_bytes=20_000))) < 26_000


def test_who_drives_is_read_from_the_caption() -> None:
    assert clips.driver("EXPERT: too close") == ("EXPERT", "too close")
    assert clips.driver("policy") == ("POLICY", "")
    assert clips.driver("expertly done") == ("", "expertly done")


def test_what_does_not_fit_together_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="track 'a'"):
        ToolPath(np.zeros((3, 2)), np.zeros(4, np.uint8), "success", "a")
    with pytest.raises(DataError, match="clip 'b'"):
        Clip("b", [], ["POLICY"])
    with pytest.raises(DataError, match="low < high"):
        TopView(1.0, 0.0, 0.0, 1.0)
