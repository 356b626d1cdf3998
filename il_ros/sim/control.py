# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the contract's action drives the simulated arm: by tool velocities or joint positions, and its gripper."""

from __future__ import annotations

import numpy as np

from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.robot.description import Robot
from il_ros.sim.arm import Arm


class Control:
    """How the contract's action moves the arm.

    Raises:
        ConfigError: if its components are neither all tool velocities nor the robot's joints, beside one gripper.
    """

    def __init__(self, contract: Contract, robot: Robot) -> None:
        names = tuple(part.name for part in contract.action if part.kind != "gripper")
        grippers = np.flatnonzero(contract.is_gripper).tolist()
        if len(grippers) > (robot.gripper is not None):
            raise ConfigError(
                f"the contract {contract.name!r} commands {', '.join(contract.action[i].name for i in grippers)}; the "
                f"robot file of {robot.urdf} has {'no gripper' if robot.gripper is None else 'one gripper'}"
            )
        self.gripper: int | None = grippers[0] if grippers else None
        """Which component of the action is the gripper's."""
        self._arm_columns = np.flatnonzero(~contract.is_gripper)
        self._joints = set(names) == set(robot.joints)
        if not self._joints and not contract.moves_tool:
            raise ConfigError(
                f"the simulated arm cannot be driven by {', '.join(names)}; name some of {', '.join(TOOL_AXES)}, "
                f"or all of {', '.join(robot.joints)}"
            )
        order = robot.joints if self._joints else TOOL_AXES
        self._width, self._index = len(order), [order.index(name) for name in names]

    def apply(self, arm: Arm, action: Array) -> None:
        """Give the arm its targets for one control step."""
        values = np.zeros(self._width)
        values[self._index] = action[self._arm_columns]
        if self._joints:
            arm.move_joints(values)
        else:
            arm.move_tool(values)
        if self.gripper is not None:
            arm.move_gripper(float(action[self.gripper]))

    def yielding(self, arm: Arm, link: str, force: Array) -> Array:
        """Return (Da,), the action that gives way to a force, see ``Arm.yielding``; the gripper stays as it is."""
        joint_velocities, tool_velocity = arm.yielding(link, force)
        moved = arm.joints()[0][: len(joint_velocities)] + joint_velocities * arm.dt
        action = np.empty(len(self._arm_columns) + (self.gripper is not None))
        action[self._arm_columns] = (moved if self._joints else tool_velocity)[self._index]
        if self.gripper is not None and arm.gripper is not None:
            action[self.gripper] = arm.gripper.target
        return action
