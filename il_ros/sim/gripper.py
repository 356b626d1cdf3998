# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated gripper: two fingers that one joint drives, coupled as by a gear."""

from __future__ import annotations

from collections.abc import Mapping

from il_ros.core.errors import unknown
from il_ros.robot.description import Robot
from il_ros.robot.urdf import read_joints
from il_ros.sim.physics import PhysicsClient

POSITION_CONTROL, JOINT_GEAR = 2, 6
"""PyBullet's numbers for them."""
GEAR_FORCE, GEAR_ERP = 50.0, 0.1
"""How firmly the joints are coupled: N or N m, and the share of an error that is made good in a step of physics.

Fingers that are pressed by a force each are centred by nothing, and slide with what they hold to the end of their
travel; no friction and no greater force mends that.
"""


class GripperDrive:
    """The joints of a robot's gripper, driven within its limits of speed and force.

    Raises:
        ConfigError: if the arm has no such joint or link.
    """

    def __init__(
        self, world: PhysicsClient, body: int, robot: Robot, joints: Mapping[str, int], links: Mapping[str, int]
    ) -> None:
        assert robot.gripper is not None
        self._world, self._body, self.gripper = world, body, robot.gripper
        for names, known in ((self.gripper.joints, joints), (self.gripper.pads, links)):
            for name in names:
                if name not in known:
                    raise unknown("joint or link of the gripper,", name, known)
        self._joints = {name: joints[name] for name in self.gripper.joints}
        self.fingers = tuple(links[name] for name in self.gripper.pads)
        """The links that touch what is held."""
        limits = {joint.name: joint.max_velocity for joint in read_joints(robot.urdf)}
        self._fastest = limits[self.gripper.joint]
        self._gears: list[int] = []
        self.target = self.gripper.at(0.0)
        """Where the joint is commanded to be, m or rad."""

    def reset(self, grip: float) -> None:
        """Put the fingers where they are closed by the share ``grip``, and couple them anew."""
        self.target = self.gripper.at(grip)
        self.put(self.target)
        for gear in self._gears:
            self._world.call("removeConstraint", gear)
        first = self._joints[self.gripper.joint]
        self._gears = [self._gear(first, self._joints[name], by) for name, by in self.gripper.mimics.items()]
        self._drive()

    def others(self, held: Mapping[str, float]) -> dict[str, float]:
        """Return the held joints that are no part of the gripper."""
        return {name: value for name, value in held.items() if name not in self._joints}

    def put(self, position: float) -> None:
        """Put the fingers at a position of the joint."""
        for name, value in self.gripper.positions(position).items():
            self._world.call("resetJointState", self._body, self._joints[name], value, 0.0)

    def _gear(self, first: int, second: int, by: float) -> int:
        zero = [0.0, 0.0, 0.0]
        gear = int(
            self._world.call(
                "createConstraint", self._body, first, self._body, second, JOINT_GEAR, [1.0, 0.0, 0.0], zero, zero
            )
        )
        self._world.call("changeConstraint", gear, gearRatio=-1.0 / by, erp=GEAR_ERP, maxForce=GEAR_FORCE)
        return gear

    def move(self, target: float, dt: float) -> None:
        """Drive the joint to ``target``, m or rad, within a control step of ``dt`` s, as far as its limits allow."""
        low, high = sorted((self.gripper.open, self.gripper.closed))
        reach = self._fastest * dt
        self.target = min(max(target, low, self.target - reach), high, self.target + reach)
        self._drive()

    def _drive(self) -> None:
        share = self.gripper.force / len(self._joints)
        for name, value in self.gripper.positions(self.target).items():
            self._world.call(
                "setJointMotorControl2", self._body, self._joints[name], POSITION_CONTROL, targetPosition=value,
                force=share, maxVelocity=self._fastest,
            )  # fmt: skip

    def state(self) -> tuple[float, float]:
        """Return the joint's position, m or rad, and its velocity."""
        position, velocity, *_ = self._world.call("getJointState", self._body, self._joints[self.gripper.joint])
        return position, velocity
