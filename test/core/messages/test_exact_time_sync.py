# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A bag's messages are joined all at once as the live ones are joined one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.messages import ExactTimeSync, exact_join

TOPICS = ("a", "b", "c")
sequences = st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 6)), max_size=40)


@given(sequences | st.just([(topic, stamp) for stamp in range(5) for topic in TOPICS]))
def test_the_join_of_all_messages_is_that_of_one_after_the_other(sequence: list[tuple[str, int]]) -> None:
    sync = ExactTimeSync(TOPICS)
    live = [
        (stamp, order, [parts[topic] for topic in TOPICS])
        for order, (topic, at) in enumerate(sequence)
        for stamp, parts in filter(None, [sync.add(topic, at, order)])
    ]
    places = [np.array([n for n, (name, _) in enumerate(sequence) if name == topic], np.int64) for topic in TOPICS]
    own = [np.array([sequence[n][1] for n in place], np.int64) for place in places]
    stamps, orders, rows = exact_join(own, places)
    selected = [place[row] for place, row in zip(places, rows)]
    at_once = [
        (int(stamp), int(orders[t]), [int(each[t]) for each in selected]) for t, stamp in enumerate(stamps.tolist())
    ]
    assert at_once == live
