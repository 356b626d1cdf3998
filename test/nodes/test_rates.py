# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Rates are what happened since they were told last."""

from __future__ import annotations

from il_ros.nodes.rates import Rates

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
