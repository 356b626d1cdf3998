# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What fails in the running graph, a few times each: the arm stands, and rest is the last command."""

from __future__ import annotations

import argparse

import pytest

from benchmarks import faults

pytestmark = [pytest.mark.graph, pytest.mark.alone, pytest.mark.slow]


@pytest.mark.usefixtures("simulation")
def test_whatever_fails_the_arm_stands_soon_and_rest_is_the_last_command() -> None:
    told = faults.measure(argparse.Namespace(trials=len(faults.WAYS), exits=2, clocks=1, limits=3, seed=1))
    assert all(
        0.0 < seconds < 0.4 for times in told["stand_s"].values() for seconds in times
    )  # 0.25 on a quiet machine
    assert told["exits"] == {"trials": 2, "rest_is_last": 2}
    assert max(told["clock_s"]) < 1.0
    assert told["limits"]["worst_share"] <= 1.0 + 1e-6 and told["limits"]["steps"] > 30
