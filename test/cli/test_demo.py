# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demo tells its whole story, keeps the one before, and leaves no process behind, whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.graph, pytest.mark.slow, pytest.mark.usefixtures("simulation")]


def living(folder: Path) -> list[str]:
    """The commands of all processes that were started for a demo in ``folder``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(folder) in words and "il_ros" in words:
            found.append(words)
    return found


def demo(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "il_ros.cli", "demo", "--quick", "--folder", str(folder)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_the_demo_leaves_a_report_its_numbers_and_every_episode(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "results.json").write_text("the run before", encoding="utf-8")
    process = demo(folder)
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0, said
    assert living(folder) == []
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert set(results["policies"]["fork"]) == {"deterministic", "mixture", "diffusion"}
    assert set(results["policies"]["pick_place"]) == {"after round 0", "after round 1", "once more"}
    scores = [*results["policies"]["fork"].values(), *results["rounds"], results["confirmed"]]
    assert all({"success", "episodes", "interval"} <= set(score) for score in scores)
    assert [row["round"] for row in results["rounds"]] == [0, 1]
    assert {"interventions", "expert_s", "labels"} <= set(results["rounds"][1])
    assert set(results["real_time_factor"]) == {"processes", "composed"}
    assert all(results[key] for key in ("wall_s", "seeds", "versions"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    bags = list(folder.rglob("metadata.yaml"))
    assert len(bags) == 4 + 3 + (2 + 2) + 2 * 2  # as the quick plan says
    (kept,) = [path for path in tmp_path.iterdir() if path != folder]
    assert (kept / "results.json").read_text(encoding="utf-8") == "the run before"


@pytest.mark.parametrize(
    "farewell", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL]
)
def test_a_demo_that_is_ended_leaves_no_process_behind(tmp_path: Path, farewell: signal.Signals) -> None:
    folder = tmp_path / "demo"
    process = demo(folder)
    limit = time.monotonic() + 300
    while not list(folder.rglob("episode_*")):  # it is in the middle of the demonstrations
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.05)
    if farewell == signal.SIGINT:
        os.killpg(process.pid, farewell)  # as a terminal does
    else:
        process.send_signal(farewell)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[farewell], said
    limit = time.monotonic() + 15
    while living(folder) and time.monotonic() < limit:
        time.sleep(0.05)
    assert living(folder) == []
