# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The environment: repeatable to the last bit, honest about touches, and a gymnasium one."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.robot.description import Robot
from il_ros.sim.env import ArmEnv
from il_ros.sim.physics import SUBSTEP_HZ

JOINT_NAMES = Robot.load("").joints
PLANE = Contract.load("panda_plane")


def followed(env, seed, actions):
    """The readings of the episode ``seed`` under ``actions``, stamps counted from the first."""
    env.reset(seed=seed)
    first = env.reading()
    found = [first, *(env.advance(action)[0] for action in actions)]
    numbers = [[part.ravel() for part in vars(r).values() if isinstance(part, np.ndarray)] for r in found]
    rows = [np.concatenate(parts) for parts in numbers]
    return np.array(rows), [reading.stamp_ns - first.stamp_ns for reading in found]


def wandering(seed, steps=25):
    return np.random.default_rng(seed).uniform(PLANE.low, PLANE.high, (steps, 2))


# Repeatable -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["nothing", "half an episode", "a crash", "many resets"])
def test_a_seed_begins_and_goes_on_alike_whatever_came_before(env, before, env_of):
    actions = wandering(0)
    fresh = ArmEnv(env.task_name)
    expected = followed(fresh, 7, actions)
    fresh.close()
    if before == "half an episode":
        followed(env, 8, wandering(1, 20))
    elif before == "a crash":
        followed(env, 8, [np.array([0.25, 0.0])] * 60)
    elif before == "many resets":
        for seed in range(5):
            env.reset(seed=seed)
    rows, stamps = followed(env, 7, actions)
    assert np.array_equal(rows, expected[0]) and stamps == expected[1]


def test_two_environments_side_by_side_do_not_disturb_each_other(env):
    other = ArmEnv(env.task_name)
    env.reset(seed=3)
    other.reset(seed=3)
    for action in wandering(2):
        one, two = env.advance(action), other.advance(action)
        assert np.array_equal(one[0].tool_position, two[0].tool_position)
        assert np.array_equal(one[0].joint_velocities, two[0].joint_velocities)
        assert one[1] == two[1]
    other.close()


def test_without_a_seed_the_episodes_differ_and_the_last_seed_decides_which_they_are(env):
    def drawn():
        env.reset(seed=4)
        return [env.reset()[0].tolist() for _ in range(3)]

    first = drawn()
    assert first == drawn()
    assert len({tuple(observation) for observation in first}) == 3


def test_the_stamp_grows_by_a_step_and_by_a_pause_between_episodes(env):
    env.reset(seed=0)
    start = env.start
    stamps = [env.reading().stamp_ns, *(env.advance(np.zeros(2))[0].stamp_ns for _ in range(10))]
    assert stamps[0] == start.first_stamp_ns
    assert set(np.diff(stamps)) == {env.contract.step_ns}
    env.reset(seed=0)
    assert env.start.first_stamp_ns == env.reading().stamp_ns
    assert env.start.first_stamp_ns - stamps[-1] > 1.5 * env.contract.step_ns  # what an episode counts as a gap
    assert env.start.number == start.number + 1
    assert (env.start.seed, env.start.task) == (0, env.task_name)


# gymnasium ------------------------------------------------------------------------------------------------------------


def test_gymnasium_finds_nothing_to_object_to(env):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for known in ("spec", "render_mode", "observation space (minimum|maximum)", "not within the observation space"):
            warnings.filterwarnings("ignore", message=f"(?s).*{known}")
        check_env(env, skip_render_check=True)


def test_the_spaces_are_those_of_the_contract(env):
    observation, info = env.reset(seed=1)
    assert observation.dtype == np.float32 and observation.shape == (len(env.contract.observation),)
    assert observation in env.observation_space and info == {}
    assert isinstance(env.action_space, gymnasium.spaces.Box)
    assert np.array_equal(env.action_space.low, env.contract.low)
    assert np.array_equal(env.action_space.high, env.contract.high)
    assert np.array_equal(observation, env.observe(env.reading()))


