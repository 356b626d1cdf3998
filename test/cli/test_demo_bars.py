# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The bars of the demo: one that has stopped being told of is complete, and its clock stands."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from il_ros.cli.demo import QUICK, Story


def test_a_phase_is_complete_when_the_next_one_begins(tmp_path: Path) -> None:
    bars = Progress(disable=True)
    story = Story(tmp_path, QUICK, None, bars)
    story._phase("training", 2000)
    story._set(1921, 2000)  # its last report comes before its last step
    advance = story._phase("measured", 2)
    advance()
    training, measured = bars.tasks
    assert training.finished and training.completed == 2000
    assert not measured.finished and measured.completed == 1
