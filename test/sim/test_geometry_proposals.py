# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Goals, and what other numbers are the velocity of, are proposed as points; what only looks like them is not."""

from __future__ import annotations

import re
from typing import Any

import gymnasium
import numpy as np
import pytest

from il_ros.sim.geometry_proposals import equal_things, proposals
from il_ros.sim.gym_adapter import names

SPACES = gymnasium.spaces


FAR = 30.0
"""m: where hand and thing are, so that angles are nowhere near."""


class Bench(gymnasium.Env[Any, Any]):
    """A hand that brakes, and a thing that it carries, among joints and numbers that only look alike.

    Among these are the way from the hand to the thing and the thing's angles, each with its velocity. The achieved goal
    is ``above`` the thing.
    """

    def __init__(self, goals: int, above: float = 0.2, at: float = FAR) -> None:
        self._above, self._at = above, at
        parts = {"achieved_goal": goals, "observation": 27, "desired_goal": goals}
        self.observation_space = SPACES.Dict({key: SPACES.Box(-9, 9, (size,)) for key, size in parts.items() if size})
        self.action_space = SPACES.Box(-1, 1, (3,), np.float32)

    def _seen(self) -> dict[str, Any]:
        noise = self.np_random.normal(size=3)
        row = [0.5, *self._hand, *(0.3 * self._speed + 0.01 * noise), *self._thing, *(0.2 * self._drift), 0.1, 0.2]
        row += [*(self._thing - self._hand), *(self._drift - self._speed), *(0.1 * self._turned), *self._spin]
        goals = {"achieved_goal": self._thing + self._above, "desired_goal": self._at + np.ones(3)}
        size = self.observation_space["observation"].shape[0]  # type: ignore[index]
        seen = {"observation": np.array(row[:size])}
        for key, value in goals.items():
            if key in self.observation_space.spaces:  # type: ignore[attr-defined]
                width = self.observation_space[key].shape[0]  # type: ignore[index]
                seen[key] = np.resize(value, width)
        return {key: seen[key] for key in self.observation_space.spaces}  # type: ignore[attr-defined]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._hand, self._thing = self._at + self.np_random.normal(size=(2, 3))
        self._speed, self._drift, self._turned, self._spin = np.zeros((4, 3))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._speed = 0.5 * self._speed + np.asarray(action)
        self._drift = 0.7 * self._speed + 0.3 * self.np_random.normal(size=3)
        self._spin = self.np_random.normal(size=3)
        self._turned = self._turned + 0.04 * self._spin
        self._hand, self._thing = self._hand + 0.04 * self._speed, self._thing + 0.04 * self._drift
        return self._seen(), 0.0, bool(self.np_random.random() < 0.02), False, {}


def proposed(goals: int, **options: float) -> dict[str, str]:
    env = Bench(goals, **options)
    return labels(env)


def labels(env: gymnasium.Env[Any, Any]) -> dict[str, str]:
    """Return the proposed names of the contract by those of the environment; none for what is left out."""
    seen = names(env.observation_space)
    found = proposals(env, seen)
    result: dict[str, list[str]] = {}
    for name, part in found.items():
        paths = [seen[column] for column in part.columns]
        result |= {path: [] for path in paths}
        for label, (field, _) in part.components(name, paths).items():
            for path in paths:
                if path in re.split(r"[\[\],]", field):
                    result[path].append(label)
    return {path: ", ".join(names) for path, names in result.items()}


def test_goals_and_what_has_a_velocity_are_points_each_with_its_own() -> None:
    found = proposed(3)
    assert {name: label for name, label in found.items() if label} == {
        **{f"achieved_goal.{i}": f"achieved_goal_{axis}" for i, axis in enumerate("xyz")},
        **{f"desired_goal.{i}": f"desired_goal_{axis}" for i, axis in enumerate("xyz")},
        **{f"observation.{1 + i}": f"observation1_{axis}" for i, axis in enumerate("xyz")},
        **{f"observation.{7 + i}": f"observation7_{axis}" for i, axis in enumerate("xyz")},
    }


def test_velocities_are_left_out_those_of_what_is_no_point_too() -> None:
    found = proposed(3)
    assert {name for name, label in found.items() if not label} == {
        f"observation.{n}" for first in (4, 10, 18, 24) for n in range(first, first + 3)
    }


def test_a_copy_of_a_goal_is_no_point_of_its_own() -> None:
    found = proposed(3, above=0.0)
    assert "observation1_x" in found.values() and "observation7_x" not in found.values()


def test_the_way_between_two_points_is_none_even_where_points_lie_around_zero() -> None:
    found = proposed(3, at=0.0)
    assert {"observation1_x", "observation7_x"} <= set(found.values()) and "observation15_x" not in found.values()


def test_goals_of_several_points_and_in_a_plane() -> None:
    assert proposed(6)["desired_goal.5"] == "desired_goal3_z" and proposed(6)["desired_goal.0"] == "desired_goal_x"
    assert proposed(2)["achieved_goal.1"] == "achieved_goal_y" and "achieved_goal_z" not in proposed(2).values()


@pytest.mark.parametrize("goals", [0, 1, 4, 7])
def test_without_goals_that_are_points_nothing_is_proposed(goals: int) -> None:
    assert proposed(goals) == {}


