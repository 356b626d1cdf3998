# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the report draws is what happened."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.evaluation.report import trajectories
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim import tasks

CONTRACT = Contract.load("panda_plane")
PLANE_TASKS = [name for name in tasks.available() if tasks.load(name).contract == "panda_plane"]


@pytest.fixture(scope="module")
def rollout(env_of, device):
    gate = Gate(CONTRACT, GateConfig(rule="demonstration"))
    return run_episode(env_of("fork"), gate, 2, None, device("scripted", "fork", "left"))


@pytest.mark.parametrize("task", PLANE_TASKS)
def test_the_scene_has_room_for_every_post_the_starts_and_the_finish_line(task):
    loaded = tasks.load(task)
    scene = trajectories.scene(loaded)
    layouts = [loaded.layout(np.random.default_rng(seed)) for seed in range(50)]
    assert len(scene.obstacles) == len(layouts[0].poses)
    for x, y, radius in scene.obstacles:
        assert scene.x_low < x - radius and x + radius < scene.x_high
        assert scene.finish_x is None or x + radius < scene.finish_x < scene.x_high
        assert scene.y_low < y - radius and y + radius < scene.y_high
    for layout in layouts:
        assert scene.x_low < layout.tool_start[0] < scene.x_high
        assert scene.y_low < layout.tool_start[1] < scene.y_high
    assert bool(scene.groove) != (scene.finish_x is not None)  # one of both is to be seen
    assert all(scene.x_low < x < scene.x_high and scene.y_low < y < scene.y_high for x, y in scene.groove)


def test_a_start_is_drawn_where_it_is_always_the_same_and_not_where_it_is_anywhere():
    fork, avoid = trajectories.scene(tasks.load("fork")), trajectories.scene(tasks.load("avoid"))
    assert fork.start == pytest.approx((0.31, 0.0), abs=0.011)
    assert avoid.start is None


def test_a_recorded_path_is_what_the_policy_saw(rollout):
    track = trajectories.recorded(rollout.episode, CONTRACT, "left")
    assert np.array_equal(track.positions, rollout.episode.observations[:, :2])
    assert (track.outcome, track.label) == ("success", "left")
    assert set(track.authority) == {Authority.EXPERT}


def test_the_columns_of_a_recorded_path_go_by_name(rollout):
    plain = CONTRACT.to_dict()
    turned = Contract.from_dict("turned", {**plain, "observation": dict(reversed(plain["observation"].items()))})
    track = trajectories.recorded(rollout.episode, turned, "left")
    assert np.array_equal(track.positions, rollout.episode.observations[:, [3, 2]])


def test_the_path_of_a_rollout_ends_where_the_episode_ended(rollout):
    track = trajectories.rolled_out(rollout)
    assert np.array_equal(track.positions, rollout.positions)
    assert len(track.authority) == len(track.positions)
    assert track.authority[-1] == rollout.episode.authority[-1]
    assert (track.outcome, track.label) == ("success", "episode 2")
