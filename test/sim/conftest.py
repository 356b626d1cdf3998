# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Environments that live as long as the tests, because making one takes longer than an episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import yaml

from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.robot.description import Robot
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.tasks.base import Steer
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


PLANE_TASKS = [name for name in tasks.available() if tasks.load(name).contract == "panda_plane"]


@pytest.fixture(params=PLANE_TASKS)
def env(request: pytest.FixtureRequest, env_of: Callable[[str], ArmEnv]) -> ArmEnv:
    """Every task in which the tool is moved in a plane."""
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


class Pile(tasks.Task):
    """A block to grasp, two that lie on each other, one of parts, and a mark; it never ends."""

    bodies = (
        tasks.Body("block", "box", (0.04, 0.04, 0.04), 0.1, (1.0, 0.0, 0.0, 1.0)),
        tasks.Body("lower", "box", (0.05, 0.05, 0.05), 0.2, (0.0, 1.0, 0.0, 1.0)),
        tasks.Body("upper", "cylinder", (0.03, 0.03, 0.05), 0.05, (0.0, 0.0, 1.0, 1.0)),
        tasks.Body(
            "tray", "box", (0.06, 0.05, 0.02), 0.1, (0.5, 0.5, 0.5, 1.0),
            parts=(((0.06, 0.02, 0.02), (0.0, -0.015, 0.0)), ((0.06, 0.02, 0.02), (0.0, 0.015, 0.0))),
        ),
        tasks.Body("mark", "cylinder", (0.08, 0.08, 0.002), 0.0, (1.0, 1.0, 0.0, 1.0), solid=False),
    )  # fmt: skip
    experts = ("none",)
    time_limit_s = 1e3

    def layout(self, rng: np.random.Generator) -> tasks.SceneLayout:
        """Draw where the block is; the tool is above it, turned as it is."""
        yaw, place = rng.uniform(-0.3, 0.3), rng.uniform((0.4, -0.1), (0.5, 0.0))
        turned = [0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]
        upright = [0.0, 0.0, 0.0, 1.0]
        poses = [
            [*place, 0.02, *turned], [0.45, 0.15, 0.025, *upright], [0.455, 0.155, 0.075, *upright],
            [0.4, -0.2, 0.01, *upright], [0.5, 0.25, 0.001, *upright],
        ]  # fmt: skip
        return tasks.SceneLayout(np.array([*place, 0.1]), np.array(poses), yaw)

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Nobody."""
        raise NotImplementedError

    def outcome(self, states: Sequence[tasks.StepState]) -> str | None:
        """Go on."""
        return None

    def way(self, states: Sequence[tasks.StepState]) -> int | None:
        """There is none."""
        return None


GRIPPERS = {"panda": ("panda_finger_joint1", 0.04, "low"), "xarm6": ("drive_joint", 0.85, "high")}


def gripper_contract(arm: str) -> Contract:
    """A contract of tool velocities, yaw, and the gripper in the same message."""
    joint, high, closed = GRIPPERS[arm]
    axes = {name: {"low": -0.25, "high": 0.25, "max_step": 0.12} for name in ("tool_vx", "tool_vy", "tool_vz")}
    return Contract.from_dict(
        "grasping",
        {
            "rate_hz": 20.0,
            "robot": arm,
            "topics": {"tool_pose": "geometry_msgs/msg/PoseStamped", "joint_states": "sensor_msgs/msg/JointState"},
            "observation": {
                "tool_x": {"topic": "tool_pose", "field": "pose.position.x"},
                "width": {"topic": "joint_states", "field": f"position[{joint}]"},
            },
            "action": {
                **axes,
                "tool_wz": {"low": -1.5, "high": 1.5, "max_step": 0.7},
                joint: {"kind": "gripper", "low": 0.0, "high": high, "closed": closed, "max_step": high / 8},
            },
            "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
        },
    )


@pytest.fixture(scope="session", params=GRIPPERS)
def pile(request: pytest.FixtureRequest) -> Iterator[Callable[[], ArmEnv]]:
    """Makes environments of a pile of bodies and an arm with a gripper; the first is made once."""
    made: list[ArmEnv] = []

    def make(fresh: bool = False) -> ArmEnv:
        if fresh or not made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("il_ros.sim.tasks.load", lambda name: Pile())
                made.append(ArmEnv("pile", gripper_contract(request.param)))
        return made[-1] if fresh else made[0]

    yield make
    for env in made:
        env.close()