class Named(gymnasium.Env[Any, Any]):
    """Arrays whose names say what they are, as robosuite's, ManiSkill's and others' do."""

    def __init__(self, **sizes: int) -> None:
        self.observation_space = SPACES.Dict({key: SPACES.Box(-9, 9, (size,)) for key, size in sizes.items()})
        self.action_space = SPACES.Box(-1, 1, (3,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


def test_arrays_are_points_and_angles_by_their_names() -> None:
    env = Named(
        cube_pos=3, cube_quat=4, tcp_pose=7, block_translation=2, block_orientation=1, robot0_joint_pos=3,
        tcp_to_cube_pos=3, vel=2, tee_pose=3,
    )  # fmt: skip
    assert labels(env) == {
        "vel.0": "",
        "vel.1": "",
        **{f"cube_pos.{i}": f"cube_pos_{axis}" for i, axis in enumerate("xyz")},
        **{f"tcp_pose.{i}": f"tcp_pose_{axis}" for i, axis in enumerate("xyz")},
        **{f"block_translation.{i}": f"block_translation_{axis}" for i, axis in enumerate("xy")},
        **{f"cube_quat.{i}": ", ".join(f"cube_quat_r{n}" for n in range(6)) for i in range(4)},
        **{f"tcp_pose.{3 + i}": ", ".join(f"tcp_pose_turn_r{n}" for n in range(6)) for i in range(4)},
        "block_orientation.0": "block_orientation_c, block_orientation_s",
        "tee_pose.0": "tee_pose_x",
        "tee_pose.1": "tee_pose_y",
        "tee_pose.2": "tee_pose_yaw_c, tee_pose_yaw_s",
    }


@pytest.mark.parametrize("sizes", [{"cube_pos": 3}, {"cube_pos": 3, "cube_rot": 4}, {"qpos": 3, "qvel": 3}, {"pos": 9}])
def test_one_point_alone_is_none_since_there_is_nothing_that_it_lies_to(sizes: dict[str, int]) -> None:
    assert labels(Named(**sizes)) == {}


def test_equal_environments_give_equal_proposals() -> None:
    assert proposed(3) == proposed(3)


def test_an_orientation_needs_no_points_and_is_none_where_its_numbers_are_all_zero() -> None:
    assert "cube_quat.3" in labels(Named(cube_quat=4))
    assert labels(Unturned(cube_quat=4)) == {}


class Unturned(Named):
    """An orientation that is not known when an episode begins: its numbers are zeros."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        seen, info = super().reset(seed=seed)
        return {key: 0.0 * value for key, value in seen.items()}, info


class Tumbler(Bench):
    """A thing that turns among numbers without names, beside a quaternion that never does and numbers of length two."""

    def __init__(self) -> None:
        super().__init__(3)
        parts = {"achieved_goal": 3, "observation": 20, "desired_goal": 3}
        self.observation_space = SPACES.Dict({key: SPACES.Box(-9, 9, (size,)) for key, size in parts.items()})

    def _seen(self) -> dict[str, Any]:
        a, b = 0.5 * self._turned[:2]
        turn = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a) * np.sin(b)])
        row = [0.3, *turn, *self._thing, *(self._drift), 0.0, 0.0, 0.0, 1.0, np.cos(a), np.sin(a), np.cos(b), np.sin(b)]
        goals = {"achieved_goal": self._thing + 0.2, "desired_goal": self._at + np.ones(3)}
        return {"observation": np.array([*row, 0.1]), **goals}


def test_four_numbers_on_the_unit_sphere_are_an_orientation_if_they_move_there() -> None:
    found = labels(Tumbler())
    turned = {path for path, label in found.items() if "_r0" in label}
    assert turned == {f"observation.{1 + i}" for i in range(4)}
    assert found["observation.5"] == "observation5_x" and found["observation.8"] == ""


def equals(**sizes: int) -> list[list[str]]:
    env = Named(**sizes)
    return [
        [" ".join(sorted(member)) for member in group]
        for group in equal_things(proposals(env, names(env.observation_space)))
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (
            dict(block_pos=3, block2_pos=3, block_yaw=1, block2_yaw=1, goal_pos=3, goal2_pos=3, tool_pos=3),
            ["block_pos block_yaw goal_pos", "block2_pos block2_yaw goal2_pos"],
        ),
        (
            dict(cube_1_pose=7, cube_2_pose=7, cube_3_pose=7, target_1_pos=3, target_2_pos=3, target_3_pos=3),
            ["cube_1_pose target_1_pos", "cube_2_pose target_2_pos", "cube_3_pose target_3_pos"],
        ),
        (
            dict(object0_pos=3, object1_pos=3, target0=3, target1=3, object=3),
            ["object0_pos target0", "object1_pos target1"],
        ),
    ],
)
def test_things_that_differ_by_a_number_are_equal_each_with_its_goal(
    sizes: dict[str, int], expected: list[str]
) -> None:
    assert equals(**sizes) == [expected]


@pytest.mark.parametrize(
    "sizes",
    [
        dict(cube1_pos=3, cube2_pos=3, tool_pos=3),  # perhaps the first is to stand on the second
        dict(cubeA_pos=3, cubeB_pos=3, goal_pos=3),
        dict(cube1_pos=3, cube2_pos=3, goal_pos=3),
        dict(cube1_pos=3, cube2_pos=3, goal1_pos=3, goal2_pos=3, goal3_pos=3),
        dict(goal1_pos=3, goal2_pos=3, cube_pos=3),
        dict(robot0_eef_pos=3, robot1_eef_pos=3, goal0_pos=3, goal1_pos=3),
        dict(achieved_goal=6, observation=12, desired_goal=6),
    ],
)
def test_things_that_may_differ_are_not_called_equal(sizes: dict[str, int]) -> None:
    assert equals(**sizes) == []
