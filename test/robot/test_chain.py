# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The kinematics of an arm's own description are those of the physics engine, and their inverse is one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from il_ros.core import paths
from il_ros.core.errors import ConfigError
from il_ros.core.frames import inverse, matrix, product, rotated, rotation_vector
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.sim.arm import Arm
from il_ros.sim.physics import PhysicsClient

ROBOTS = paths.names("config/robots", ".yaml")
CHAINS = {name: KinematicChain(Robot.load(name)) for name in ROBOTS}
shares = st.lists(st.floats(0.02, 0.98), min_size=7, max_size=7)


def within(chain, shares):
    return chain.lower + np.array(shares[: len(chain.lower)]) * (chain.upper - chain.lower)


def random_joints(name, count, seed=0):
    """Joint positions within the limits, and each joint's share of them."""
    return [within(CHAINS[name], row) for row in np.random.default_rng(seed).uniform(0.02, 0.98, (count, 7))]


class PyBulletArm:
    """Kinematics as the physics engine has them."""

    def __init__(self, robot):
        self.arm = Arm(PhysicsClient(), robot, 20.0)

    def forward(self, joints):
        """Position, rotation and Jacobian of the tool."""
        arm, still = self.arm, [0.0] * len(self.arm._movable)
        arm._place(joints)
        position, quaternion = arm.tool()
        at = [arm._world.call("getJointState", arm.body, joint)[0] for joint in arm._movable]
        both = arm._world.call("calculateJacobian", arm.body, arm._tool, arm._tip.tolist(), at, still, still)
        return position, matrix(quaternion), np.vstack(both)[:, arm._columns]

    def inverse(self, joints, position, quaternion):
        """Joint positions that have the tool there, from the engine's own solver, called until it has converged."""
        arm = self.arm
        link = (position - rotated(arm._tip, quaternion)).tolist()
        for _ in range(60):
            arm._place(joints)
            solved = arm._world.call(
                "calculateInverseKinematics", arm.body, arm._tool, link, quaternion.tolist(), maxNumIterations=20
            )
            joints = np.array([solved[column] for column in arm._columns])
        return joints


class PinocchioArm:
    """Kinematics as Pinocchio has them."""

    def __init__(self, robot):
        self.pin = pytest.importorskip("pinocchio", reason="Pinocchio is not installed: only PyBullet is compared with")
        model = self.pin.buildModelFromUrdf(str(robot.urdf))
        still = self.pin.neutral(model)
        for name, value in robot.held.items():
            still[model.joints[model.getJointId(name)].idx_q] = value
        locked = [model.getJointId(name) for name in model.names[1:] if name not in robot.joints]
        self.model = self.pin.buildReducedModel(model, locked, still)
        self.data, self.tip = self.model.createData(), np.array(robot.tip)
        self.base, self.tool = self.model.getFrameId(robot.base), self.model.getFrameId(robot.tool)

    def forward(self, joints):
        """Position, rotation and Jacobian of the tool."""
        self.pin.computeJointJacobians(self.model, self.data, joints)
        self.pin.updateFramePlacements(self.model, self.data)
        pose = self.data.oMf[self.base].actInv(self.data.oMf[self.tool])
        jacobian = self.pin.getFrameJacobian(self.model, self.data, self.tool, self.pin.LOCAL_WORLD_ALIGNED)
        arm = pose.rotation @ self.tip
        jacobian[:3] -= np.cross(arm, jacobian[3:].T).T
        return pose.translation + arm, pose.rotation, jacobian


@pytest.mark.parametrize("other", [PyBulletArm, PinocchioArm])
@pytest.mark.parametrize("name", ROBOTS)
def test_forward_kinematics_and_jacobian_are_those_of_other_libraries(name, other):
    peer = other(Robot.load(name))
    for joints in random_joints(name, 200):
        pose, (position, rotation, jacobian) = CHAINS[name].forward(joints), peer.forward(joints)
        assert pose.position == pytest.approx(position, abs=1e-6)
        assert pose.rotation == pytest.approx(rotation, abs=1e-6)
        assert pose.jacobian == pytest.approx(jacobian, abs=1e-6)


@pytest.mark.parametrize("name", ROBOTS)
def test_inverse_kinematics_ends_where_that_of_the_physics_engine_does(name):
    robot, chain = Robot.load(name), CHAINS[name]
    peer, rest, rng = PyBulletArm(robot), np.array(list(robot.rest.values())), np.random.default_rng(0)
    for _ in range(20):
        position = np.array([*rng.uniform((0.3, -0.2), (0.6, 0.2)), 0.035])
        ours = chain.inverse(rest, position, matrix(robot.down), within_limits=True)
        theirs = peer.inverse(rest, position, np.array(robot.down))
        assert chain.forward(ours).position == pytest.approx(position, abs=1e-6)
        assert chain.forward(theirs).position == pytest.approx(position, abs=2e-4)
        assert ours == pytest.approx(theirs, abs=0.002 if len(rest) == 6 else 0.15)  # seven joints have a choice


