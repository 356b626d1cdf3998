# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""After a silence what was held up comes at once; on time is what comes as it used to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.core.types import SILENCE_NS, Chunk
from il_ros.gate import Gate, GateConfig
from il_ros.gate.burst_detector import StaleBurstDetector

MS = 1_000_000
CONTRACT = Contract.load("panda_plane")


def late(times_ms: list[float]) -> list[bool]:
    backlog = StaleBurstDetector()
    return [backlog.is_late(round(t * MS)) for t in times_ms]


@given(st.lists(st.floats(5.0, 190.0), min_size=2, max_size=60))
def test_without_a_silence_nothing_is_late_however_unsteady_it_comes(intervals):
    assert not any(late(np.cumsum(intervals).tolist()))


@given(
    st.floats(10.0, 100.0),
    st.integers(5, 40),
    st.floats(SILENCE_NS / MS + 1, 5000.0),
    st.integers(1, 80),
    st.integers(2, 20),
)
def test_what_comes_at_once_after_a_silence_is_late_and_what_follows_as_usual_is_not(
    usual, before, silence, held, after
):
    steady = [usual * i for i in range(before)]
    back = steady[-1] + silence
    burst = [back + 0.3 * i for i in range(held)]
    on_time = [burst[-1] + usual * (i + 1) for i in range(after)]
    told = late(steady + burst + on_time)
    assert told == [False] * before + [True] * held + [False] * after


def test_an_episode_that_begins_has_no_backlog():
    backlog = StaleBurstDetector()
    assert not any(backlog.is_late(50 * MS * i) for i in range(5))
    backlog.reset()
    assert not backlog.is_late(10**12)


def test_nobody_drives_a_step_whose_observation_is_late_and_the_record_says_why():
    step = CONTRACT.step_ns
    for rule in ("none", "human", "demonstration"):
        gate, records = Gate(CONTRACT, GateConfig(rule=rule)), []
        for i in range(1, 30):
            stamp, is_late = i * step, 10 <= i < 20
            chunk = Chunk(stamp, np.full((8, 2), 0.1), "somebody", engaged=rule == "demonstration")
            gate.offer_policy(stamp, lambda chunk=chunk: chunk, stamp)
            gate.offer_expert(chunk, stamp)
            records.append(gate.step(stamp, np.zeros(4, np.float32), stamp, is_late))
        driver = Authority.EXPERT if rule == "demonstration" else Authority.POLICY
        assert [r.authority for r in records[5:9]] == [driver] * 4
        assert [r.authority for r in records[9:19]] == [Authority.HOLD] * 10
        assert records[9].reason.endswith("_lost: late observation")
        assert {r.authority for r in records[19:]} == {driver}
