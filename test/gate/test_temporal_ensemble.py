# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Temporal ensembling."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig
from il_ros.gate.temporal_ensemble import TemporalEnsemble

STEP_NS = 50_000_000


def chunk(step: int, value: float, rows: int = 3) -> Chunk:
    return Chunk(step * STEP_NS, np.full((rows, 1), value))


def offered(*chunks: Chunk) -> TemporalEnsemble:
    ensemble = TemporalEnsemble(STEP_NS, decay=0.5)
    for one in chunks:
        ensemble.offer(one.stamp_ns, lambda one=one: one)
        ensemble.action(one.stamp_ns)
    return ensemble


def test_a_step_is_the_mean_of_all_chunks_that_reach_it_the_oldest_weighing_most() -> None:
    ensemble = offered(chunk(0, 1.0), chunk(1, 2.0), chunk(2, 4.0))
    weights = np.exp(-0.5 * np.arange(3))
    assert ensemble.action(2 * STEP_NS) == pytest.approx(weights @ [1.0, 2.0, 4.0] / weights.sum())


def test_chunks_that_do_not_reach_a_step_have_no_say() -> None:
    ensemble = offered(chunk(0, 1.0), chunk(2, 4.0))
    assert ensemble.action(3 * STEP_NS) == pytest.approx([4.0])
    assert ensemble.action(5 * STEP_NS) is None


def test_after_a_stop_only_what_comes_later_speaks() -> None:
    ensemble = offered(chunk(0, 1.0), chunk(1, 2.0))
    ensemble.stop()
    assert ensemble.action(STEP_NS) is None
    ensemble.offer(2 * STEP_NS, lambda: chunk(2, 4.0))
    assert ensemble.action(2 * STEP_NS) == pytest.approx([4.0])


def test_the_gate_plays_the_mean() -> None:
    contract = Contract.load("panda_plane")
    gate = Gate(contract, GateConfig(rule="none", ensembling=0.0))
    executed = []
    for step in range(4):
        stamp = step * contract.step_ns
        said = Chunk(stamp, np.full((16, 2), 0.01 * step))
        gate.offer_policy(stamp, lambda said=said: said, stamp)
        executed.append(gate.step(stamp, np.zeros(4, np.float32), stamp).executed[0])
    assert executed == pytest.approx([0.0, 0.005, 0.01, 0.015])
