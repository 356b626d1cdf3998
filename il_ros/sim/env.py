# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The arm and a task as a gymnasium environment; the simulation node and in-process rollouts both use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium
import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.types import Array, RobotState
from il_ros.robot.description import Robot
from il_ros.sim import tasks
from il_ros.sim.arm import Arm
from il_ros.sim.cameras import SIZE, Cameras
from il_ros.sim.control import Control
from il_ros.sim.physics import PhysicsClient
from il_ros.sim.tasks import StepState
from il_ros.sim.timeline import EpisodeClock


class ArmEnv(EpisodeClock, gymnasium.Env[Array, Array]):
    """A task done by the arm that the contract names.

    The observation is what the contract makes of the arm's topics, (Do,) float32. The action is the contract's,
    (Da,) float64: tool velocities named as in ``TOOL_AXES`` (m/s, rad/s), or joint positions (rad), and the gripper's
    position. A reward of 1 comes with success. ``info`` says ``is_success`` at every step, in the end the ``outcome``
    and the ``way`` that a success took.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: str = "fork",
        contract: str | Contract | None = None,
        render_mode: str | None = None,
        time_limit: bool = True,
    ) -> None:
        super().__init__(task)
        self.task_name, self.task, self.render_mode = task, tasks.load(task), render_mode
        contract = contract or self.task.contract
        self.contract = contract if isinstance(contract, Contract) else Contract.load(contract)
        self.task.check(self.contract)
        self._time_limit = time_limit
        self.robot = Robot.load(self.contract.robot)
        self._control = Control(self.contract, self.robot)
        self._world = PhysicsClient()
        grips = self._control.gripper is not None
        self._arm = Arm(self._world, self.robot, self.contract.rate_hz, grips)
        self._furnish()
        self._layout = self.task.layout(np.random.default_rng(0))
        self._world.park(self._bodies)
        self._clean = self._world.call("saveState")
        self._begin_layout()  # or it says what is out of its reach
        self._cameras: Cameras | None = None
        self._states: list[StepState] = []
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(self.contract.observation),), np.float32)
        self.action_space = gymnasium.spaces.Box(self.contract.low, self.contract.high, dtype=np.float64)

    def _furnish(self) -> None:
        self._world.furnish(self.task, solid=True)
        self._bodies = [self._world.add_body(body) for body in self.task.bodies]
        self._moving = any(body.mass_kg for body in self.task.bodies)
        self._obstacles = {number for number, body in zip(self._bodies, self.task.bodies) if body.obstacle}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin the episode ``seed``; the same seed begins the same episode, whatever came before."""
        super().reset(seed=seed)
        seed = int(self.np_random.integers(2**31)) if seed is None else seed
        self._layout = self.task.layout(np.random.default_rng([seed, 0]))
        self._begin_layout()
        self._begin(seed)
        reading = self.reading()
        self._states = [self._state(reading, False)]
        return self.observe(reading), {}

    def _begin_layout(self) -> None:
        """Put bodies and arm where the layout has them; nothing is left of what was before."""
        layout = self._layout
        self._world.park(self._bodies)
        self._world.call("restoreState", self._clean)
        self._world.place(self._bodies, layout.poses)
        self._arm.reset(layout.tool_start, layout.tool_yaw, layout.grip)
        self._poses = self._world.poses(self._bodies) if self._moving else layout.poses

    def reading(self) -> RobotState:
        """Return the measured state of arm and scene now."""
        positions, velocities = self._arm.joints()
        poses = self._poses
        return RobotState(
            self._stamp_ns, positions, velocities, *self._arm.tool(), poses[:, :3], self._arm.joint_names,
            self.robot.base, poses[:, 3:], self._arm.grip(positions),
        )  # fmt: skip

    def _state(self, reading: RobotState, touched: bool) -> StepState:
        """Return what the task judges by."""
        elapsed_s = (self._stamp_ns - self._start.first_stamp_ns) / 1e9
        velocities = self._world.velocities(self._bodies) if self._moving else np.zeros((len(self._bodies), 6))
        grip = 1.0 if np.isnan(reading.grip) else reading.grip
        return StepState(
            elapsed_s, reading.tool_position, reading.tool_quaternion, grip, self._poses, velocities, touched,
            self._arm.holds(self._bodies),
        )  # fmt: skip

    def observe(self, reading: RobotState) -> Array:
        """Return (Do,) float32, the observation of a reading by the contract."""
        return messages.observation(self.contract, messages.plain_messages(reading))

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Execute one action for one control step."""
        reading, outcome = self.advance(action)
        success = outcome == "success"
        ended = outcome is not None
        info: dict[str, Any] = {"is_success": success}
        if ended:
            info |= {"outcome": outcome, "way": self.way}
        return self.observe(reading), float(success), ended and outcome != "timeout", outcome == "timeout", info

    def advance(self, action: Array) -> tuple[RobotState, str | None]:
        """Execute one action; return the new reading, and the outcome once the episode has ended."""
        self._control.apply(self._arm, np.clip(action, self.contract.low, self.contract.high))
        touched = self._arm.advance(self._obstacles)
        self._stamp_ns += self.contract.step_ns
        if self._moving:
            self._poses = self._world.poses(self._bodies)
        reading = self.reading()
        self._states.append(self._state(reading, touched))
        outcome = self.task.outcome(self._states)
        return reading, None if outcome == "timeout" and not self._time_limit else outcome

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
        """Put arm and bodies where a reading has them, for ``render`` to draw; bodies that it lacks are out of view.

        Raises:
            MessageError: if it lacks one of their positions.
        """
        self._arm.pose(dict(zip(reading.joint_names, reading.joint_positions)))
        if not np.isfinite(reading.object_poses).all():
            raise MessageError(f"objects are at {reading.objects.tolist()}; to be drawn, they must be at finite places")
        seen = len(reading.objects)
        self._world.place(self._bodies[:seen], reading.object_poses)
        self._world.park(self._bodies[seen:])

    def render(self, width: int = 480, height: int = 360) -> Array:
        """Return (height, width, 3) uint8: the arm and the posts from behind and above."""
        return self._world.picture(width, height, np.array([1.4, -0.9, 0.95]), np.array([0.3, 0.02, 0.2]), 38.0)

    def images(self, names: Iterable[str], size: Sequence[int] = SIZE) -> dict[str, Array]:
        """Return (H, W, 3) uint8, what each of the cameras ``front`` and ``wrist`` sees now; size is width, height.

        Raises:
            ConfigError: if there is no such camera.
        """
        if self._cameras is None:
            self._cameras = Cameras(self.robot, self.task)
        positions = dict(zip(self._arm.joint_names, self._arm.joints()[0].tolist()))
        return self._cameras.images(self.robot.drawn(positions), self._poses, names, size)

    def close(self) -> None:
        """Free the physics clients."""
        self._world.close()
        if self._cameras is not None:
            self._cameras.close()
