# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Inverse kinematics (IK): turn tool velocities into joint positions, for operators and scripts, on any arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.frames import angle, matrix, rotation_matrix
from il_ros.core.types import Array, RobotState
from il_ros.robot.chain import KinematicChain, ToolPose
from il_ros.robot.description import Robot

MOVED_RAD = 0.01
"""An arm whose joints are farther than this from their set-point was moved by somebody else."""
LAG_S = 0.2
"""How long a moving arm may lag behind its set-point, and by how much the stamps of tool and joints may differ."""
NEAR = 1e-6
"""m and rad; a tool that is nearer than this to where it is commanded has reached it."""
TOOL_M, TOOL_RAD = 0.01, 0.1
"""The tolerance between ``tool_pose`` and the tool pose that follows from ``joint_states``."""
REACQUIRE_M, REACQUIRE_RAD = 0.01, 0.1
"""A tool that is farther than this from the height or orientation that a script keeps was moved by somebody else."""


class Kinematics:
    """Turns tool velocities into joint positions, for operators and scripts that command the tool; no simulator.

    An operator moves a set-point, which begins at the measured joint positions. As long as the arm follows it, only the
    velocity moves it: an arm that hangs a little below its set-point does not sink step by step, a slow motion goes as
    far as a quick one, and an orientation that is not commanded stays as it was. The set-point begins anew after a
    pause of the operator's, in another episode, and when somebody else has moved the arm.

    A script's command is relative to the measured pose, whoever has moved the arm there; so it is as good a label of a
    state that a policy has visited, and an arm that lags or overshoots is up to a quarter slower or faster than
    commanded, at every speed. There the tool points down, turned about the vertical as it is; it is tilted only by a
    velocity about x or y. Height and orientation are kept where the velocity does not change them.
    """

    def __init__(self, contract: Contract, robot: Robot) -> None:
        parts = [part for part in contract.action if part.kind != "gripper"]
        self._robot, self._order = robot, [robot.joints.index(part.name) for part in parts]
        self._dt, self._chain, self._down = 1.0 / contract.rate_hz, KinematicChain(robot), matrix(robot.down)
        low, high = np.empty(len(robot.joints)), np.empty(len(robot.joints))
        low[self._order], high[self._order] = contract.low[~contract.is_gripper], contract.high[~contract.is_gripper]
        self._low, self._high = np.maximum(low, self._chain.lower), np.minimum(high, self._chain.upper)
        self.reset()
        self._span: Span | None = None
        self.remark = ""
        """What keeps the tool from moving as the operator commands, if anything does."""

    @classmethod
    def of(cls, contract: Contract) -> Kinematics | None:
        """Make the kinematics of a contract that commands the joints of its robot; None for any other contract."""
        if contract.moves_tool:
            return None
        robot = Robot.load(contract.robot)
        names = {part.name for part in contract.action if part.kind != "gripper"}
        return cls(contract, robot) if names == set(robot.joints) else None

    def reset(self) -> None:
        """Forget the height and the orientation that a script kept: another episode begins."""
        self._height, self._rotation = np.inf, self._down

    def __call__(self, velocity: Array, reading: RobotState, scripted: bool = False) -> Array:
        """Return (J,) rad, the joint positions one step after ``reading`` if the tool moves by ``velocity``.

        They are in the order of the contract's action, without its gripper.

        Args:
            velocity: (3,) m/s, or (6,) m/s and rad/s, along and about the axes of the base frame.
            reading: the measured state of the arm.
            scripted: whether a script commands it, not an operator.

        Raises:
            MessageError: if the reading lacks one of the robot's joints, or its tool pose does not fit them.
        """
        joints = self._measured(reading)
        pose = self._chain.forward(joints)
        self._check(reading, pose)
        follow = self._follow_script if scripted else self._follow_operator
        return follow(velocity[:3], np.resize(velocity[3:], 3), reading, joints, pose)[self._order]

    def _measured(self, reading: RobotState) -> Array:
        """Return (J,) rad, in the order of the robot."""
        measured = dict(zip(reading.joint_names, reading.joint_positions.tolist()))
        absent = [name for name in self._robot.joints if name not in measured]
        if absent:
            raise MessageError(
                f"joint_states has no {', '.join(absent)}; check the contract's robot, {self._robot.urdf}, and the arm"
            )
        joints = np.array([measured[name] for name in self._robot.joints])
        if not np.isfinite(joints).all():
            raise MessageError(f"joint_states has {joints.tolist()} rad; every joint's position must be finite")
        return joints

    def _check(self, reading: RobotState, pose: ToolPose) -> None:
        """Compare the reading's tool pose with the one that follows from its joints.

        Raises:
            MessageError: if they are too far apart.
        """
        apart_m = float(np.linalg.norm(reading.tool_position - pose.position))
        apart_rad = angle(matrix(reading.tool_quaternion) @ pose.rotation.T)
        if apart_m <= TOOL_M and apart_rad <= TOOL_RAD:
            return
        speed = pose.jacobian @ self._velocities(reading)
        allowed_m = TOOL_M + LAG_S * float(np.linalg.norm(speed[:3]))
        allowed_rad = TOOL_RAD + LAG_S * float(np.linalg.norm(speed[3:]))
        if not (apart_m <= allowed_m and apart_rad <= allowed_rad):  # NaN is refused
            raise MessageError(
                f"tool_pose has the tool at {_place(reading.tool_position)} m, joint_states have it at "
                f"{_place(pose.position)} m: {apart_m * 1e3:.0f} mm and {np.degrees(apart_rad):.0f} deg apart, "
                f"where {allowed_m * 1e3:.0f} mm and {np.degrees(allowed_rad):.0f} deg are allowed; make tip, tool and "
                f"base of the robot file (urdf {self._robot.urdf}) those of the arm's driver, or set the driver's TCP "
                "and frame"
            )

    def _velocities(self, reading: RobotState) -> Array:
        """Return (J,) rad/s; 0 for a joint whose velocity is not published."""
        measured = dict(zip(reading.joint_names, reading.joint_velocities.tolist()))
        velocities = np.array([measured.get(name, 0.0) for name in self._robot.joints])
        fastest = self._chain.max_velocity
        return np.where(np.isfinite(velocities), np.clip(velocities, -fastest, fastest), 0.0)

    def _follow_script(
        self, linear: Array, angular: Array, reading: RobotState, joints: Array, pose: ToolPose
    ) -> Array:
        """Return (J,) rad, the command of a script."""
        target = reading.tool_position + linear * self._dt
        if linear[2] or abs(self._height - reading.tool_position[2]) > REACQUIRE_M:
            self._height = target[2]
        target[2] = self._height
        if angular.any() or angle(pose.rotation @ self._rotation.T) > REACQUIRE_RAD:
            measured = pose.rotation if angular[:2].any() else self._upright(pose.rotation)
            self._rotation = rotation_matrix(angular * self._dt) @ measured
        return self._chain.step_towards(joints, target, self._rotation)

    def _upright(self, rotation: Array) -> Array:
        """Return (3, 3), the orientation nearest to ``rotation`` (3, 3) in which the tool points down."""
        turn = rotation @ self._down.T
        yaw = np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1])
        return rotation_matrix(np.array([0.0, 0.0, yaw])) @ self._down

    def _follow_operator(
        self, linear: Array, angular: Array, reading: RobotState, joints: Array, pose: ToolPose
    ) -> Array:
        """Return (J,) rad, the command of an operator."""
        span, self.remark = self._span, ""
        if span is None or not span.goes_on(reading.stamp_ns, joints, self._dt):
            before_ns = reading.stamp_ns - round(self._dt * 1e9)
            span = Span(before_ns, joints, 0.0, pose.position, pose.rotation)
        passed_s = (reading.stamp_ns - span.stamp_ns) / 1e9
        target, position, rotation = span.target, span.position, span.rotation
        if linear.any() or angular.any():
            goal, turned = position + linear * passed_s, rotation
            if angular.any():
                turned = rotation_matrix(angular * passed_s) @ rotation
            target = self._within(target, self._chain.inverse(target, goal, turned), joints, passed_s)
            reached = self._chain.forward(target)
            position, rotation = reached.position, reached.rotation if angular.any() else rotation
            short = np.linalg.norm(goal - position) > max(0.5 * np.linalg.norm(linear) * passed_s, NEAR)
            short = short or angle(turned @ rotation.T) > max(0.5 * np.linalg.norm(angular) * passed_s, NEAR)
            self.remark = self.remark or ("the arm reaches no farther that way" if short else "")
        fastest = max(float(np.abs(target - span.target).max()) / passed_s, span.fastest * np.exp(-passed_s / LAG_S))
        self._span = Span(reading.stamp_ns, target, fastest, position, rotation)
        return target

    def _within(self, start: Array, goal: Array, measured: Array, passed_s: float) -> Array:
        """Return (J,) rad, as much of the way to ``goal`` as every joint can go; all of them go the same share of it.

        A joint that is beyond its limits may come back, and goes no farther.
        """
        way = goal - start
        low, high = np.minimum(self._low, measured), np.maximum(self._high, measured)
        room = np.where(way > 0, high - start, start - low)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(way == 0, 1.0, np.clip(room, 0.0, None) / np.abs(way))
        if shares.min() < 1.0:
            worst = int(shares.argmin())
            self.remark = (
                f"{self._robot.joints[worst]} is at its limit ({self._low[worst]:.2f} to {self._high[worst]:.2f} rad); "
                "the tool goes no farther that way"
            )
        speeds = self._chain.max_velocity * passed_s / np.maximum(np.abs(way), 1e-12)
        target: Array = start + max(0.0, min(1.0, float(shares.min()), float(speeds.min()))) * way
        return target


@dataclass(frozen=True)
class Span:
    """An operator's set-point at the last step at which they drove."""

    stamp_ns: int
    target: Array
    """(J,) rad, the set-point."""
    fastest: float
    """rad/s, the speed of the fastest joint lately."""
    position: Array
    """(3,) m, the tool's position at the set-point."""
    rotation: Array
    """(3, 3), the orientation that the tool has kept since the span began, or was last turned."""

    def goes_on(self, stamp_ns: int, joints: Array, dt: float) -> bool:
        """Return whether the same operator still drives an arm that has followed so far."""
        passed_s = (stamp_ns - self.stamp_ns) / 1e9
        if not 0.0 < passed_s < 1.5 * dt:
            return False
        return float(np.abs(joints - self.target).max()) <= MOVED_RAD + LAG_S * self.fastest


def _place(numbers: Array) -> str:
    return f"({', '.join(f'{number:.3f}' for number in numbers)})"
