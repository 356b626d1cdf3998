# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real arm that is commanded by its joints needs no simulator: not in its devices, its expert node or its page."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = "import sys; sys.modules['pybullet'] = None\n"
ARM = """
from pathlib import Path
import numpy as np
from il_ros import teleop
from il_ros.core.contract import Contract
from il_ros.core.frames import matrix
from il_ros.core.types import RobotState
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.robot.ik import Kinematics
from il_ros.robot.urdf_model import UrdfModel

of_50_hz = {**Contract.load("xarm6_joints").to_dict(), "rate_hz": 50.0}  # no divisor of the physics engine's rate
contract = Contract.from_dict("real_arm", of_50_hz)
robot = Robot.load(contract.robot)
chain, rest = KinematicChain(robot), np.array(list(robot.rest.values()))
order = [contract.action_names.index(name) for name in robot.joints]

def state_of(joints):
    tool = chain.forward(joints).position, np.array(robot.down)
    return RobotState(10**9, joints, 0 * joints, *tool, np.zeros((1, 3)), robot.joints, robot.base)

start = state_of(chain.inverse(rest, chain.forward(rest).position, matrix(robot.down)))
"""
DEVICES = """
from il_ros.sim import tasks
for name in ("browser", "joy", "twist", "pose", "leader", "kinesthetic", "scripted"):
    guide = tasks.ScriptedExpert(tasks.load("fork"), "left") if name == "scripted" else None
    device = teleop.load(name, teleop.Setup(contract, guide, solve=Kinematics.of(contract), frames=robot.frames()))
    way = chain.forward(device.action(np.array([0.1, 0.05, 0.0]), start)[order]).position - start.tool_position
    np.testing.assert_allclose(way, [0.002, 0.001, 0.0], atol=1e-6)
assert device.answer(start).action.shape == rest.shape
"""
NODE = """
from il_ros.nodes.expert_node import ExpertParameters, make_device
device = make_device(ExpertParameters(device="joy", task=""), contract)
assert np.isfinite(device.action(np.array([0.1, 0.0, 0.0]), start)).all()
"""
PAGE = """
frames = UrdfModel.load(Path(robot.urdf)).frames({**robot.held, **dict(zip(robot.joints, start.joint_positions))})
tip = np.linalg.inv(frames[robot.base]) @ frames[robot.tool] @ [*robot.tip, 1.0]
np.testing.assert_allclose(tip[:3], start.tool_position, atol=1e-9)
"""


def run(code):
    """What a fresh Python prints and complains of."""
    ended = subprocess.run([sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, timeout=60)
    return ended.stdout.strip(), ended.stderr


def test_devices_nodes_and_page_of_a_real_arm_work_where_pybullet_cannot_be_imported():
    pytest.importorskip("rclpy")
    assert run(ARM + DEVICES + NODE + PAGE + "print('il_ros.sim.physics' in sys.modules)") == ("False", "")


URDF = """<robot name="two_links">
  <link name="base"/><link name="arm"/><link name="slide"/><link name="tool"/>
  <joint name="turn" type="continuous"><parent link="base"/><child link="arm"/><axis xyz="0 0 2"/></joint>
  <joint name="reach" type="prismatic"><parent link="arm"/><child link="slide"/><origin xyz="0.1 0 0"/>
    <limit lower="0" upper="0.3" velocity="0.5"/></joint>
  <joint name="flange" type="fixed"><parent link="slide"/><child link="tool"/><origin xyz="0 0 0.05"/></joint>
</robot>"""


def test_a_robot_file_beside_a_urdf_needs_no_file_of_pybullets(tmp_path):
    (tmp_path / "arm.urdf").write_text(URDF)
    (tmp_path / "mine.yaml").write_text("{urdf: arm.urdf, base: base, rest: {turn: 0.0, reach: 0.1}, tool: tool}")
    code = (
        "sys.modules['pybullet_data'] = None\n"
        "import numpy as np\n"
        "from il_ros.robot.chain import KinematicChain\n"
        "from il_ros.robot.description import Robot\n"
        f"chain = KinematicChain(Robot.load({str(tmp_path / 'mine.yaml')!r}))\n"
        "pose = chain.forward(np.array([np.pi / 2, 0.2]))\n"
        "np.testing.assert_allclose(pose.position, [0.0, 0.3, 0.05], atol=1e-12)\n"
        "np.testing.assert_allclose(pose.jacobian[:3], [[-0.3, 0.0], [0.0, 1.0], [0.0, 0.0]], atol=1e-12)\n"
        "assert chain.max_velocity.tolist() == [np.inf, 0.5] and chain.upper.tolist() == [np.inf, 0.3]"
    )
    assert run(code) == ("", "")
