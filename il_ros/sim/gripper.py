# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated gripper: two fingers that one joint drives, coupled as by a gear."""

from __future__ import annotations

from collections.abc import Mapping

from il_ros.core.errors import unknown
from il_ros.robot.description import Robot
from il_ros.robot.urdf import read_joints
from il_ros.sim.physics import PhysicsClient
from il_ros.sim.urdf_variants import SLIDE, Linkage

POSITION_CONTROL, JOINT_GEAR = 2, 6
"""PyBullet's numbers for them."""
FASTEST_M_S = 0.2
"""Of each finger."""
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
        self._linkage, gripper = Linkage.of(robot), robot.gripper
        ratios = gripper.positions(1.0) if self._linkage is None else {SLIDE + name: 1.0 for name in gripper.pads}
        for names, known in ((ratios, joints), (gripper.pads, links)):
            for name in names:
                if name not in known:
                    raise unknown("joint or link of the gripper,", name, known)
        self._joints = {joints[name]: ratio for name, ratio in ratios.items()}
        self.fingers = tuple(links[name] for name in gripper.pads)
        """The links that touch what is held."""
        limits = {joint.name: joint.max_velocity for joint in read_joints(robot.urdf)}
        self._fastest = limits[gripper.joint]
        self._gears: list[int] = []
        self.target = gripper.at(0.0)
        """Where the joint is commanded to be, m or rad."""

    def reset(self, grip: float) -> None:
        """Put the fingers where they are closed by the share ``grip``, and couple them anew."""
        self.target = self.gripper.at(grip)
        self.put(self.target)
        for gear in self._gears:
            self._world.call("removeConstraint", gear)
        first, *others = self._joints
        self._gears = [self._gear(first, other) for other in others]
        self._drive()

    def others(self, held: Mapping[str, float]) -> dict[str, float]:
        """Return the held joints that are no part of the gripper."""
        return {name: value for name, value in held.items() if name not in self.gripper.joints}

    def put(self, position: float) -> None:
        """Put the fingers at a position of the joint."""
        slide = self._slide(position)
        for joint, ratio in self._joints.items():
            self._world.call("resetJointState", self._body, joint, ratio * slide, 0.0)

    def _gear(self, first: int, second: int) -> int:
        zero, ratio = [0.0, 0.0, 0.0], self._joints[second]
        gear = int(
            self._world.call(
                "createConstraint", self._body, first, self._body, second, JOINT_GEAR, [1.0, 0.0, 0.0], zero, zero
            )
        )
        self._world.call("changeConstraint", gear, gearRatio=-1.0 / ratio, erp=GEAR_ERP, maxForce=GEAR_FORCE)
        return gear

    def move(self, target: float, dt: float) -> None:
        """Drive the joint to ``target``, m or rad, within a control step of ``dt`` s, as far as its limits allow."""
        low, high = sorted((self.gripper.open, self.gripper.closed))
        reach = self._fastest * dt
        self.target = min(max(target, low, self.target - reach), high, self.target + reach)
        self._drive()

    def _drive(self) -> None:
        slide = self._slide(self.target)
        for joint, ratio in self._joints.items():
            self._world.call(
                "setJointMotorControl2", self._body, joint, POSITION_CONTROL, targetPosition=ratio * slide,
                force=self.gripper.force_n, maxVelocity=FASTEST_M_S,
            )  # fmt: skip

    def _slide(self, position: float) -> float:
        """Return where the fingers are, m, when the commanded joint is at ``position``."""
        return position if self._linkage is None else self._linkage.slide(position)

    def _position(self, slide: float) -> float:
        """Return the inverse of ``_slide``."""
        return slide if self._linkage is None else self._linkage.angle(slide)

    def state(self) -> tuple[float, float]:
        """Return the joint's position, m or rad, and its velocity."""
        slide, speed, *_ = self._world.call("getJointState", self._body, next(iter(self._joints)))
        position = self._position(slide)
        if self._linkage is None:
            return position, speed
        return position, (self._position(slide + 1e-3 * speed) - position) / 1e-3
