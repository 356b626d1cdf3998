# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated person: watches in peace, takes over in time, and gives back once all is calm."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk, EpisodeStart, ToolCommand
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load
from il_ros.teleop.devices.supervisor import Temper

PLANE = Contract.load("panda_plane")
TEMPER = Temper()


def steps(seconds):
    return round(seconds * PLANE.rate_hz)


REACTION, CALM, LEAST, PATIENCE = map(steps, (TEMPER.reaction_s, TEMPER.calm_s, TEMPER.least_s, TEMPER.patience_s))


class Guide:
    """A script that always says the same."""

    name = "guide"
    resets = 0

    def reset(self, start):
        self.resets += 1

    def __call__(self, reading):
        return np.array([0.1, 0.0])


def watched(clear, positions, reading, **options):
    """Whether it drives at each step, where ``clear`` says by step whether there is room."""
    now = [0]
    setup = Setup(PLANE, Guide(), lambda points, objects: 1.0 if clear(now[0]) else 0.0, options)
    supervisor = load("supervisor", setup)
    supervisor.reset(EpisodeStart("fork", 0, 10**9))
    drives = []
    for step, (x, y) in enumerate(positions):
        now[0] = step
        answer = supervisor.answer(reading(x, y, step))
        assert answer.author == "supervisor"
        assert answer.engaged == (answer.action is not None) == supervisor.driving
        drives.append(answer.engaged)
    return drives


def moving(count, speed=0.15):
    return [(0.25 + speed * step / PLANE.rate_hz, 0.0) for step in range(count)]


# In an episode --------------------------------------------------------------------------------------------------------


def test_it_never_takes_over_from_an_expert_who_drives_himself():
    env = ArmEnv("avoid")
    for seed in range(48):
        guide = tasks.ScriptedExpert(env.task, "random")
        driver = load("scripted", Setup(PLANE, guide, env.task.clearance))
        watcher = load("supervisor", Setup(PLANE, tasks.ScriptedExpert(env.task, "nearest"), env.task.clearance))
        env.reset(seed=seed)
        driver.reset(env.start)
        watcher.reset(env.start)
        reading, outcome = env.reading(), None
        while outcome is None:
            assert not watcher.answer(reading).engaged, (seed, guide.name, reading.tool_position)
            reading, outcome = env.advance(driver.answer(reading).action)
        assert outcome == "success"
    env.close()


class Straight:
    """A policy that goes straight on, whatever is in its way."""

    contract = PLANE
    cameras: dict[str, tuple[int, int]] = {}
    speed = 0.15

    def reset(self, start):
        self.forget()

    def forget(self):
        self.stamp_ns = -1

    def follow(self, record):
        pass

    def observe(self, stamp_ns, observation, images=None):
        self.stamp_ns = stamp_ns

    def chunk(self):
        return Chunk(self.stamp_ns, np.tile([self.speed, 0.0], (16, 1)), "straight")


class Waiting(Straight):
    """A policy that does nothing."""

    speed = 0.0


@pytest.fixture(scope="module")
def supervised():
    """Runs a policy in ``fork`` under the eyes of a supervisor."""
    env = ArmEnv("fork")

    def run(policy, seed, rule="human", **options):
        setup = Setup(PLANE, tasks.ScriptedExpert(env.task, "nearest"), env.task.clearance, options)
        return run_episode(env, Gate(PLANE, GateConfig(rule=rule)), seed, policy, load("supervisor", setup))

    yield run
    env.close()


@pytest.mark.parametrize("seed", range(4))
def test_it_takes_over_from_a_policy_that_drives_straight_at_a_post_before_it_is_too_late(supervised, seed):
    assert supervised(Straight(), seed, rule="none").outcome == "collision"
    rollout = supervised(Straight(), seed)
    drove = rollout.episode.authority
    assert rollout.outcome == "success"
    assert drove[0] == Authority.POLICY and Authority.EXPERT in drove and Authority.HOLD not in drove
    assert rollout.episode.interventions >= 1
    first = int(np.argmax(drove == Authority.EXPERT))
    assert 0.045 < 0.48 - rollout.positions[first, 0] < 0.12  # neither at the start nor at the post
    assert (drove == Authority.EXPERT).sum() > LEAST or drove[-1] == Authority.EXPERT


def test_who_reacts_too_slowly_comes_too_late(supervised):
    quick = supervised(Straight(), 0, reaction_s=0.0)
    slow = supervised(Straight(), 0, reaction_s=0.15)
    taken = [int(np.argmax(rollout.episode.authority == Authority.EXPERT)) for rollout in (quick, slow)]
    assert taken[1] - taken[0] == steps(0.15)
    asleep = supervised(Straight(), 0, reaction_s=2.0)
    assert asleep.outcome == "collision" and Authority.EXPERT not in asleep.episode.authority


