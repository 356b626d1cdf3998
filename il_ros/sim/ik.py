# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which joint positions move the tool as somebody wants: inverse kinematics beside the arm, simulated or real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.frames import angle, matrix
from il_ros.core.types import Array, RobotState
from il_ros.robot.chain import KinematicChain, Posture
from il_ros.robot.description import Robot
from il_ros.sim.arm import Arm
from il_ros.sim.physics import PhysicsClient

MOVED_RAD = 0.01
"""An arm whose joints are farther than this from where they were told to be was moved by somebody else."""
LAG_S = 0.2
"""How long an arm may take to be where it was told to be: by so much a moving arm may lag, and the stamps of its tool
and of its joints may differ."""
TOOL_M, TOOL_RAD = 0.01, 0.1
"""So far apart may the tool be that ``tool_pose`` tells of, and the one that follows from ``joint_states``."""
REACQUIRE_M = 0.01
"""A tool that is farther than this from the height which a script keeps has been moved by somebody else."""


class Kinematics:
    """Turns tool velocities into joint positions, for people and scripts who think of the tool.

    A person moves a set-point, which begins where the joints are measured. As long as the arm follows it only the
    velocity moves it: an arm that hangs a little below where it is told to be does not sink step by step, and the
    orientation, which nobody commands, stays as it was found. It begins anew after a pause of the person's, in another
    episode, and when somebody else has moved the arm.

    What a script wants is relative to where the arm is, whoever has moved it there; so it is as good a label of a state
    that a policy has visited, and an arm that lags or overshoots is up to a quarter slower or faster than was asked
    for. There the tool points down, and where the velocity says nothing of the height, the height is kept.
    """

    def __init__(self, contract: Contract, robot: Robot) -> None:
        self._robot, self._order = robot, [robot.joints.index(name) for name in contract.action_names]
        self._arm, self._chain = Arm(PhysicsClient(), robot, contract.rate_hz), KinematicChain(robot)
        low, high = np.empty(len(robot.joints)), np.empty(len(robot.joints))
        low[self._order], high[self._order] = contract.low, contract.high
        self._low, self._high = np.maximum(low, self._chain.lower), np.minimum(high, self._chain.upper)
        self._height = np.inf
        self._span: Span | None = None
        self.remark = ""
        """What keeps the tool from moving as a person wants, if anything does."""

    @classmethod
    def of(cls, contract: Contract) -> Kinematics | None:
        """What a contract that commands the joints of its robot needs; None for any other."""
        if contract.moves_tool:
            return None
        robot = Robot.load(contract.robot)
        return cls(contract, robot) if set(contract.action_names) == set(robot.joints) else None

    def __call__(self, velocity: Array, reading: RobotState, scripted: bool = False) -> Array:
        """(Da,) rad, the joint positions one step after ``reading`` if the tool moves by ``velocity`` (3,), m/s.

        Args:
            velocity: along the axes of the base frame.
            reading: where the arm is now.
            scripted: whether a script wants it, not a person.

        Raises:
            MessageError: if the reading lacks one of the robot's joints, or has its tool elsewhere than they have it.
        """
        joints = self._measured(reading)
        posture = self._chain.posture(joints)
        self._check(reading, posture)
        target = self._shown(velocity, reading, joints) if scripted else self._led(velocity, reading, joints, posture)
        return target[self._order]

    def _measured(self, reading: RobotState) -> Array:
        """(J,) rad, in the order of the robot."""
        at = dict(zip(reading.joint_names, reading.joint_positions.tolist()))
        absent = [name for name in self._robot.joints if name not in at]
        if absent:
            raise MessageError(
                f"joint_states has no {', '.join(absent)}; check the contract's robot, {self._robot.urdf}, and the arm"
            )
        joints = np.array([at[name] for name in self._robot.joints])
        if not np.isfinite(joints).all():
            raise MessageError(f"joint_states has {joints.tolist()} rad; every joint's position must be finite")
        return joints

    def _check(self, reading: RobotState, posture: Posture) -> None:
        """Compare the reading's tool with the one that follows from its joints.

        Raises:
            MessageError: if they are too far apart.
        """
        apart_m = float(np.linalg.norm(reading.tool_position - posture.position))
        apart_rad = angle(matrix(reading.tool_quaternion) @ posture.turn.T)
        if apart_m <= TOOL_M and apart_rad <= TOOL_RAD:
            return
        speed = posture.jacobian @ self._velocities(reading)
        allowed_m = TOOL_M + LAG_S * float(np.linalg.norm(speed[:3]))
        allowed_rad = TOOL_RAD + LAG_S * float(np.linalg.norm(speed[3:]))
        if not (apart_m <= allowed_m and apart_rad <= allowed_rad):  # NaN is refused
            raise MessageError(
                f"tool_pose has the tool at {_place(reading.tool_position)} m, joint_states have it at "
                f"{_place(posture.position)} m: {apart_m * 1e3:.0f} mm and {np.degrees(apart_rad):.0f} deg apart, "
                f"where {allowed_m * 1e3:.0f} mm and {np.degrees(allowed_rad):.0f} deg are allowed; make tip, tool and "
                f"base of the robot file (urdf {self._robot.urdf}) those of the arm's driver, or set the driver's TCP "
                "and frame"
            )

    def _velocities(self, reading: RobotState) -> Array:
        """(J,) rad/s; 0 for a joint that does not tell how fast it is."""
        at = dict(zip(reading.joint_names, reading.joint_velocities.tolist()))
        velocities = np.array([at.get(name, 0.0) for name in self._robot.joints])
        return np.where(np.isfinite(velocities), np.clip(velocities, -self._chain.fastest, self._chain.fastest), 0.0)

    def _shown(self, velocity: Array, reading: RobotState, joints: Array) -> Array:
        """(J,) rad, what a script wants."""
        target = reading.tool_position + velocity * self._arm.dt
        if velocity[2] or abs(self._height - reading.tool_position[2]) > REACQUIRE_M:
            self._height = target[2]
        target[2] = self._height
        return self._arm.solve(joints, target)

    def _led(self, velocity: Array, reading: RobotState, joints: Array, posture: Posture) -> Array:
        """(J,) rad, what a person wants."""
        span, self.remark = self._span, ""
        if span is None or not span.goes_on(reading.stamp_ns, joints, self._arm.dt):
            before_ns = reading.stamp_ns - round(self._arm.dt * 1e9)
            span = Span(before_ns, joints, 0.0, posture.position, posture.turn)
        passed_s = (reading.stamp_ns - span.stamp_ns) / 1e9
        target, position, turn = span.target, span.position, span.turn
        if np.any(velocity):
            wanted = position + velocity * passed_s
            target = self._within(target, self._chain.reach(target, wanted, turn), joints, passed_s)
            position = self._chain.posture(target).position
            short = np.linalg.norm(wanted - position) > 0.5 * np.linalg.norm(velocity) * passed_s
            self.remark = self.remark or ("the arm reaches no farther that way" if short else "")
        fastest = max(float(np.abs(target - span.target).max()) / passed_s, span.fastest * np.exp(-passed_s / LAG_S))
        self._span = Span(reading.stamp_ns, target, fastest, position, turn)
        return target

    def _within(self, start: Array, wanted: Array, measured: Array, passed_s: float) -> Array:
        """(J,) rad, as much of the way to ``wanted`` as every joint can go; all of them go the same share of it.

        A joint that is beyond its limits may come back, and goes no farther.
        """
        way = wanted - start
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
        speeds = self._chain.fastest * passed_s / np.maximum(np.abs(way), 1e-12)
        target: Array = start + max(0.0, min(1.0, float(shares.min()), float(speeds.min()))) * way
        return target


@dataclass(frozen=True)
class Span:
    """What a person's set-point was at the last step at which they drove."""

    stamp_ns: int
    target: Array
    """(J,) rad, the set-point."""
    fastest: float
    """rad/s, how fast it moved lately."""
    position: Array
    """(3,) m, where it has the tool."""
    turn: Array
    """(3, 3), how the tool is turned since the span began."""

    def goes_on(self, stamp_ns: int, joints: Array, dt: float) -> bool:
        """Whether the same person still drives an arm that has followed so far."""
        passed_s = (stamp_ns - self.stamp_ns) / 1e9
        if not 0.0 < passed_s < 1.5 * dt:
            return False
        return float(np.abs(joints - self.target).max()) <= MOVED_RAD + LAG_S * self.fastest


def _place(numbers: Array) -> str:
    return f"({', '.join(f'{number:.3f}' for number in numbers)})"
