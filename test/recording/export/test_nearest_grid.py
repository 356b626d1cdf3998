# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest

from il_ros.recording.export.nearest_grid import ResamplingError, nearest, stretches

SEEDS = range(4)


def report_of(episode, contract):
    error = ResamplingError(contract)
    for stretch in stretches(episode, contract.rate_hz):
        error.add(episode, stretch)
    return error.report()


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_steps_on_the_grid_are_shown_one_by_one_without_any_error(make_episode, contract, even, count):
    episode = make_episode(even(count))
    (stretch,) = stretches(episode, contract.rate_hz)
    assert stretch.rows.tolist() == list(range(count))
    np.testing.assert_array_equal(stretch.times_ns, episode.stamps_ns)
    report = report_of(episode, contract)
    assert report["time_ms"] == {"greatest": 0.0, "rms": 0.0}
    assert not any(report["observation"].values()) and not any(report["action"].values())
    assert (report["repeated"], report["left_out"]) == (0, 0)


def test_an_episode_without_steps_has_no_stretch(make_episode, contract):
    assert list(stretches(make_episode(np.empty(0)), contract.rate_hz)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frame_shows_the_nearest_step_of_its_own_side_of_a_gap(make_episode, contract, offsets, seed):
    episode = make_episode(offsets(60, seed, jitter=0.24, gaps=3))
    gaps = np.cumsum(np.diff(episode.stamps_ns, prepend=episode.stamps_ns[0]) > 1.5 * contract.step_ns)
    found = list(stretches(episode, contract.rate_hz))
    assert len(found) == 4
    for number, stretch in enumerate(found):
        assert set(gaps[stretch.rows]) == {number}
        own = np.flatnonzero(gaps == number)
        away = np.abs(episode.stamps_ns[own] - stretch.times_ns[:, None])
        np.testing.assert_array_equal(np.abs(episode.stamps_ns[stretch.rows] - stretch.times_ns), away.min(axis=1))
        assert set(np.diff(stretch.times_ns)) <= {contract.step_ns} and stretch.times_ns[0] == episode.stamps_ns[own[0]]


@pytest.mark.parametrize("seed", range(20))
def test_a_gap_can_still_be_told_from_the_frames(make_episode, contract, offsets, seed):
    """Even one that is hardly longer than a step and a half, with a stretch before it that ends between two frames."""
    when = offsets(12, seed, jitter=0.2, gaps=0)
    when[6:] += round(1.5 * contract.step_ns) + 1 - (when[6] - when[5])
    episode = make_episode(when)
    before, after = stretches(episode, contract.rate_hz)
    assert after.times_ns[0] - before.times_ns[-1] > 1.5 * contract.step_ns


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pace", [0.9, 1.0, 1.15])
def test_the_error_that_is_told_is_the_one_that_is_made(make_episode, contract, offsets, seed, pace):
    episode = make_episode(offsets(50, seed, pace=pace))
    report = report_of(episode, contract)
    away_ms, change, shown, frames = [], [], set(), 0
    for stretch in stretches(episode, contract.rate_hz):
        span = slice(stretch.start, stretch.stop)
        for time_ns, row in zip(stretch.times_ns, stretch.rows):
            away_ms.append(abs(int(episode.stamps_ns[row]) - int(time_ns)) / 1e6)
            for name, values in (("tool_y", episode.observations[:, 1]), ("tool_vx", episode.executed[:, 0])):
                x = (episode.stamps_ns[span] - time_ns).astype(float)
                change.append((name, abs(float(values[row]) - np.interp(0.0, x, values[span].astype(float)))))
        shown |= set(stretch.rows.tolist())
        frames += len(stretch.rows)
    assert report["time_ms"]["greatest"] == pytest.approx(max(away_ms))
    assert report["time_ms"]["rms"] == pytest.approx(np.sqrt(np.mean(np.square(away_ms))))
    for kind, name in (("observation", "tool_y"), ("action", "tool_vx")):
        assert report[kind][name] == pytest.approx(max(c for n, c in change if n == name), abs=1e-9)
    assert report["left_out"] == len(episode) - len(shown) and report["repeated"] == frames - len(shown)


@pytest.mark.parametrize(("pace", "counted"), [(0.9, "left_out"), (1.1, "repeated")])
def test_another_pace_than_the_contracts_is_counted(make_episode, contract, offsets, pace, counted):
    report = report_of(make_episode(offsets(100, jitter=0.0, gaps=0, pace=pace)), contract)
    assert report[counted] == pytest.approx(10, abs=1)
    assert report["time_ms"]["greatest"] <= 0.75 * contract.step_ns / 1e6


def test_of_two_steps_that_are_equally_near_the_earlier_is_shown():
    assert nearest(np.array([0, 10]), np.array([-3, 4, 5, 6, 99])).tolist() == [0, 0, 0, 1, 1]
    assert nearest(np.array([7]), np.array([0, 7, 8])).tolist() == [0, 0, 0]
