# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated arm: joint targets, tool velocities through inverse kinematics, and its sensors."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from il_ros.core.errors import ConfigError, MessageError, unknown
from il_ros.core.frames import matrix, rotated, rotation_matrix
from il_ros.core.types import Array
from il_ros.robot.chain import KinematicChain
from il_ros.robot.description import Robot
from il_ros.sim.gripper import GripperDrive
from il_ros.sim.physics import SUBSTEP_HZ, PhysicsClient
from il_ros.sim.urdf_variants import with_pads

DAMPING = 15.0
"""N m s/rad: the damping of each joint of a compliant arm."""
FIXED = 4
"""PyBullet's number for a joint that cannot move."""
ASIDE_M = 0.005
"""A tool that cannot be put nearer than this to where it is to start is out of reach."""


class Arm:
    """An arm whose tool points down; with ``grips`` its gripper is driven, otherwise it is held where it is closed."""

    def __init__(self, world: PhysicsClient, robot: Robot, rate_hz: float, grips: bool = False) -> None:
        self._world, self.robot = world, robot
        self.dt = 1.0 / rate_hz
        self._substeps = round(SUBSTEP_HZ / rate_hz)
        if self._substeps * rate_hz != SUBSTEP_HZ:
            raise ConfigError(
                f"rate_hz is {rate_hz:g}; physics runs at {SUBSTEP_HZ} Hz, choose a divisor of that, such as 20 or 60"
            )
        with with_pads(robot) if grips else contextlib.nullcontext(robot.urdf) as urdf:
            self.body = world.load(str(urdf))
        info = [world.call("getJointInfo", self.body, j) for j in range(world.call("getNumJoints", self.body))]
        self._links = {i[12].decode(): i[0] for i in info}
        numbers = {i[1].decode(): i[0] for i in info if i[2] != FIXED}
        self._joints = [_number_of(name, "joint", numbers) for name in robot.rest]
        self.gripper = GripperDrive(world, self.body, robot, numbers, self._links) if grips else None
        held = robot.held if self.gripper is None else self.gripper.others(robot.held)
        self._held = [_number_of(name, "joint", numbers) for name in held]
        self._movable = list(numbers.values())
        self._columns = [self._movable.index(joint) for joint in self._joints]
        self._tool = _number_of(robot.tool, "link", self._links)
        self._tip, self._down = np.array(robot.tip), matrix(robot.down)
        self._forces = tuple(info[joint][10] for joint in self._joints)
        self._held_forces = tuple(info[joint][10] for joint in self._held)
        self._held_at = tuple(map(float, held.values()))
        self._chain = KinematicChain(robot)
        self.lower, self.upper, self.max_velocity = self._chain.lower, self._chain.upper, self._chain.max_velocity
        self._rest = np.array(list(robot.rest.values()), dtype=np.float64)
        self._joint_target = self._rest.copy()
        self._tool_target: tuple[Array, Array] | None = None
        self.joint_names = robot.joints if self.gripper is None else (*robot.joints, self.gripper.gripper.joint)
        """The joints that are measured."""

    def reset(self, tool_position: Array, yaw: float = 0.0, grip: float = 1.0) -> None:
        """Put the arm at rest with its tool at ``tool_position``, m; the same arguments give the same bits.

        Args:
            tool_position: (3,) m.
            yaw: rad about the vertical, by which the tool is turned.
            grip: how far the gripper is closed, from 0 to 1.

        Raises:
            ConfigError: if that is out of its reach.
        """
        rotation = rotation_matrix(np.array([0.0, 0.0, yaw])) @ self._down if yaw else self._down
        joints = self._chain.inverse(self._rest, tool_position, rotation, within_limits=True)
        self._place(joints)
        at, _ = self.tool()
        aside = float(np.linalg.norm(at - tool_position))
        if aside > ASIDE_M:
            start, got = (", ".join(f"{value:.3f}" for value in place) for place in (tool_position, at))
            raise ConfigError(
                f"the tool of {self.robot.urdf} is to start at ({start}) m and comes to ({got}), {aside * 1e3:.0f} mm "
                f"aside, where {ASIDE_M * 1e3:g} mm are allowed; give the robot another tip or rest, or choose a task "
                "within its reach"
            )
        self._joint_target = joints
        self._tool_target = np.array(tool_position, dtype=np.float64), rotation
        self._drive(joints, np.zeros(len(joints)))
        if self.gripper is not None:
            self.gripper.reset(grip)

    def _place(self, joints: Array) -> None:
        for joint, angle in zip((*self._joints, *self._held), (*joints.tolist(), *self._held_at)):
            self._world.call("resetJointState", self.body, joint, angle, 0.0)

    def pose(self, positions: Mapping[str, float]) -> None:
        """Put every joint at a position, rad, to be drawn there.

        Raises:
            MessageError: if one is missing, or is not finite.
        """
        joints = np.array([positions.get(name, np.nan) for name in self.robot.rest])
        if not np.isfinite(joints).all():
            raise MessageError(
                f"joints are at {dict(positions)}; to be drawn, the arm needs a finite angle of each of "
                f"{', '.join(self.robot.rest)}"
            )
        self._place(joints)
        opening = positions.get(self.joint_names[-1], np.nan)
        if self.gripper is not None and np.isfinite(opening):
            self.gripper.put(opening)

    def move_tool(self, velocity: Array) -> None:
        """Move the tool's target by ``velocity`` (6,), m/s along and rad/s about the base axes, for a control step."""
        if self._tool_target is None:
            position, quaternion = self.tool()
            self._tool_target = position, matrix(quaternion)
        position, rotation = self._tool_target
        position = position + velocity[:3] * self.dt
        if velocity[3:].any():
            rotation = rotation_matrix(velocity[3:] * self.dt) @ rotation
        joints = self._chain.step_towards(self._measured(), position, rotation)
        self.move_joints(joints)
        self._tool_target = position, rotation

    def move_gripper(self, target: float) -> None:
        """Drive the gripper's joint to ``target``, m or rad, within one control step, as far as limits allow."""
        if self.gripper is not None:
            self.gripper.move(target, self.dt)

    def move_joints(self, target: Array) -> None:
        """Drive the joints to ``target`` (J,), rad, within one control step, as far as limits allow."""
        target = np.clip(target, self.lower, self.upper)
        reach = self.max_velocity * self.dt
        target = self._joint_target + np.clip(target - self._joint_target, -reach, reach)
        velocity = (target - self._joint_target) / self.dt
        self._joint_target = target
        self._drive(target, velocity)
        self._tool_target = None

    def _drive(self, joints: Array, velocity: Array) -> None:
        count = len(self._joints)
        self._world.call(
            "setJointMotorControlArray", self.body, self._joints, 2, targetPositions=joints.tolist(),
            targetVelocities=velocity.tolist(), forces=self._forces, positionGains=(0.3,) * count,
            velocityGains=(1.0,) * count,
        )  # fmt: skip
        self._world.call(
            "setJointMotorControlArray", self.body, self._held, 2, targetPositions=self._held_at,
            forces=self._held_forces,
        )  # fmt: skip

    def advance(self, obstacles: Collection[int]) -> bool:
        """Advance by one control step; return whether the arm touched one of ``obstacles`` at any time in it."""
        touched = False
        for _ in range(self._substeps):
            self._world.step()
            touched = touched or (bool(obstacles) and not self._world.touching(self.body).isdisjoint(obstacles))
        return touched

    def yielding(self, link: str, force: Array) -> tuple[Array, Array]:
        """Return how a compliant arm moves when ``force`` (3,), N, pushes at the origin of ``link``.

        Admittance control, as position-controlled arms are made compliant: every joint turns as if it were a damper
        under the torque that the force makes there; Hogan 1985, doi:10.1115/1.3140702.

        Returns:
            (J,) rad/s of the joints, and (6,) m/s and rad/s of the tool, which that amounts to.

        Raises:
            ConfigError: if the arm has no such link.
        """
        jacobian = self._jacobian(_number_of(link, "link", self._links), np.zeros(3))
        velocities = np.clip(jacobian[:3].T @ force / DAMPING, -self.max_velocity, self.max_velocity)
        return velocities, self._jacobian(self._tool, self._tip) @ velocities

    def _jacobian(self, link: int, point: Array) -> Array:
        """Return (6, J) m/rad and rad/rad, the Jacobian of a point (3,) in the link's frame."""
        at = [self._world.call("getJointState", self.body, joint)[0] for joint in self._movable]
        still = [0.0] * len(at)
        linear, angular = self._world.call("calculateJacobian", self.body, link, point.tolist(), at, still, still)
        return np.vstack([linear, angular])[:, self._columns]

    def joints(self) -> tuple[Array, Array]:
        """Return positions and velocities of ``joint_names``, rad and rad/s, the gripper's in its own unit."""
        states = self._world.call("getJointStates", self.body, self._joints)
        values = [state[:2] for state in states]
        if self.gripper is not None:
            values.append(self.gripper.state())
        return np.array([value[0] for value in values]), np.array([value[1] for value in values])

    def _measured(self) -> Array:
        """Return the positions (J,) of the arm's joints, rad."""
        return self.joints()[0][: len(self._joints)]

    def grip(self, positions: Array) -> float:
        """Return how far the gripper is closed, from 0 to 1, at positions as of ``joints``; NaN if not driven."""
        return np.nan if self.gripper is None else self.gripper.gripper.grip(float(positions[-1]))

    def holds(self, bodies: Sequence[int]) -> Array:
        """Return (N,) bool, which of ``bodies`` both fingers touch."""
        if self.gripper is None or not bodies:
            return np.zeros(len(bodies), dtype=bool)
        touched = [self._world.touching(self.body, link) for link in self.gripper.fingers]
        between = set.intersection(*touched) if touched else set()
        return np.array([body in between for body in bodies])

    def tool(self) -> tuple[Array, Array]:
        """Return the position (3,) m of the tool's tip, and the orientation (4,) x y z w of its link."""
        state = self._world.call("getLinkState", self.body, self._tool, computeForwardKinematics=1)
        position, quaternion = np.array(state[4]), np.array(state[5])
        return (position + rotated(self._tip, quaternion) if self._tip.any() else position), quaternion


def _number_of(name: str, kind: str, numbers: Mapping[str, int]) -> int:
    """Return the number of a joint or link.

    Raises:
        ConfigError: if the arm has none of that name.
    """
    if name not in numbers:
        raise unknown(f"{kind} of the arm,", name, numbers)
    return numbers[name]
