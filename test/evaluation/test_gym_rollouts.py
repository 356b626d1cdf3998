# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Environments of other people with goals and a gripper: demonstrated by a script, learned, and measured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import gymnasium
import numpy as np
import pytest

from examples.fetch import experts as fetch
from examples.panda_gym import experts as panda
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.evaluation.rollouts import GymTask, Rollout, roll_out
from il_ros.gate import GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.seeds import ranges, shared
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.sim.gym_adapter import contract_of
from il_ros.teleop import Setup, load
from studies import demonstrations as studies

SPACES = gymnasium.spaces
CARRY = "test/Carry-v0"
PANDA = {"push": "PandaPush-v3", "pick_and_place": "PandaPickAndPlace-v3"}


class Carry(gymnasium.Env):
    """A hand on a line fetches a thing and carries it to a goal; a gripper that is closing holds what is near."""

    metadata = {"render_modes": [], "render_fps": 10}
    action_space = SPACES.Box(-1.0, 1.0, (2,), np.float32)
    observation_space = SPACES.Dict(
        {
            "achieved_goal": SPACES.Box(-2.0, 2.0, (1,), np.float64),
            "desired_goal": SPACES.Box(-2.0, 2.0, (1,), np.float64),
            "observation": SPACES.Box(-2.0, 2.0, (2,), np.float64),
        }
    )

    def _seen(self):
        return {
            "observation": np.array([self._hand, self._width]),
            "achieved_goal": np.array([self._thing]),
            "desired_goal": np.array([self._goal]),
        }

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._hand, self._width = 0.0, 1.0
        self._thing, self._goal = self.np_random.uniform(0.3, 1.0), self.np_random.uniform(-1.0, -0.3)
        return self._seen(), {"is_success": False}

    def step(self, action):
        move, grip = action.tolist()
        near = abs(self._hand - self._thing) < 0.15
        held = near and self._width < 0.5 and grip < 0.0
        self._width = float(np.clip(self._width + 0.3 * grip, 0.2 if near else 0.0, 1.0))
        self._hand += 0.2 * move
        if held:
            self._thing += 0.2 * move
        reached = abs(self._thing - self._goal) < 0.1
        return self._seen(), 0.0, reached, False, {"is_success": reached}


def carry(seen):
    """Fetch it open, close, and carry it."""
    hand, thing, goal = seen["observation"][0], seen["achieved_goal"][0], seen["desired_goal"][0]
    near = abs(hand - thing) < 0.1
    target = goal if near and seen["observation"][1] < 0.5 else thing
    return np.clip([5.0 * (target - hand), -1.0 if near else 1.0], -1.0, 1.0)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    gymnasium.register(CARRY, entry_point=Carry, max_episode_steps=40)
    yield
    del gymnasium.registry[CARRY]


def contract() -> Contract:
    """What from-gym writes, and one line of it changed."""
    plain = contract_of(CARRY, {}).to_dict()
    plain["action"]["action.1"] |= {"kind": "gripper", "closed": "low", "binary": True, "rest": 1.0}
    return Contract.from_dict("carry", plain)


def demonstrated(task: GymTask, by: Contract, expert: str, seeds: range) -> list[Rollout]:
    with contextlib.closing(task.make(by)) as env:
        return studies.demonstrated(env, load("function", Setup(by, options={"expert": expert})), seeds)


def test_a_gripper_and_goals_are_demonstrated_learned_and_measured_on_new_goals(tmp_path: Path) -> None:
    task, by = GymTask(CARRY), contract()
    shown = demonstrated(task, by, f"{__name__}:carry", range(30))
    assert {rollout.outcome for rollout in shown} == {"success"}
    grips = np.concatenate([rollout.episode.executed[:, 1] for rollout in shown])
    assert set(np.unique(grips)) == {-1.0, 1.0}  # the gripper is binary, and goes all the way
    config = TrainingConfig.load("one_step", steps=400, width=64, batch=64)
    episodes = [rollout.episode for rollout in shown]
    made = train(Dataset.from_episodes(episodes, config.n_obs_steps, config.horizon), config)
    checkpoints.save(tmp_path / "learned", made, by, [{"name": "shown", "digest": "0"}])
    alone = GateConfig(rule="none", execute_steps=1)
    measured = roll_out(tmp_path / "learned", task, range(1000, 1020), alone)
    assert np.mean([rollout.success for rollout in measured]) >= 0.75
    assert {rollout.outcome for rollout in measured} <= {"success", "timeout"}
    again = roll_out(tmp_path / "learned", task, range(1010, 1012), alone)
    for one, other in zip(again, measured[10:12]):
        assert np.array_equal(one.episode.executed, other.episode.executed)


def test_what_an_environment_was_taught_is_not_said_of_another_one_of_its_module() -> None:
    taught = ranges([{"task": "panda_gym:PandaPush-v3", "seed": seed} for seed in range(5)])
    assert shared(taught, "panda_gym:PandaPush-v3", range(3, 9)) == 2
    assert shared(taught, "panda_gym:PandaReach-v3", range(3, 9)) == 0
    assert shared(ranges([{"task": "trace:horizon_s=40", "seed": 3}]), "trace", range(5)) == 1


def test_a_contract_with_cameras_is_refused() -> None:
    plain = contract().to_dict() | {"images": {"front": {"topic": "front/image_raw"}}}
    with pytest.raises(ConfigError, match="has the camera 'front'; the numbers of test/Carry-v0 alone"):
        GymTask(CARRY).make(Contract.from_dict("seeing", plain))


@pytest.mark.skipif(not find_spec("panda_gym"), reason="panda-gym is not installed")
@pytest.mark.parametrize("name", PANDA)
def test_panda_gym_is_demonstrated_through_its_contract(name: str) -> None:
    by = Contract.load(f"examples/panda_gym/{name}.yaml")
    shown = demonstrated(GymTask(f"panda_gym:{PANDA[name]}"), by, f"examples.panda_gym.experts:{name}", range(12))
    assert sum(rollout.success for rollout in shown) >= 11


@pytest.mark.parametrize("robot", [panda, fetch], ids=["panda_gym", "fetch"])
def test_scripts_of_other_peoples_tasks_stay_within_the_limits_whatever_they_are_shown(robot: ModuleType) -> None:
    rng = np.random.default_rng(0)
    tried = []
    for name in ("reach", "push", "pick_and_place", "stack"):
        expert = getattr(robot, name, None)
        if expert is None:
            continue
        points = 2 if name == "stack" else 1
        without_gripper = robot is panda and name in ("reach", "push")
        for _ in range(300):
            seen = {key: rng.uniform(-0.3, 0.3, 3 * points) for key in ("achieved_goal", "desired_goal")}
            seen["observation"] = rng.uniform(-0.3, 0.3, 31)
            action = expert(seen)
            assert action.shape == (3 if without_gripper else 4,) and np.abs(action).max() <= 1.0
        tried.append(name)
    assert tried[:3] == ["reach", "push", "pick_and_place"]
