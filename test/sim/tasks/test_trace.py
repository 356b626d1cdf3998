# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The task with a long horizon: what counts as following, what it costs to stray."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.errors import ConfigError
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.tasks.base import StepState
from il_ros.sim.tasks.trace import ASTRAY_M, GROOVE, LAP_M

TRACE = tasks.load("trace:horizon_s=6")


def along(metres: float, steps: int, aside: float = 0.0) -> list[np.ndarray]:
    """So far along the groove, from its first point on, at an even speed and so far beside it."""
    index = np.linspace(0.0, metres / LAP_M * len(GROOVE), steps + 1).astype(int) % len(GROOVE)
    middle = GROOVE.mean(0)
    outward = GROOVE[index] - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return list(np.column_stack([GROOVE[index] + aside * outward, np.full(steps + 1, 0.035)]))


def states(path, elapsed_s, touched=False):
    """Steps along a path, judged at a time."""
    upright, pose, still = np.array([1.0, 0.0, 0.0, 0.0]), np.zeros((1, 7)), np.zeros((1, 6))
    return [StepState(elapsed_s, place, upright, 1.0, pose, still, touched, np.zeros(1, dtype=bool)) for place in path]


def test_the_groove_is_closed_and_leaves_room_for_the_post():
    gaps = np.linalg.norm(np.roll(GROOVE, -1, axis=0) - GROOVE, axis=1)
    assert gaps.max() < 0.002
    assert gaps.sum() == pytest.approx(LAP_M)
    assert np.linalg.norm(GROOVE - GROOVE.mean(0), axis=1).min() > 0.09


@pytest.mark.parametrize("horizon_s", [1, 6, 60.0])
def test_an_episode_is_as_long_as_its_horizon(horizon_s):
    task = tasks.load(f"trace:horizon_s={horizon_s}")
    path = along(0.1 * horizon_s, 50)
    assert task.outcome(states(path, horizon_s - 0.05)) is None
    assert task.outcome(states(path, horizon_s)) is not None


@pytest.mark.parametrize(
    ("metres", "aside", "outcome"),
    [
        (0.9, 0.0, "success"),
        (0.6, 0.0, "timeout"),  # too slow
        (-0.9, 0.0, "timeout"),  # the wrong way round
        (0.9, 0.03, "timeout"),
        (0.0, 0.0, "timeout"),
    ],
)
def test_who_keeps_to_the_groove_and_keeps_going_succeeds(metres, aside, outcome):
    assert TRACE.outcome(states(along(metres, 120, aside), 6.0)) == outcome


def test_laps_add_up():
    assert tasks.load("trace:horizon_s=20").outcome(states(along(2.9, 400), 20.0)) == "success"


def test_who_touches_the_post_has_failed_at_once():
    assert TRACE.outcome(states(along(0.9, 120), 0.05, touched=True)) == "collision"


def test_cost_counts_the_steps_outside_and_clearance_tells_who_is_astray():
    path = np.array(along(0.5, 40, 0.008) + along(0.5, 40, 0.02))[:, :2]
    assert TRACE.costs(path).tolist() == [0.0] * 41 + [1.0] * 41
    assert TRACE.clearance(path, np.empty((0, 3))) == pytest.approx(ASTRAY_M - TRACE.distances(path).max())


def test_the_expert_finds_back_from_wherever_the_tool_is(shown, env_of):
    env = env_of("trace")
    steer = env.task.expert("tracer", np.random.default_rng(0))
    env.reset(seed=0)
    reading, aside = env.reading(), []
    for step in range(60):
        velocity = np.array([0.2, 0.1]) if step < 8 else steer(reading)
        reading, outcome = env.advance(velocity)
        aside.append(TRACE.distances(reading.tool_position[None, :2])[0])
        assert outcome is None
    assert max(aside) > 0.03 and aside[-1] < 0.003


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("trace:horizon_s=0.5", "horizon_s is 0.5; it must be from 1 to 3600"),
        ("trace:horizon=5", "horizon"),
        ("trace:horizon_s", "'horizon_s' is no option; write name=value"),
        ("trace:horizon_s=long", "horizon_s is 'long'; it must be a number"),
        ("fork:width=3", "'width' is not known; it takes no options"),
    ],
)
def test_an_option_that_cannot_be_is_refused(name, says):
    with pytest.raises(ConfigError, match=says):
        tasks.load(name)


def test_the_groove_is_seen():
    with_groove, without = ArmEnv("trace"), ArmEnv("fork")
    try:
        for env in (with_groove, without):
            env.reset(seed=0)
        blue = [((p := env.render().astype(int))[..., 2] - p[..., 0] > 60).sum() for env in (with_groove, without)]
        assert blue[0] > 100
    finally:
        with_groove.close()
        without.close()
