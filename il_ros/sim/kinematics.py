# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which joint positions move the tool as somebody wants: inverse kinematics beside the arm, simulated or real."""

from __future__ import annotations

import numpy as np

from il_ros.errors import MessageError
from il_ros.signals import Array, Reading
from il_ros.sim.arm import Arm
from il_ros.sim.bullet import World
from il_ros.sim.robot import Robot
from il_ros.specs import Contract

REACQUIRE_M = 0.01
"""A tool that is farther than this from the height which is kept has been moved by somebody else."""


class Kinematics:
    """Turns tool velocities into joint positions, for people and scripts who think of the tool.

    What is wanted is relative to where the arm is, whoever has moved it there; so it is as good a label of a state that
    a policy has visited, and an arm that lags or overshoots is up to a quarter slower or faster than was asked for.

    The tool keeps pointing down. Where the velocity says nothing of the height, the height is kept: the arm hangs a
    little below where it is told to be, and would sink step by step otherwise.
    """

    def __init__(self, contract: Contract, robot: Robot) -> None:
        self._robot, self._order = robot, [robot.joints.index(name) for name in contract.action_names]
        self._arm = Arm(World(), robot, contract.rate_hz)
        self._height = np.inf

    @classmethod
    def of(cls, contract: Contract) -> Kinematics | None:
        """What a contract that commands the joints of its robot needs; None for any other."""
        if contract.moves_tool:
            return None
        robot = Robot.load(contract.robot)
        return cls(contract, robot) if set(contract.action_names) == set(robot.joints) else None

    def __call__(self, velocity: Array, reading: Reading) -> Array:
        """(Da,) rad, the joint positions one step after ``reading`` if the tool moves by ``velocity`` (3,), m/s.

        Raises:
            MessageError: if the reading lacks one of the robot's joints.
        """
        at = dict(zip(reading.joint_names, reading.joint_positions.tolist()))
        absent = [name for name in self._robot.joints if name not in at]
        if absent:
            raise MessageError(
                f"joint_states has no {', '.join(absent)}; check the contract's robot, {self._robot.urdf}, and the arm"
            )
        target = reading.tool_position + velocity * self._arm.dt
        if velocity[2] or abs(self._height - reading.tool_position[2]) > REACQUIRE_M:
            self._height = target[2]
        target[2] = self._height
        joints = self._arm.solve(np.array([at[name] for name in self._robot.joints]), target)
        return joints[self._order]
