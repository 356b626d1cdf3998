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


@pytest.fixture(scope="module")
def rollout(env_of, device):
    gate = Gate(CONTRACT, GateConfig(rule="demonstration"))
    return run_episode(env_of("fork"), gate, 2, None, device("scripted", "fork", "left"))


@pytest.mark.parametrize("task", tasks.available())
def test_the_scene_has_room_for_every_body_the_starts_and_the_lines(task):
    loaded = tasks.load(task)
    scene = trajectories.scene(loaded)

    def is_inside(x, y):
        return scene.x_low < x < scene.x_high and scene.y_low < y < scene.y_high

    layouts = [loaded.layout(np.random.default_rng(seed)) for seed in range(200)]
    assert len(scene.obstacles) + len(scene.areas) == len(layouts[0].poses)
    assert all(is_inside(x + side, y + side) for x, y, r in scene.obstacles for side in (-r, r))
    assert all(is_inside(a.x_low, a.y_low) and is_inside(a.x_high, a.y_high) for a in scene.areas)
    assert all(is_inside(*layout.tool_start[:2]) for layout in layouts)
    assert all(is_inside(*pose[:2]) for layout in layouts for pose in layout.poses)
    assert len(scene.lines) == len(loaded.lines)
    assert all(is_inside(x, y) for points in scene.lines for x, y in points)


def test_things_that_lie_elsewhere_in_each_episode_are_drawn_as_areas_and_posts_as_posts():
    placed, fork = trajectories.scene(tasks.load("pick_place")), trajectories.scene(tasks.load("fork"))
    assert ([area.name for area in placed.areas], placed.obstacles) == (["block", "zone"], ())
    block, zone = placed.areas
    assert block.y_high < 0.0 < zone.y_low
    assert (fork.areas, len(fork.obstacles)) == ((), 1)


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
