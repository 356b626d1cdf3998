# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rates are counted since the last report; a message counts from when it arrived, whatever delayed it since."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from il_ros.ros.message_timing import WINDOW_NS, ArrivalTimes, Rates

WALL_NS = 1_700_000_000 * 10**9
"""By how much the system's clock is ahead of the steady one."""
JOURNEY_NS = 300_000
PERIOD_NS = 50_000_000
SECOND_NS = 1_000_000_000
skews = st.integers(-(10**15), 10**15)


class Reader:
    """Reads messages of a publisher whose clock is another."""

    def __init__(self, skew_ns=0):
        self.skew_ns, self.arrivals = skew_ns, ArrivalTimes()

    def read(self, sent_ns, read_ns, received_ns=None):
        """How old the message is reckoned to be when it is read; times by the steady clock."""
        received_ns = sent_ns + JOURNEY_NS if received_ns is None else received_ns
        arrived_ns = self.arrivals.arrived(
            read_ns, read_ns + WALL_NS, received_ns + WALL_NS, sent_ns + WALL_NS + self.skew_ns
        )
        return read_ns - arrived_ns


@given(skews, st.integers(0, 10**10))
def test_what_waited_in_this_process_is_as_old_as_it_is(skew_ns, waited_ns):
    reader = Reader(skew_ns)
    assert reader.read(10**9, 10**9 + JOURNEY_NS + waited_ns) == waited_ns


@given(skews, st.integers(0, 10**10))
def test_what_waited_while_the_whole_process_stood_still_is_as_old_as_it_is(skew_ns, stalled_ns):
    reader, now_ns = Reader(skew_ns), 10**9
    for _ in range(5):
        now_ns += PERIOD_NS
        assert reader.read(now_ns, now_ns + JOURNEY_NS) == 0
    read_ns = now_ns + PERIOD_NS + stalled_ns + JOURNEY_NS
    assert reader.read(now_ns + PERIOD_NS, read_ns, received_ns=read_ns) == stalled_ns


@given(skews, skews)
def test_a_clock_that_is_set_is_followed_again_after_a_while(before_ns, after_ns):
    reader, now_ns = Reader(before_ns), 10**9
    ages = []
    for step in range(3 * WINDOW_NS // PERIOD_NS):
        reader.skew_ns = before_ns if step < 10 else after_ns
        now_ns += PERIOD_NS
        ages.append(reader.read(now_ns, now_ns + JOURNEY_NS))
    assert all(age == 0 for age in ages[:10]) and ages[-1] == 0
    assert all(age == 0 for age in ages) or before_ns > after_ns  # until then it counts as late, never as early


def test_a_middleware_that_tells_no_times_is_taken_at_its_word():
    assert ArrivalTimes().arrived(5, 10**18, 0, 0) == 5


def test_a_rate_is_what_was_counted_since_the_last_report() -> None:
    rates = Rates(10 * SECOND_NS)
    rates.counts["joy"] += 30
    rates.counts["silent"] += 0
    assert rates.per_second(12 * SECOND_NS) == {"joy": 15.0, "silent": 0.0}
    rates.counts["joy"] += 4
    assert rates.per_second(13 * SECOND_NS) == {"joy": 4.0, "silent": 0.0}


def test_rates_asked_for_again_at_once_are_the_same() -> None:
    rates = Rates(0)
    rates.counts["joy"] += 10
    assert rates.per_second(SECOND_NS) == {"joy": 10.0}
    rates.counts["joy"] += 1
    assert rates.per_second(SECOND_NS + SECOND_NS // 10) == {"joy": 10.0}
    assert rates.per_second(2 * SECOND_NS) == {"joy": 1.0}
