# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every task must keep, the day that it lands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.errors import ConfigError
from il_ros.core.types import EpisodeStart
from il_ros.sim import tasks
from il_ros.sim.experts.steering import gap_taken
from il_ros.sim.tasks.base import StepState
from il_ros.sim.tasks.posts import TOOL_RADIUS_M, PostsTask

TASKS = tasks.available()
POSTS = [name for name in TASKS if isinstance(tasks.load(name), PostsTask)]
CROSSINGS = [name for name in POSTS if tasks.load(name).groove is None]
"""Tasks where a line is to be crossed and posts are to be passed, by one way or another."""
EXPERTS = [(task, expert) for task in POSTS for expert in tasks.load(task).experts]
SEEDS = (3, 1_000_004)


def state(place, elapsed_s=0.0, touched=False, poses=None):
    """A step at which the tool is at ``place``."""
    poses = np.zeros((1, 7)) if poses is None else poses
    still, held = np.zeros((len(poses), 6)), np.zeros(len(poses), dtype=bool)
    return StepState(elapsed_s, place, np.array([1.0, 0.0, 0.0, 0.0]), 1.0, poses, still, touched, held)


def test_the_tasks_of_the_lecture_are_there():
    assert {"avoid", "fork", "trace"} <= set(TASKS)
    assert len(tasks.load("avoid").experts) == 24


@pytest.mark.parametrize(("task", "expert"), EXPERTS)
def test_every_expert_solves_its_task_by_its_way_and_keeps_clear_of_posts_and_edge(task, expert, env_of, shown):
    env = env_of(task)
    for seed in SEEDS:
        rollout = shown(env, expert, seed)
        posts = env.task.layout(np.random.default_rng([seed, 0])).poses
        assert env.task.clearance(rollout.positions, posts) > 0.008
        assert (rollout.outcome, rollout.way) == ("success", env.task.experts.index(expert))
        spent_s = len(rollout.episode) / env.contract.rate_hz
        if task in CROSSINGS:
            assert spent_s < 0.75 * env.task.time_limit_s  # a person is slower than a script


@pytest.mark.parametrize("task", CROSSINGS)
def test_the_nearest_way_leads_to_success_from_wherever_the_episode_starts(task, env_of, shown):
    rollouts = [shown(env_of(task), "nearest", seed) for seed in range(100, 116)]
    assert [rollout.outcome for rollout in rollouts] == ["success"] * 16
    assert len({rollout.way for rollout in rollouts}) > 1


@pytest.mark.parametrize("task", CROSSINGS)
def test_of_consecutive_seeds_random_gives_each_expert_the_same_number(task):
    loaded = tasks.load(task)
    count = len(loaded.experts)
    blocks = [[loaded.draw("random", seed) for seed in range(k * count, (k + 1) * count)] for k in range(20)]
    assert all(sorted(block) == sorted(loaded.experts) for block in blocks)
    assert len(set(map(tuple, blocks))) > 1  # and not always in the same order
    assert blocks[3] == [tasks.load(task).draw("random", seed) for seed in range(3 * count, 4 * count)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["nearest", "first"])
def test_an_expert_who_is_named_is_never_drawn(task, name):
    loaded = tasks.load(task)
    wanted = loaded.experts[0] if name == "first" else name
    assert {loaded.draw(wanted, seed) for seed in range(50)} == {wanted}


@pytest.mark.parametrize("task", TASKS)
def test_an_unknown_expert_is_refused_with_the_known_ones(task):
    with pytest.raises(ConfigError, match=f"expert of task '{task}', 'nobody' is not known; choose from .*random"):
        tasks.ScriptedExpert(tasks.load(task), "nobody")


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_begins_one_episode_and_another_seed_another(task):
    loaded = tasks.load(task)

    def layout(seed):
        return loaded.layout(np.random.default_rng([seed, 0]))

    assert np.array_equal(layout(1).tool_start, layout(1).tool_start)
    assert not np.array_equal(layout(1).tool_start, layout(2).tool_start)
    for seed in range(50):
        drawn = layout(seed)
        assert loaded.clearance(drawn.tool_start[None, :2], drawn.poses) > 0.025
        assert len(drawn.poses) == len(loaded.bodies)
        assert loaded.outcome([state(drawn.tool_start)]) is None


