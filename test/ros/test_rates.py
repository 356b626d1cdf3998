# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rates are what happened since they were told last."""

from __future__ import annotations

from il_ros.ros.rates import Rates

S = 1_000_000_000


def test_a_rate_is_what_was_counted_since_it_was_told_last() -> None:
    rates = Rates(10 * S)
    rates.counts["joy"] += 30
    rates.counts["silent"] += 0
    assert rates.told(12 * S) == {"joy": 15.0, "silent": 0.0}
    rates.counts["joy"] += 4
    assert rates.told(13 * S) == {"joy": 4.0, "silent": 0.0}


def test_who_asks_again_at_once_hears_the_same() -> None:
    rates = Rates(0)
    rates.counts["joy"] += 10
    assert rates.told(S) == {"joy": 10.0}
    rates.counts["joy"] += 1
    assert rates.told(S + S // 10) == {"joy": 10.0}
    assert rates.told(2 * S) == {"joy": 1.0}