def test_what_is_beyond_the_limits_is_executed_at_the_limit(env):
    rows = [followed(env, 2, [np.array(action)] * 3)[0] for action in ([0.25, -0.25], [5.0, -5.0])]
    assert np.array_equal(*rows)


def test_a_picture_has_the_size_that_was_asked_for(env):
    env.reset(seed=0)
    picture = env.render(64, 48)
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
    assert len(np.unique(picture)) > 10


def test_closing_twice_is_fine():
    env = ArmEnv("fork")
    env.close()
    env.close()


# How an episode ends --------------------------------------------------------------------------------------------------


def ended(env, velocity, seed=0):
    """The last step of an episode in which the tool is moved at ``velocity``."""
    env.reset(seed=seed)
    for _ in range(400):
        result = env.step(np.asarray(velocity))
        if result[2] or result[3]:
            return result
    raise AssertionError("the episode did not end")


def test_driving_straight_at_a_post_is_a_collision_at_its_rim():
    env = ArmEnv("fork")
    _, reward, terminated, truncated, info = ended(env, [0.15, 0.0])
    assert (reward, terminated, truncated, info["outcome"]) == (0.0, True, False, "collision")
    tool, post = env.reading().tool_position[:2], env.reading().objects[0, :2]
    reach = np.linalg.norm(tool - post) - env.task.post_radius_m
    assert 0.0 < reach < 0.02  # the fingers are about a centimetre thick, and a step is 7.5 mm
    env.close()


def test_every_post_of_every_task_can_be_touched(env):
    """From the side, since another post may stand before it."""
    posts = env.task.layout(np.random.default_rng([0, 0])).poses
    for post in range(len(posts)):
        env.reset(seed=0)
        env._arm.reset(np.array([posts[post, 0], posts[post, 1] + 0.065, 0.035]))
        outcomes = [env.advance(np.array([0.0, -0.1]))[1] for _ in range(14)]
        assert "collision" in outcomes, f"post {post}"
        before = outcomes.index("collision")
        assert outcomes[:before] == [None] * before and before >= 2  # there was air between them at first


