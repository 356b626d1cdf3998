# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of late answers: what it calls smooth, and its page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from studies import late_answers
from studies.late_answers import DELAYS, POLICIES, LateJob

CONTRACT = Contract.load("panda_gripper")


def driven(velocity: np.ndarray) -> Any:
    """A rollout in which the tool is commanded (T, 3) m/s."""
    executed = np.zeros((len(velocity), len(CONTRACT.action)))
    executed[:, :3] = velocity
    executed[::2, 4] = 0.04  # the gripper opens and closes, which counts for nothing
    return SimpleNamespace(episode=SimpleNamespace(executed=executed))


def test_a_steady_acceleration_has_no_jerk_and_one_jump_has_the_jerk_of_its_two_steps() -> None:
    steady = np.linspace(0, 0.1, 21)[:, None] * np.ones(3)
    assert late_answers.smoothness([driven(steady)], CONTRACT)["jerk"] == pytest.approx(0.0, abs=1e-9)
    jump = np.zeros((12, 3))
    jump[6:, 0] = 0.02
    found = late_answers.smoothness([driven(jump)], CONTRACT)
    assert found["jerk"] == pytest.approx(2 * 0.02 * 20**2 / 10)  # two of ten second differences
    assert found["step_most"] == pytest.approx(0.02 / CONTRACT.max_step[0])


def test_the_page_has_a_row_for_each_cell_and_each_is_work_of_its_own() -> None:
    jobs = [LateJob(p, d, g, 10) for p in POLICIES for d in DELAYS for g in ((True, False) if d else (True,))]
    assert len({job.key() for job in jobs}) == len(jobs)
    table = [{**vars(job), "success": 9, "jerk": 6.0 + job.delay, "step_p99": 0.9, "step_most": 1.0} for job in jobs]
    page = late_answers.page(table)
    assert page.count("| 90% | 60% to 98% |") == len(jobs)
    assert "| `mixture` | as they come | 300 | 90% | 60% to 98% | 12.00 | 2.00 | 0.90 |" in page
