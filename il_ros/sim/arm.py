"""The Panda: joint targets, tool velocities through inverse kinematics, and what its sensors say."""

from __future__ import annotations

import numpy as np

from il_ros.errors import ConfigError, unknown
from il_ros.signals import Array
from il_ros.sim.bullet import SUBSTEP_HZ, World
from il_ros.sim.model import JOINT_NAMES, REST

__all__ = ["JOINT_NAMES", "REST", "Arm"]
FINGERS = (9, 10)
TOOL_LINK = 11
DOWN = (1.0, 0.0, 0.0, 0.0)
"""The tool's orientation, x y z w: pointing at the table."""
DAMPING = 15.0
"""N m s/rad: what each joint of a compliant arm sets against being moved."""
FORCES = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
"""Torque limits, N m, of the robot's data sheet."""


class Arm:
    """A seven-joint arm whose tool points down."""

    def __init__(self, world: World, rate_hz: float) -> None:
        self._world = world
        self.dt = 1.0 / rate_hz
        self._substeps = round(SUBSTEP_HZ / rate_hz)
        if self._substeps * rate_hz != SUBSTEP_HZ:
            raise ConfigError(
                f"rate_hz is {rate_hz:g}; physics runs at {SUBSTEP_HZ} Hz, choose a divisor of that, such as 20 or 60"
            )
        self.body = world.load("franka_panda/panda.urdf")
        self._joints = list(range(7))
        self._links = {
            world.call("getJointInfo", self.body, j)[12].decode(): j
            for j in range(world.call("getNumJoints", self.body))
        }
        info = [world.call("getJointInfo", self.body, j) for j in self._joints]
        self.lower = np.array([i[8] for i in info])
        self.upper = np.array([i[9] for i in info])
        self.max_velocity = np.array([i[11] for i in info])
        self._joint_target = REST.copy()
        self._tool_target = np.zeros(3)

    def reset(self, tool_position: Array) -> None:
        """Put the arm at rest with its tool at ``tool_position``, m; the same argument gives the same bits."""
        joints = REST.copy()
        for _ in range(60):
            self._place(joints)
            joints = self._solve(tool_position)
        self._place(joints)
        self._joint_target = joints
        self._tool_target = np.array(tool_position, dtype=np.float64)
        self._drive(joints, np.zeros(7))

    def _place(self, joints: Array) -> None:
        for joint, angle in zip(self._joints, joints.tolist()):
            self._world.call("resetJointState", self.body, joint, angle, 0.0)
        for finger in FINGERS:
            self._world.call("resetJointState", self.body, finger, 0.0, 0.0)

    def _solve(self, tool_position: Array) -> Array:
        """(7,) rad, one round of damped least squares from the present posture."""
        found = self._world.call(
            "calculateInverseKinematics", self.body, TOOL_LINK, tool_position.tolist(), DOWN, maxNumIterations=20
        )
        joints: Array = np.clip(np.array(found[:7]), self.lower, self.upper)
        return joints

    def move_tool(self, velocity: Array) -> None:
        """Move the tool's target by ``velocity`` (3,), m/s, for one control step."""
        self._tool_target = self._tool_target + velocity * self.dt
        self.move_joints(self._solve(self._tool_target), tool_target=self._tool_target)

    def move_joints(self, target: Array, tool_target: Array | None = None) -> None:
        """Drive the joints to ``target`` (7,), rad, within one control step, as far as limits allow."""
        target = np.clip(target, self.lower, self.upper)
        reach = self.max_velocity * self.dt
        target = self._joint_target + np.clip(target - self._joint_target, -reach, reach)
        velocity = (target - self._joint_target) / self.dt
        self._joint_target = target
        self._drive(target, velocity)
        if tool_target is None:
            self._tool_target = self.tool()[0]

    def _drive(self, joints: Array, velocity: Array) -> None:
        self._world.call(
            "setJointMotorControlArray", self.body, self._joints, 2, targetPositions=joints.tolist(),
            targetVelocities=velocity.tolist(), forces=FORCES, positionGains=(0.3,) * 7, velocityGains=(1.0,) * 7,
        )  # fmt: skip
        self._world.call(
            "setJointMotorControlArray", self.body, FINGERS, 2, targetPositions=(0.0, 0.0), forces=(20.0, 20.0)
        )

    def advance(self) -> bool:
        """Let one control step pass; returns whether the arm touched a post at any time in it."""
        touched = False
        for _ in range(self._substeps):
            self._world.step()
            touched = touched or self._world.touches(self.body)
        return touched

    def yielding(self, link: str, force: Array) -> tuple[Array, Array]:
        """How a compliant arm moves when ``force`` (3,), N, pushes at the origin of ``link``.

        Admittance control, as position-controlled arms are made compliant: every joint turns as if it were a damper
        under the torque that the force makes there; Hogan 1985, doi:10.1115/1.3140702.

        Returns:
            (7,) rad/s of the joints, and (3,) m/s of the tool, which that amounts to.

        Raises:
            ConfigError: if the arm has no such link.
        """
        if link not in self._links:
            raise unknown("link of the arm,", link, self._links)
        velocities = np.clip(
            self._jacobian(self._links[link]).T @ force / DAMPING, -self.max_velocity, self.max_velocity
        )
        return velocities, self._jacobian(TOOL_LINK) @ velocities

    def _jacobian(self, link: int) -> Array:
        """(3, 7) m/rad, of the link's origin."""
        at = [self._world.call("getJointState", self.body, joint)[0] for joint in (*self._joints, *FINGERS)]
        still = [0.0] * len(at)
        linear, _ = self._world.call("calculateJacobian", self.body, link, (0.0, 0.0, 0.0), at, still, still)
        return np.array(linear)[:, :7]

    def joints(self) -> tuple[Array, Array]:
        """Positions (7,) rad and velocities (7,) rad/s."""
        states = self._world.call("getJointStates", self.body, self._joints)
        return np.array([s[0] for s in states]), np.array([s[1] for s in states])

    def tool(self) -> tuple[Array, Array]:
        """Position (3,) m and orientation (4,) x y z w of the tool's tip."""
        state = self._world.call("getLinkState", self.body, TOOL_LINK, computeForwardKinematics=1)
        return np.array(state[4]), np.array(state[5])