@pytest.mark.parametrize("angle", [90, -90, 60, 120])
def test_a_touch_is_where_the_task_says_that_there_is_no_clearance(angle, env_of):
    env = env_of("fork")
    env.reset(seed=0)
    away = np.array([-np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    post = env.reading().objects[0, :2]
    env._arm.reset(np.array([*(post + 0.07 * away), 0.035]))
    outcome = None
    while outcome is None:
        reading, outcome = env.advance(-0.04 * away)
    assert outcome == "collision"
    assert env.task.clearance(reading.tool_position[None, :2], reading.objects) < 0.02


def test_a_touch_within_a_step_counts_though_it_is_over_at_its_end():
    env = ArmEnv("fork")
    env.reset(seed=0)
    touches = iter([False] * 5 + [True] + [False] * 100)
    (post,) = env._obstacles
    env._world.touching = lambda body, link=None: {post} if next(touches) else set()
    assert env.advance(np.zeros(2))[1] == "collision"
    env.close()


def test_the_empty_table_is_not_touched(env):
    env.reset(seed=0)
    assert {env.advance(np.zeros(2))[1] for _ in range(30)} == {None}


def test_who_stands_still_runs_out_of_time(env):
    observation, reward, terminated, truncated, info = ended(env, [0.0, 0.0])
    assert (reward, terminated, truncated, info["outcome"], info["way"]) == (0.0, False, True, "timeout", None)
    assert (env.reading().stamp_ns - env.start.first_stamp_ns) / 1e9 == pytest.approx(env.task.time_limit_s)


@pytest.mark.parametrize("velocity", [(-0.1, 0.0), (-0.01, 0.2), (-0.01, -0.2)])
def test_who_leaves_the_table_is_lost(env, velocity):
    _, reward, terminated, truncated, info = ended(env, velocity)
    assert (reward, terminated, truncated, info["outcome"]) == (0.0, True, False, "lost")


def test_success_is_worth_one_and_tells_its_way(env, shown):
    rollout = shown(env, env.task.experts[-1], 0)
    env.reset(seed=0)
    for action in rollout.episode.executed:
        _, reward, terminated, truncated, info = env.step(action)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info == {"is_success": True, "outcome": "success", "way": len(env.task.experts) - 1}


# Control --------------------------------------------------------------------------------------------------------------


def test_the_tool_goes_where_its_velocity_says(env):
    env.reset(seed=0)
    before = env.reading().tool_position
    for _ in range(10):
        reading, _ = env.advance(np.array([0.0, 0.1]))
    moved = reading.tool_position - before
    assert moved[1] == pytest.approx(0.05, abs=0.004)
    assert np.abs(moved[[0, 2]]).max() < 0.002


@pytest.mark.parametrize("order", [JOINT_NAMES, JOINT_NAMES[::-1]], ids=["in order", "in another order"])
def test_joints_go_where_they_are_told_by_name(joint_contract, order):
    env = ArmEnv("fork", joint_contract(order))
    env.reset(seed=0)
    wanted = dict(zip(JOINT_NAMES, env.reading().joint_positions + [0.1, -0.05, 0.08, 0.05, -0.1, 0.06, 0.2]))
    for _ in range(25):
        reading, outcome = env.advance(np.array([wanted[name] for name in order]))
    assert outcome is None
    assert np.abs(reading.joint_positions - [wanted[name] for name in JOINT_NAMES]).max() < 0.003
    env.close()


def test_the_rest_of_a_contract_by_joints_holds_the_arm(joint_contract):
    env = ArmEnv("fork", joint_contract())
    observation, _ = env.reset(seed=0)
    before = env.reading()
    rest = env.contract.rest(observation)
    for _ in range(40):
        after, _ = env.advance(rest)
    assert np.abs(after.tool_position - before.tool_position).max() < 5e-4
    env.close()


def test_no_joint_is_driven_faster_than_it_can_go(joint_contract):
    env = ArmEnv("fork", joint_contract())
    env.reset(seed=0)
    before = env.reading().joint_positions
    for _ in range(6):
        reading, _ = env.advance(before + 1.0)
    allowed = env._arm.max_velocity * 6 / env.contract.rate_hz
    moved = np.abs(reading.joint_positions - before)
    assert (moved < 1.1 * allowed).all() and (moved > 0.8 * allowed).any()  # on the way each lags and catches up
    env.close()


def test_the_bundled_contracts_drive_the_arm():
    for name in ("panda_plane", "panda_joints"):
        env = ArmEnv("fork", name)
        observation, _ = env.reset(seed=0)
        assert env.advance(env.contract.rest(observation))[1] is None
        env.close()


def renamed(*names):
    plain = PLANE.to_dict()
    part = plain["action"]["tool_vx"]
    return Contract.from_dict("mine", {**plain, "action": dict.fromkeys(names, part)})


@pytest.mark.parametrize(
    "names", [("gripper",), ("tool_vx", "panda_joint1"), JOINT_NAMES[:6], (*JOINT_NAMES, "tool_vx"), ("tool_vx", "vy")]
)
def test_a_contract_that_names_something_else_is_refused_with_what_there_is(names):
    with pytest.raises(
        ConfigError, match=f"cannot be driven by {', '.join(names)}; name some of tool_vx.*panda_joint7"
    ):
        ArmEnv("fork", renamed(*names))


@pytest.mark.parametrize("rate_hz", [20.0, 60.0, 1000.0, 33.0])
def test_as_much_time_passes_in_the_world_as_the_stamp_says_or_the_rate_is_refused(rate_hz):
    contract = Contract.from_dict("mine", {**PLANE.to_dict(), "rate_hz": rate_hz})
    try:
        env = ArmEnv("fork", contract)
    except ConfigError as error:
        assert f"{SUBSTEP_HZ}" in str(error)
        return
    assert env._arm._substeps / SUBSTEP_HZ == pytest.approx(contract.step_ns / 1e9, rel=0.01)
    env.close()
