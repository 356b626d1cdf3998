# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The bench of the graph in miniature: what it measures happens, on both sides."""

from __future__ import annotations

import pytest

from benchmarks import graph

pytestmark = [pytest.mark.graph, pytest.mark.alone]


@pytest.mark.parametrize("stock", [False, True])
def test_a_ping_comes_back_between_processes_and_takes_a_time(stock: bool) -> None:
    assert 1.0 < graph.ping(stock, apart=True, rounds=20) < 1e6


def test_our_recorder_keeps_every_message_and_its_processor_time_is_told() -> None:
    told = graph.recorded(True, rate=5000, messages=2000)
    assert told["lost"] == 0 and told["us"] > 0 and told["rate"] > 0


def test_losses_are_added_up_and_ratios_are_those_of_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([20.0, 100.0, 40.0, 200.0])  # the machine slows down between the two pairs
    told = lambda ours, rate, messages: {"us": next(times), "lost": 0 if ours else 3, "rate": float(rate)}  # noqa: E731
    monkeypatch.setattr(graph, "recorded", told)
    row = graph._recorder_row(2000, 500, 2)
    assert (row["ours"], row["peer"], row["ratio"]) == (30.0, 150.0, 5.0)
    assert "0 and 6 of 1000" in row["compared"]
