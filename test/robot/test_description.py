# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every arm that a YAML file describes does the tasks; a file that describes none says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from il_ros.core import paths
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.frames import rotated
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.description import DEFAULT, Robot
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M
from il_ros.teleop import Setup, load

ROBOTS = paths.names("config/robots", ".yaml")


def test_a_contract_that_names_no_robot_gets_the_default():
    assert Robot.load("") == Robot.load(DEFAULT)
    assert "robot" not in Contract.load("panda_plane").to_dict()


@pytest.mark.parametrize("name", ROBOTS)
@pytest.mark.parametrize("task", ["fork", "avoid"])
def test_scripted_experts_do_the_tasks_with_every_robot(name, task):
    with_arm = ArmEnv(task, Contract.load(f"{name}_plane"))
    expert = load("scripted", Setup(with_arm.contract, tasks.ScriptedExpert(with_arm.task, "random")))
    gate = Gate(with_arm.contract, GateConfig(rule="demonstration"))
    readings = []
    for seed in range(3):
        rollout = run_episode(with_arm, gate, seed, None, expert, lambda _: readings.append(with_arm.reading()))
        assert rollout.outcome == "success"
    for reading in readings:
        assert reading.tool_position[2] == pytest.approx(TOOL_HEIGHT_M, abs=0.003)
        assert rotated((0, 0, 1), reading.tool_quaternion) == pytest.approx([0, 0, -1], abs=0.02)
    with_arm.close()


@pytest.mark.parametrize("name", ROBOTS)
def test_every_robot_goes_where_its_joints_are_told_and_gives_way_to_a_hand(name):
    contract = Contract.load(f"{name}_joints")
    env = ArmEnv("fork", contract)
    env.reset(seed=0)
    before = env.reading()
    assert (before.joint_names, before.frame) == (contract.action_names, env.robot.base)
    wanted = before.joint_positions + 0.02
    for _ in range(5):
        reading, _ = env.advance(wanted)
    assert reading.joint_positions == pytest.approx(wanted, abs=0.003)
    for link in env.robot.handles.values():
        assert np.abs(env.yielding(link, np.array([20.0, 20.0, 0.0])) - reading.joint_positions).max() > 1e-3
    env.close()


@pytest.mark.parametrize("name", ROBOTS)
def test_the_limits_of_a_contract_of_joints_are_those_of_the_arm(name):
    contract = Contract.load(f"{name}_joints")
    env = ArmEnv("fork", contract)
    assert (contract.low >= env._arm.lower - 1e-3).all() and (contract.high <= env._arm.upper + 1e-3).all()
    assert (contract.max_step <= env._arm.max_velocity * env._arm.dt + 1e-3).all()
    env.close()


def described(tmp_path: Path, **changes) -> str:
    known = yaml.safe_load(paths.find("config/robots", "xarm6", ".yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in {**known, **changes}.items() if value is not None}))
    return str(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tool": None}, "lacks the key 'tool'"),
        ({"tip": [0, 0]}, "tip is .* a list of 3 numbers"),
        ({"down": "up"}, "down is 'up'; it must be a list of 4 numbers"),
        ({"rest": {"joint1": "far"}}, "rest.joint1 is 'far'; it must be a number"),
        ({"rest": {}}, "rest is empty"),
        ({"urdf": "nowhere.urdf"}, "nowhere.urdf is in none of .*pybullet_data"),
        ({"colour": "red"}, "'colour'"),
    ],
)
def test_a_robot_that_is_badly_described_is_refused_with_its_file(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said) as raised:
        Robot.load(described(tmp_path, **changes))
    assert "mine.yaml" in str(raised.value)


@pytest.mark.parametrize("changes", [{"tool": "nose"}, {"rest": {"joint9": 0.0}}, {"held": {"thumb": 0.0}}])
def test_a_joint_or_link_that_the_arm_has_not_is_named(tmp_path, changes):
    contract = Contract.from_dict(
        "mine", {**Contract.load("xarm6_plane").to_dict(), "robot": described(tmp_path, **changes)}
    )
    with pytest.raises(ConfigError, match="(joint|link) of the arm"):
        ArmEnv("fork", contract)


def test_a_task_that_begins_beyond_the_arms_reach_is_refused_at_the_start(tmp_path):
    joints = {f"lbr_iiwa_joint_{i}": angle for i, angle in enumerate((0.0, 0.6, 0.0, -1.7, 0.0, 0.85, 0.0), start=1)}
    robot = {"urdf": "kuka_iiwa/model.urdf", "base": "lbr_iiwa_link_0", "rest": joints, "tool": "lbr_iiwa_link_7"}
    path = tmp_path / "iiwa.yaml"
    path.write_text(yaml.safe_dump({**robot, "tip": [0.0, 0.0, 0.05]}))
    contract = Contract.from_dict("mine", {**Contract.load("panda_plane").to_dict(), "robot": str(path)})
    with pytest.raises(ConfigError, match=r"iiwa/model.urdf is to start at \(0.31., .* mm aside, where 5 mm .* reach$"):
        ArmEnv("fork", contract)


def test_an_episode_that_begins_beyond_the_arms_reach_is_refused():
    env = ArmEnv("fork")
    env.task.layout = lambda rng: tasks.SceneLayout(np.array([1.2, 0.0, TOOL_HEIGHT_M]), np.zeros((1, 7)))
    with pytest.raises(ConfigError, match=r"start at \(1.200, 0.000, 0.035\) m and comes to"):
        env.reset(seed=0)
    env.close()