@pytest.mark.parametrize("task", CROSSINGS)
def test_how_an_episode_ends(task):
    loaded = tasks.load(task)
    midway = np.array([(0.25 + loaded.finish_x_m) / 2, 0.0, 0.035])
    beyond = np.array([loaded.finish_x_m, 0.0, 0.035])
    aside = np.array([midway[0], 1.01 * loaded.half_width_m, 0.035])
    late = loaded.time_limit_s
    assert loaded.outcome([state(midway, late - 0.05)]) is None
    assert loaded.outcome([state(midway, late)]) == "timeout"
    assert loaded.outcome([state(beyond, late)]) == "success"
    assert loaded.outcome([state(beyond - [1e-6, 0, 0])]) is None
    assert loaded.outcome([state(beyond, touched=True)]) == "collision"  # whoever touches has failed, wherever it is
    assert loaded.outcome([state(aside)]) == loaded.outcome([state(-aside)]) == "lost"
    assert loaded.outcome([state(np.array([0.19, 0.0, 0.035]))]) == "lost"


coordinates = st.tuples(st.floats(0.2, 0.7), st.floats(-0.4, 0.4))


@pytest.mark.parametrize("task", CROSSINGS)
@given(points=st.lists(coordinates, min_size=1, max_size=6), seed=st.integers(0, 10))
def test_clearance_is_the_distance_from_the_rim_of_the_tool_to_that_of_the_nearest_post_or_the_edge(task, points, seed):
    loaded = tasks.load(task)
    posts = loaded.layout(np.random.default_rng(seed)).poses
    rims = [
        ((x - px) ** 2 + (y - py) ** 2) ** 0.5 - loaded.post_radius_m - TOOL_RADIUS_M
        for x, y in points
        for px, py in posts[:, :2]
    ]
    edges = [loaded.half_width_m - abs(y) for _, y in points]
    assert loaded.clearance(np.array(points), posts) == pytest.approx(min(rims + edges), abs=1e-12)


@pytest.mark.parametrize("task", CROSSINGS)
def test_a_scripted_expert_draws_anew_for_each_episode_and_equal_seeds_draw_alike(task):
    one, other = (tasks.ScriptedExpert(tasks.load(task), "random") for _ in range(2))
    drawn = []
    for seed in (5, 6, 7, 8, 5):
        for scripted in (one, other):
            scripted.reset(EpisodeStart(task, seed, 0))
        assert one.name == other.name
        drawn.append(one.name)
    assert drawn[0] == drawn[-1] and len(set(drawn)) > 1


@pytest.mark.parametrize("task", CROSSINGS)
def test_who_never_crossed_the_rows_has_taken_no_way(task):
    loaded = tasks.load(task)
    layout = loaded.layout(np.random.default_rng(0))
    states = [state(place, poses=layout.poses) for place in (layout.tool_start, layout.tool_start - [0.05, 0, 0])]
    assert loaded.way(states[:1]) is None
    assert loaded.way(states) is None


def test_the_gap_is_where_the_row_was_first_crossed():
    row = tasks.fork.ROW  # type: ignore[attr-defined]
    path = [np.array(p) for p in ((-0.1, 0.05), (0.0, 0.05), (-0.1, -0.05), (0.1, -0.05))]
    assert gap_taken(path, row, np.zeros(2)) == 0
    assert gap_taken([p + [0.3, 0] for p in path], row, np.array([0.3, 0.0])) == 0
    assert gap_taken(path[2:], row, np.zeros(2)) == 1


def test_an_unknown_task_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="task 'forc' is not known; choose from avoid, fork, .*did you mean 'fork'"):
        tasks.load("forc")
