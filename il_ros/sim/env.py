# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arm and a task as a gymnasium environment; the simulation node and in-process rollouts both use it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from il_ros.core import messages
from il_ros.core.contract import TOOL_AXES, Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import Array, RobotState
from il_ros.robot.description import Robot
from il_ros.sim import tasks
from il_ros.sim.arm import Arm
from il_ros.sim.physics import PhysicsClient
from il_ros.sim.tasks import StepState
from il_ros.sim.timeline import EpisodeClock

CORNERS = 200
"""A line is drawn with so many points at most."""


class ArmEnv(EpisodeClock, gymnasium.Env[Array, Array]):
    """A task done by the arm that the contract names.

    The observation is what the contract makes of the arm's topics, (Do,) float32. The action is the contract's,
    (Da,) float64: tool velocities named ``tool_vx``, ``tool_vy``, ``tool_vz`` (m/s), or joint positions (rad).
    A reward of 1 comes with success. ``info`` holds the ``outcome``, and the ``way`` that a success took.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: str = "fork",
        contract: str | Contract = "panda_plane",
        render_mode: str | None = None,
        time_limit: bool = True,
    ) -> None:
        super().__init__(task)
        self.contract = contract if isinstance(contract, Contract) else Contract.load(contract)
        self.task_name, self.task, self.render_mode = task, tasks.load(task), render_mode
        self._time_limit = time_limit
        self.robot = Robot.load(self.contract.robot)
        self._control = Control.of(self.contract, self.robot)
        self._world = PhysicsClient()
        self._arm = Arm(self._world, self.robot, self.contract.rate_hz)
        self._furnish()
        self._layout = self.task.layout(np.random.default_rng(0))
        self._world.place(self._bodies, self._layout.poses)
        self._world.call("performCollisionDetection")
        self._clean = self._world.call("saveState")
        self._arm.reset(self._layout.tool_start)  # or it says what is out of its reach
        self._states: list[StepState] = []
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(self.contract.observation),), np.float32)
        self.action_space = gymnasium.spaces.Box(self.contract.low, self.contract.high, dtype=np.float64)

    def _furnish(self) -> None:
        self._world.add_box(np.array([0.45, 0.0, -0.02]), np.array([0.45, 0.45, 0.02]), (0.93, 0.93, 0.91, 1.0))
        for line in self.task.lines:
            drawn = line[np.linspace(0, len(line) - 1, min(CORNERS, len(line))).round().astype(int)]
            self._world.add_ribbon(np.column_stack([drawn, np.full(len(drawn), 0.002)]), 0.003, (0.0, 0.45, 0.7, 1.0))
        self._bodies = [self._world.add_body(body) for body in self.task.bodies]
        self._obstacles = {number for number, body in zip(self._bodies, self.task.bodies) if body.obstacle}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin the episode ``seed``; the same seed begins the same episode, whatever came before."""
        super().reset(seed=seed)
        seed = int(self.np_random.integers(2**31)) if seed is None else seed
        self._layout = self.task.layout(np.random.default_rng([seed, 0]))
        self._world.call("restoreState", self._clean)
        self._world.place(self._bodies, self._layout.poses)
        self._arm.reset(self._layout.tool_start)
        self._begin(seed)
        reading = self.reading()
        self._states = [self._state(reading, False)]
        return self.observe(reading), {}

    def reading(self) -> RobotState:
        """Return the measured state of arm and scene now."""
        positions, velocities = self._arm.joints()
        poses, robot = self._layout.poses, self.robot
        return RobotState(
            self._stamp_ns,
            positions,
            velocities,
            *self._arm.tool(),
            poses[:, :3],
            robot.joints,
            robot.base,
            poses[:, 3:],
        )

    def _state(self, reading: RobotState, touched: bool) -> StepState:
        """Return what the task judges by."""
        elapsed_s = (self._stamp_ns - self._start.first_stamp_ns) / 1e9 if self._time_limit else 0.0
        still, count = np.zeros((len(self._bodies), 6)), len(self._bodies)
        return StepState(
            elapsed_s, reading.tool_position, reading.tool_quaternion, 1.0, self._layout.poses, still, touched,
            np.zeros(count, dtype=bool),
        )  # fmt: skip

    def observe(self, reading: RobotState) -> Array:
        """Return (Do,) float32, the observation of a reading by the contract."""
        return messages.observation(self.contract, messages.plain_messages(reading))

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Execute one action for one control step."""
        reading, outcome = self.advance(action)
        success = outcome == "success"
        ended = outcome is not None
        info = {"outcome": outcome, "way": self.way} if ended else {}
        return self.observe(reading), float(success), ended and outcome != "timeout", outcome == "timeout", info

    def advance(self, action: Array) -> tuple[RobotState, str | None]:
        """Execute one action; return the new reading, and the outcome once the episode has ended."""
        self._control.apply(self._arm, np.clip(action, self.contract.low, self.contract.high))
        touched = self._arm.advance(self._obstacles)
        self._stamp_ns += self.contract.step_ns
        reading = self.reading()
        self._states.append(self._state(reading, touched))
        return reading, self.task.outcome(self._states)

    def yielding(self, link: str, force: Array) -> Array:
        """Return (Da,), the action with which the arm gives way to ``force`` (3,), N, on the link of that name.

        Raises:
            ConfigError: if the arm has no such link.
        """
        return np.clip(self._control.yielding(self._arm, link, force), self.contract.low, self.contract.high)

    @property
    def way(self) -> int | None:
        """The way that the tool has taken, once it is through."""
        return self.task.way(self._states)

    def pose(self, reading: RobotState) -> None:
        """Put arm and posts where a reading has them, for ``render`` to draw.

        Raises:
            MessageError: if it lacks one of their positions.
        """
        self._arm.pose(dict(zip(reading.joint_names, reading.joint_positions)))
        if not np.isfinite(reading.objects).all():
            raise MessageError(f"objects are at {reading.objects.tolist()}; to be drawn, they must be at finite places")
        self._world.place(self._bodies, reading.object_poses)

    def render(self, width: int = 480, height: int = 360) -> Array:
        """Return (height, width, 3) uint8: the arm and the posts from behind and above."""
        return self._world.picture(width, height, np.array([1.4, -0.9, 0.95]), np.array([0.3, 0.02, 0.2]))

    def close(self) -> None:
        """Free the physics client."""
        self._world.close()


class Control:
    """How the contract's action moves the arm: by tool velocities or by joint positions, whichever it names."""

    def __init__(self, names: tuple[str, ...], order: tuple[str, ...]) -> None:
        self._joints, self._width = order is not TOOL_AXES, len(order)
        self._index = [order.index(name) for name in names]

    @classmethod
    def of(cls, contract: Contract, robot: Robot) -> Control:
        """Make the control that the contract asks for.

        Raises:
            ConfigError: if its components are neither all tool velocities nor the robot's joints.
        """
        names = contract.action_names
        if set(names) == set(robot.joints):
            return cls(names, robot.joints)
        if contract.moves_tool:
            return cls(names, TOOL_AXES)
        raise ConfigError(
            f"the simulated arm cannot be driven by {', '.join(names)}; name some of {', '.join(TOOL_AXES)}, "
            f"or all of {', '.join(robot.joints)}"
        )

    def apply(self, arm: Arm, action: Array) -> None:
        """Give the arm its targets for one control step."""
        values = np.zeros(self._width)
        values[self._index] = action
        if self._joints:
            arm.move_joints(values)
        else:
            arm.move_tool(values[:3])

    def yielding(self, arm: Arm, link: str, force: Array) -> Array:
        """Return (Da,), the action that gives way to a force; see ``Arm.yielding``."""
        joint_velocities, tool_velocity = arm.yielding(link, force)
        moved = arm.joints()[0] + joint_velocities * arm.dt
        values: Array = (moved if self._joints else np.concatenate([tool_velocity, np.zeros(3)]))[self._index]
        return values