def test_it_takes_over_from_a_policy_that_does_not_move(supervised):
    rollout = supervised(Waiting(), 0)
    first = int(np.argmax(rollout.episode.authority == Authority.EXPERT))
    assert PATIENCE <= first <= PATIENCE + REACTION + 1
    assert rollout.outcome == "success"


# To the step ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reaction_s", [0.0, 0.1, 0.35])
def test_from_worry_to_hand_on_the_stick_it_takes_its_reaction_time(reading, reaction_s):
    drives = watched(lambda step: step < 10, moving(40), reading, reaction_s=reaction_s)
    assert drives.index(True) == 10 + steps(reaction_s)


def test_once_it_has_worried_it_reacts_though_the_moment_has_passed(reading):
    assert watched(lambda step: step != 10, moving(40), reading).index(True) == 10 + REACTION


@given(st.sets(st.integers(0, 100), min_size=1, max_size=40))
def test_it_lets_go_once_it_has_driven_long_enough_and_been_calm_long_enough(reading, worries):
    drives = watched(lambda step: step not in worries, moving(140), reading)
    spans = np.flatnonzero(np.diff([0, *map(int, drives), 0])).reshape(-1, 2)
    assert len(spans) >= 1
    for start, stop in spans:
        assert stop - start >= min(LEAST, 140 - start)
        if stop < 140:
            assert not worries & set(range(stop - CALM + 1, stop + 1))
        assert start - REACTION in worries
    assert not drives[-1]  # no worry after step 100, and calm and least time are over


def test_a_calm_road_gives_it_back_exactly_after_the_least_time(reading):
    drives = watched(lambda step: step != 5, moving(80), reading)
    first = drives.index(True)
    assert drives[first : first + LEAST + 1] == [True] * LEAST + [False]


def test_as_long_as_there_is_worry_it_keeps_the_stick(reading):
    assert all(watched(lambda step: step < 5, moving(200), reading)[5 + REACTION :])


def test_it_worries_when_the_tool_has_hardly_moved_for_as_long_as_its_patience_lasts(reading):
    drives = watched(lambda step: True, [(0.3, 0.0)] * 60, reading)
    assert drives.index(True) == PATIENCE - 1 + REACTION
    assert not any(watched(lambda step: True, moving(60), reading))


def test_the_guide_is_drawn_anew_at_each_take_over(reading):
    guide = Guide()
    room = [True]
    supervisor = load("supervisor", Setup(PLANE, guide, lambda points, objects: float(room[0]), {"patience_s": 100.0}))
    supervisor.reset(EpisodeStart("fork", 0, 10**9))
    for step in range(120):
        room[0] = step not in (5, 70)
        supervisor.answer(reading(0.3, 0.0, step))
    assert guide.resets == 2


def test_a_new_episode_finds_its_hands_off(reading):
    supervisor = load("supervisor", Setup(PLANE, Guide(), lambda points, objects: 0.0))
    for step in range(5):
        supervisor.answer(reading(0.3, 0.0, step))
    assert supervisor.driving
    supervisor.reset(EpisodeStart("fork", 1, 10**9))
    assert not supervisor.driving
    assert not supervisor.answer(reading()).engaged


def test_it_looks_ahead_along_the_motion_and_no_further(reading):
    seen = []
    supervisor = load("supervisor", Setup(PLANE, Guide(), lambda points, objects: seen.append(points) or 1.0))
    for step, (x, y) in enumerate(moving(3, speed=0.2)):
        supervisor.answer(reading(x, y, step))
    assert np.allclose(seen[0], [0.25, 0.0])  # it has seen no motion yet
    assert seen[-1][0] == pytest.approx([0.27, 0.0])
    assert seen[-1][-1] == pytest.approx([0.27 + 0.2 * TEMPER.lookahead_s, 0.0])


# Where a task tells no clearance -------------------------------------------------------------------------------------


class Grasping:
    """A block at x = 0.5 in a world of one axis, and the script that goes there, grasps it and carries it to x = 0."""

    name = "grasping"

    def __init__(self):
        self.tool, self.block, self.grip = 0.3, 0.5, 0.0

    def reset(self, start):
        pass

    def __call__(self, reading):
        tool, block = reading.tool_position[0], reading.objects[0, 0]
        is_there = abs(tool - block) < 0.005
        holds = is_there and 0.4 < reading.grip < 0.6
        way = (0.0 if is_there else block - tool) if not holds else -tool
        grip = 1.0 if is_there else 0.0
        return ToolCommand(np.clip([4.0 * way, 0.0, 0.0], -0.2, 0.2), grip=grip)

    def advance(self, velocity, grip):
        """Advance by a step; None leaves the gripper as it is."""
        if grip is not None:
            around = abs(self.tool - self.block) < 0.006
            self.grip = 0.0 if grip < 0.5 else 0.5 if around else 1.0
        holds = self.grip == 0.5
        self.tool += velocity / PLANE.rate_hz
        self.block = self.tool if holds else self.block


