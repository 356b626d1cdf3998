# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which image belongs to which step: live, message by message, and for a whole bag alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from il_ros.core.contract import ImageComponent
from il_ros.core.messages import CameraBuffer, aligned, due_ns

STEP_NS = 50_000_000


def camera(rate_hz=10.0, stale_s=0.0):
    return ImageComponent("front", "image", width=1, height=1, rate_hz=rate_hz, stale_s=stale_s)


def picture(value):
    return np.full((1, 1, 3), value % 256, np.uint8)


@given(st.data())
def test_live_and_batch_agree_whatever_the_order_of_arrival(data):
    stamps = data.draw(st.lists(st.integers(0, 400), max_size=40))
    steps = sorted(data.draw(st.sets(st.integers(0, 400), min_size=1, max_size=20)))
    stale = data.draw(st.integers(1, 120))
    # An image may come at any moment before the first step that it could belong to is asked for.
    before = [data.draw(st.integers(0, int(np.searchsorted(steps, stamp)))) for stamp in stamps]
    arrival = sorted(range(len(stamps)), key=lambda n: before[n])
    buffer, live = CameraBuffer(camera(stale_s=stale / 1e9)), []
    for turn, step in enumerate(steps):
        for n in arrival:
            if before[n] == turn:
                buffer.add(stamps[n], picture(n))
        live.append(buffer.at(step)[1])
    in_order = np.array([stamps[n] for n in arrival], np.int64)
    rows = aligned(in_order, np.array(steps), stale)
    expected = [None if row < 0 else picture(arrival[row]) for row in rows]
    assert all((a is None) == (b is None) and (a is None or np.array_equal(a, b)) for a, b in zip(live, expected))
    for step, row in zip(steps, rows):
        fresh = [stamp for stamp in stamps if 0 <= step - stamp <= stale]
        assert (row < 0) == (not fresh) and (row < 0 or in_order[row] == max(fresh))


@settings(max_examples=25)
@given(st.sampled_from([0.7, 5.0, 10.0, 15.0, 20.0, 29.97, 30.0, 100.0]), st.integers(0, 10**12))
def test_a_simulated_camera_keeps_its_rate_and_no_step_waits_for_an_image_that_is_never_taken(rate_hz, first_ns):
    stamps = [first_ns + n * STEP_NS for n in range(200)]
    due = [due_ns(camera(rate_hz), first_ns, stamp, STEP_NS) for stamp in stamps]
    taken = [stamp for stamp, newest in zip(stamps, due) if newest == stamp]
    assert taken[0] == first_ns and sorted(set(due)) == taken
    assert all(max(each for each in taken if each <= stamp) == newest for stamp, newest in zip(stamps, due))
    assert abs(len(taken) - min(rate_hz, 20.0) * 10) <= 1


def test_a_camera_is_frozen_if_its_image_stays_while_something_moves():
    buffer, still = CameraBuffer(camera()), np.zeros(3)
    for n in range(13):
        buffer.add(n * 100_000_000, picture(7))
        assert not buffer.is_frozen(still)
    assert buffer.frozen_ns == 1_200_000_000 and buffer.is_frozen(still + 0.01)
    buffer.add(1_300_000_000, picture(8))
    assert not buffer.is_frozen(still + 0.02) and buffer.frozen_ns == 0


@pytest.mark.parametrize("age_ns", [0, 1, 300_000_000, 300_000_001])
def test_an_image_counts_until_it_is_three_periods_old(age_ns):
    buffer = CameraBuffer(camera(10.0))
    buffer.add(5, picture(1))
    found_ns, image = buffer.at(5 + age_ns)
    assert found_ns == age_ns and (image is not None) == (age_ns <= 300_000_000)
    assert buffer.at(4) == (-1, None)


def test_a_clock_that_is_set_back_needs_no_new_buffer():
    buffer = CameraBuffer(camera())
    for stamp in (9_000_000_000, 9_100_000_000, 100_000_000):
        buffer.add(stamp, picture(stamp // 100_000_000))
    assert np.array_equal(buffer.at(150_000_000)[1], picture(1))
