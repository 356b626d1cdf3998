# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whoever thinks of the tool can drive, and demonstrate with, an arm that is commanded by its joints."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from il_ros import resources
from il_ros.errors import MessageError
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.kinematics import Kinematics
from il_ros.specs import Contract
from il_ros.teleop import Setup, load

ROBOTS = resources.names("config/robots", ".yaml")


@pytest.fixture(params=ROBOTS)
def env(request):
    made = ArmEnv("avoid", Contract.load(f"{request.param}_joints"))
    yield made
    made.close()


def test_a_contract_of_tool_velocities_needs_none():
    assert Kinematics.of(Contract.load("xarm6_plane")) is None


def test_the_tool_moves_as_is_wanted_and_keeps_its_height(env):
    solve, velocity = Kinematics.of(env.contract), np.array([0.1, -0.05, 0.0])
    env.reset(seed=1)
    first = reading = env.reading()
    for _ in range(20):
        reading, _ = env.advance(solve(velocity, reading))
    moved = reading.tool_position - first.tool_position
    speed, wanted = np.linalg.norm(moved[:2]), np.linalg.norm(velocity)  # in one second
    assert moved[:2] @ velocity[:2] > 0.99 * speed * wanted  # the way is right
    assert speed == pytest.approx(wanted, rel=0.25)
    assert moved[2] == pytest.approx(0.0, abs=0.002)


def test_a_commanded_height_is_followed_and_kept(env):
    solve = Kinematics.of(env.contract)
    env.reset(seed=1)
    low = reading = env.reading()
    for _ in range(20):
        reading, _ = env.advance(solve(np.array([0.0, 0.0, 0.1]), reading))
    high = reading
    for _ in range(20):
        reading, _ = env.advance(solve(np.zeros(3), reading))
    assert high.tool_position[2] - low.tool_position[2] == pytest.approx(0.1, rel=0.25)
    assert reading.tool_position[2] == pytest.approx(high.tool_position[2], abs=0.003)


def test_a_script_demonstrates_in_joint_space_and_the_order_of_names_does_not_matter(env):
    plain = env.contract.to_dict()
    turned = Contract.from_dict("turned", {**plain, "action": dict(reversed(plain["action"].items()))})
    for contract in (env.contract, turned):
        with_arm = env if contract is env.contract else ArmEnv("avoid", contract)
        guide = tasks.Scripted(with_arm.task, "random")
        expert = load("scripted", Setup(contract, guide, solve=Kinematics.of(contract)))
        gate = Gate(contract, GateConfig(rule="demonstration"))
        rollouts = [run_episode(with_arm, gate, seed, None, expert) for seed in range(3)]
        assert [rollout.outcome for rollout in rollouts] == ["success"] * 3
        assert (np.abs(np.diff(rollouts[0].episode.executed, axis=0)) <= contract.max_step + 1e-6).all()


def test_an_arm_without_the_robots_joints_is_told_of(env):
    env.reset(seed=0)
    reading = dataclasses.replace(env.reading(), joint_names=tuple(f"a{i}" for i in range(len(env.robot.joints))))
    with pytest.raises(MessageError, match="joint_states has no .*joint1"):
        Kinematics.of(env.contract)(np.zeros(3), reading)