def handled(policy, reading, count=240, drop_at=None, task=None):
    """Whether the supervisor drives at each step, and where the block is; ``policy`` says velocity and grip."""
    task = task or Grasping()
    supervisor = load("supervisor", Setup(GRIPPED, task, lambda points, objects: math.inf))
    supervisor.reset(EpisodeStart("grasping", 0, 10**9))
    drives, blocks = [], []
    for step in range(count):
        now = reading(task.tool, 0.0, step)
        now = dataclasses.replace(now, grip=task.grip, objects=np.array([[task.block, 0.0, 0.03]]))
        answer = supervisor.answer(now)
        if answer.engaged:
            velocity, grip = answer.action[0], None if np.isnan(answer.action[2]) else 1.0 - answer.action[2] / 0.04
        else:
            velocity, grip = policy(task, step)
        if step == drop_at:
            grip = 0.0
        task.advance(velocity, grip)
        drives.append(answer.engaged)
        blocks.append(task.block)
    return drives, blocks


FINGER = {"kind": "gripper", "low": 0.0, "high": 0.04, "max_velocity": 0.2, "rest": 0.04}
PLAIN = PLANE.to_dict()
GRIPPED = Contract.from_dict(
    "gripped",
    {
        **PLAIN,
        "action": {**PLAIN["action"], "panda_finger_joint1": FINGER},
        "command": {"type": "std_msgs/msg/Float64MultiArray"},
    },
)


def expertly(task, step):
    """What the script itself would do."""
    state = SimpleNamespace(
        tool_position=np.array([task.tool, 0.0, 0.0]), objects=np.array([[task.block, 0.0, 0.0]]), grip=task.grip
    )
    command = task(state)
    return command.linear[0], command.grip


def test_whoever_does_as_the_script_would_do_is_left_alone(reading):
    drives, blocks = handled(expertly, reading)
    assert not any(drives) and blocks[-1] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("stop", [0.36, 0.44, 0.48])
def test_a_missed_grasp_is_rescued_and_given_back_once_it_is_grasped(reading, stop):
    def misses(task, step):
        if task.grip == 0.5:
            return expertly(task, step)
        return (0.2, None) if task.tool < stop and task.grip == 0.0 else (-0.1, 1.0)  # closes beside it, and goes home

    drives, blocks = handled(misses, reading)
    first, last = drives.index(True), len(drives) - drives[::-1].index(True)
    assert PATIENCE <= first < 90 and last < len(drives)
    assert all(drives[first:last]) and blocks[last - 1] < 0.5  # grasped, and on its way
    assert blocks[-1] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("drop_at", [45, 60])
def test_a_block_that_was_dropped_is_rescued(reading, drop_at):
    def carries_on(task, step):
        if step < drop_at or task.grip == 0.5:
            return expertly(task, step)
        return -0.1, None  # as if it still held it

    drives, blocks = handled(carries_on, reading, drop_at=drop_at)
    assert drop_at < drives.index(True) <= drop_at + PATIENCE + REACTION + 2
    assert not drives[-1] and blocks[-1] == pytest.approx(0.0, abs=0.02)


def test_a_policy_that_never_closes_its_gripper_is_helped(reading):
    def hovers(task, step):
        return (0.0 if task.grip != 0.5 else expertly(task, step)[0]), None

    task = Grasping()
    task.tool = 0.5
    drives, blocks = handled(hovers, reading, task=task)
    assert PATIENCE - 1 <= drives.index(True) <= PATIENCE + REACTION + 1
    assert not drives[-1] and blocks[-1] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("options", [{"margin_m": "much"}, {"patience_s": [1]}, {"reaction_s": True}])
def test_an_option_of_the_wrong_type_is_named(device, options):
    (key,) = options
    with pytest.raises(ConfigError, match=f"device 'supervisor': {key} is .*must be a number"):
        device("supervisor", **options)


@pytest.mark.parametrize(
    "options", [{"reaction_s": -0.1}, {"patience_s": math.nan}, {"lookahead_s": math.nan}, {"margin_m": math.nan}]
)
def test_an_option_beyond_its_limits_is_named(device, options):
    (key,) = options
    with pytest.raises(ConfigError, match=f"{key} is "):
        device("supervisor", **options)