@pytest.mark.parametrize("name", ROBOTS)
def test_one_step_goes_as_far_as_one_call_of_the_physics_engine(name):
    robot, chain = Robot.load(name), CHAINS[name]
    peer, down = PyBulletArm(robot).arm, matrix(robot.down)
    joints, rng = np.array(list(robot.rest.values())), np.random.default_rng(0)
    for _ in range(20):
        start = np.array([*rng.uniform((0.3, -0.2), (0.6, 0.2)), 0.035])
        joints = chain.inverse(joints, start, down, within_limits=True)
        way = 0.0075 * np.array([np.cos(angle := rng.uniform(0.0, 6.3)), np.sin(angle), 0.0])
        peer._place(joints)
        solved = peer._world.call(
            "calculateInverseKinematics", peer.body, peer._tool,
            (start + way - rotated(robot.tip, robot.down)).tolist(), robot.down, maxNumIterations=20,
        )  # fmt: skip
        theirs = np.array([solved[column] for column in peer._columns]) - joints
        ours = chain.step_towards(joints, start + way, down) - joints
        assert np.linalg.norm(ours - theirs) < 0.25 * np.linalg.norm(theirs)


@pytest.mark.parametrize("name", ROBOTS)
@settings(max_examples=30)
@given(shares=shares)
def test_the_jacobian_is_the_derivative(name, shares):
    chain = CHAINS[name]
    joints, step = within(chain, shares), 1e-6
    now = chain.forward(joints)
    for column, unit in enumerate(np.eye(len(joints))):
        then = chain.forward(joints + step * unit)
        assert (then.position - now.position) / step == pytest.approx(now.jacobian[:3, column], abs=1e-5)
        assert rotation_vector(then.rotation @ now.rotation.T) / step == pytest.approx(
            now.jacobian[3:, column], abs=1e-5
        )


@pytest.mark.parametrize("name", ROBOTS)
@settings(max_examples=50)
@given(way=st.tuples(*[st.floats(-0.02, 0.02)] * 3))
def test_the_inverse_reaches_what_is_near_and_turns_no_joint_for_nothing(name, way):
    robot, chain = Robot.load(name), CHAINS[name]
    rest = np.array(list(robot.rest.values()))
    start = chain.forward(rest)
    joints = chain.inverse(rest, start.position + way, start.rotation)
    there = chain.forward(joints)
    assert there.position == pytest.approx(start.position + way, abs=1e-7)
    assert there.rotation == pytest.approx(start.rotation, abs=1e-7)
    assert np.abs(joints - rest).max() <= 8.0 * np.linalg.norm(way) + 1e-9
    assert chain.inverse(rest, start.position, start.rotation) == pytest.approx(rest, abs=0)


@pytest.mark.parametrize("name", ROBOTS)
def test_the_inverse_ends_near_where_it_cannot_reach(name):
    robot, chain = Robot.load(name), CHAINS[name]
    rest = np.array(list(robot.rest.values()))
    start = chain.forward(rest)
    assert np.isfinite(chain.inverse(rest, start.position + [5.0, 0.0, 0.0], start.rotation)).all()


def test_a_chain_that_the_description_has_not_is_told_of():
    robot = dataclasses.replace(Robot.load("panda"), base="table")
    with pytest.raises(ConfigError, match="no chain of joints from 'table' to 'panda_grasptarget'.*correct base, tool"):
        KinematicChain(robot)


def test_the_frames_of_a_robot_are_turned_as_its_description_has_them():
    frames = Robot.load("panda").frames()
    assert frames["panda_hand"].quaternion == pytest.approx(frames["panda_grasptarget"].quaternion)
    assert not frames["panda_link0"].turns_with_tool and frames["panda_link8"].turns_with_tool
    eighth = frames["panda_link8"].in_base((1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    assert eighth == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0.0])
    assert "panda_link6" not in frames
    assert {"world", "link_base", "link6"} <= set(Robot.load("xarm6").frames())


@given(
    st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1), st.tuples(*[st.floats(-1, 1)] * 3)
)
def test_quaternions_and_matrices_turn_alike(quaternion, vector):
    unit = np.array(quaternion) / np.linalg.norm(quaternion)
    assert matrix(quaternion) @ vector == pytest.approx(rotated(vector, unit), abs=1e-9)
    assert product(unit, inverse(unit)) == pytest.approx([0.0, 0.0, 0.0, 1.0])
