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
ARMS = {name: (Robot.load(name), Arm(PhysicsClient(), Robot.load(name), 20.0)) for name in ROBOTS}
shares = st.lists(st.floats(0.02, 0.98), min_size=7, max_size=7)


def within(chain, shares):
    return chain.lower + np.array(shares[: len(chain.lower)]) * (chain.upper - chain.lower)


@pytest.mark.parametrize("name", ROBOTS)
@given(shares=shares)
def test_the_tool_is_where_the_physics_engine_has_it(name, shares):
    robot, arm = ARMS[name]
    chain = KinematicChain(robot)
    joints = within(chain, shares)
    arm.pose(dict(zip(robot.joints, joints)))
    position, quaternion = arm.tool()
    posture = chain.posture(joints)
    assert posture.position == pytest.approx(position, abs=1e-6)
    assert posture.turn == pytest.approx(matrix(quaternion), abs=1e-6)


@pytest.mark.parametrize("name", ROBOTS)
@given(shares=shares)
def test_the_jacobian_is_the_derivative(name, shares):
    chain = KinematicChain(ARMS[name][0])
    joints, step = within(chain, shares), 1e-6
    now = chain.posture(joints)
    for column, unit in enumerate(np.eye(len(joints))):
        then = chain.posture(joints + step * unit)
        assert (then.position - now.position) / step == pytest.approx(now.jacobian[:3, column], abs=1e-5)
        assert rotation_vector(then.turn @ now.turn.T) / step == pytest.approx(now.jacobian[3:, column], abs=1e-5)


@pytest.mark.parametrize("name", ROBOTS)
@settings(max_examples=50)
@given(way=st.tuples(*[st.floats(-0.02, 0.02)] * 3))
def test_the_inverse_reaches_what_is_near_and_turns_no_joint_for_nothing(name, way):
    robot, _ = ARMS[name]
    chain, rest = KinematicChain(robot), np.array(list(robot.rest.values()))
    start = chain.posture(rest)
    joints = chain.reach(rest, start.position + way, start.turn)
    there = chain.posture(joints)
    assert there.position == pytest.approx(start.position + way, abs=1e-7)
    assert there.turn == pytest.approx(start.turn, abs=1e-7)
    assert np.abs(joints - rest).max() <= 8.0 * np.linalg.norm(way) + 1e-9
    assert chain.reach(rest, start.position, start.turn) == pytest.approx(rest, abs=0)


@pytest.mark.parametrize("name", ROBOTS)
def test_the_inverse_ends_near_where_it_cannot_reach(name):
    robot, _ = ARMS[name]
    chain, rest = KinematicChain(robot), np.array(list(robot.rest.values()))
    start = chain.posture(rest)
    assert np.isfinite(chain.reach(rest, start.position + [5.0, 0.0, 0.0], start.turn)).all()


def test_a_chain_that_the_description_has_not_is_told_of():
    robot = dataclasses.replace(Robot.load("panda"), base="table")
    with pytest.raises(ConfigError, match="no chain of joints from 'table' to 'panda_grasptarget'.*mend base and tool"):
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
