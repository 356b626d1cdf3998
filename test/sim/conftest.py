# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Environments that live as long as the tests, because making one takes longer than an episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml

from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.description import Robot
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

JOINT_NAMES = Robot.load("").joints
LIMITS = {f"panda_joint{i}": (low, high) for i, (low, high) in enumerate(
    ((-2.9, 2.9), (-1.7, 1.7), (-2.9, 2.9), (-3.0, -0.1), (-2.9, 2.9), (0.0, 3.7), (-2.9, 2.9)), start=1
)}  # fmt: skip


@pytest.fixture(scope="session")
def env_of() -> Iterator[Callable[[str], ArmEnv]]:
    """The environment of a task, made once."""
    made: dict[str, ArmEnv] = {}

    def env_of(task: str) -> ArmEnv:
        if task not in made:
            made[task] = ArmEnv(task)
        return made[task]

    yield env_of
    for env in made.values():
        env.close()


@pytest.fixture(params=tasks.available())
def env(request: pytest.FixtureRequest, env_of: Callable[[str], ArmEnv]) -> ArmEnv:
    """Every task."""
    return env_of(request.param)


@pytest.fixture(scope="session")
def shown() -> Callable[[ArmEnv, str, int], Rollout]:
    """A demonstration by the expert of that name, with that seed."""

    def show(env: ArmEnv, expert: str, seed: int) -> Rollout:
        device = load("scripted", Setup(env.contract, tasks.ScriptedExpert(env.task, expert), env.task.clearance))
        return run_episode(env, Gate(env.contract, GateConfig(rule="demonstration")), seed, None, device)

    return show


@pytest.fixture(scope="session")
def joint_contract(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Contract]:
    """A contract by joint positions, its joints in the order that is given."""

    def make(names: tuple[str, ...] = JOINT_NAMES) -> Contract:
        text = {
            "rate_hz": 20.0,
            "topics": {"joint_states": "sensor_msgs/msg/JointState"},
            "observation": {name: {"topic": "joint_states", "field": f"position[{name}]"} for name in JOINT_NAMES},
            "action": {
                name: {"low": LIMITS[name][0], "high": LIMITS[name][1], "max_step": 0.1, "rest": name} for name in names
            },
            "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
        }
        path = tmp_path_factory.mktemp("contracts") / "by_joints.yaml"
        path.write_text(yaml.safe_dump(text, sort_keys=False), encoding="utf-8")
        return Contract.load(path)

    return make
