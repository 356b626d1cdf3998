# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rod pushes two blocks on a table into two zones: ``examples.two_blocks.environment:TwoBlocks-v0``.

Any block may go to any zone, but each to one of its own. The observation names every part; what is written here for
gymnasium alone is all that ``il-ros contract from-gym`` needs to know.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pybullet
from numpy.typing import NDArray
from pybullet_utils.bullet_client import BulletClient  # type: ignore[import-untyped]

Array = NDArray[np.float64]
RATE_HZ = 10
SUBSTEPS = 24
"""Of the physics, in one step."""
BLOCK_M, ROD_M = 0.04, 0.01
"""Edge of a block, and radius of the rod."""
ROD_Z_M = 0.055
NEAR_M = 0.05
"""A block whose middle is nearer to that of a zone lies in it."""
FAST_M = 0.03
"""The rod's place may be moved by so much in a step, along each axis."""
LOW, HIGH = np.array([0.1, -0.4]), np.array([0.65, 0.4])
"""Where the rod may be."""
MAX_STEPS = 250
"""Of an episode."""


class TwoBlocks(gymnasium.Env[Any, Array]):
    """An action moves the place where the rod is to be, (2,), m; one seed is one episode, whatever came before."""

    metadata = {"render_fps": RATE_HZ, "render_modes": []}
    action_space = gymnasium.spaces.Box(-FAST_M, FAST_M, (2,), np.float64)

    def __init__(self) -> None:
        sizes = {f"block{n}_{what}": size for n in (1, 2) for what, size in (("position", 2), ("yaw", 1))}
        sizes |= {"zone1_target": 2, "zone2_target": 2, "rod_position": 2, "rod_commanded_position": 2}
        self.observation_space = gymnasium.spaces.Dict(
            {name: gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float64) for name, size in sizes.items()}
        )
        self._world = BulletClient(pybullet.DIRECT)
        self._closed = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, Array], dict[str, Any]]:
        """Lay out blocks, zones and rod anew."""
        super().reset(seed=seed)
        rng, world = self.np_random, self._world
        world.resetSimulation()
        world.setGravity(0, 0, -9.81)
        world.createMultiBody(0, world.createCollisionShape(pybullet.GEOM_PLANE))
        box = world.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[BLOCK_M / 2] * 3)
        sides = rng.permutation([-0.12, 0.12])
        self._blocks = []
        for side in sides:
            place = np.array([0.35, side]) + rng.uniform(-0.04, 0.04, 2)
            turn = pybullet.getQuaternionFromEuler([0, 0, rng.uniform(-np.pi, np.pi)])
            block = world.createMultiBody(0.05, box, -1, [*place, BLOCK_M / 2], turn)
            world.changeDynamics(block, -1, lateralFriction=0.6, linearDamping=0.5, angularDamping=0.5)
            self._blocks.append(block)
        self._zones = np.array([[0.5, -0.12], [0.5, 0.12]]) + rng.uniform(-0.03, 0.03, (2, 2))
        self._commanded = np.array([0.25, 0.0]) + rng.uniform(-0.03, 0.03, 2)
        rod = world.createCollisionShape(pybullet.GEOM_CYLINDER, radius=ROD_M, height=0.1)
        at = [*self._commanded, ROD_Z_M]
        self._rod = world.createMultiBody(0.5, rod, -1, at)
        self._hand = world.createConstraint(self._rod, -1, -1, -1, pybullet.JOINT_FIXED, [0] * 3, [0] * 3, at)
        return self._seen(), {}

    def step(self, action: Array) -> tuple[dict[str, Array], float, bool, bool, dict[str, Any]]:
        """Move the rod evenly to where it is to be."""
        self._commanded = np.clip(self._commanded + np.clip(action, -FAST_M, FAST_M), LOW, HIGH)
        start, _ = self._pose(self._rod)
        for share in np.arange(1, SUBSTEPS + 1) / SUBSTEPS:
            place = start + share * (self._commanded - start)
            self._world.changeConstraint(self._hand, [*place, ROD_Z_M], maxForce=50)
            self._world.stepSimulation()
        seen = self._seen()
        blocks = np.stack([seen["block1_position"], seen["block2_position"]])
        is_in = np.linalg.norm(blocks[:, None] - self._zones, axis=2) < NEAR_M  # (blocks, zones)
        done = bool((is_in[0, 0] and is_in[1, 1]) or (is_in[0, 1] and is_in[1, 0]))
        return seen, float(done), done, False, {"is_success": done}

    def close(self) -> None:
        """End the physics."""
        if not self._closed:
            self._world.disconnect()
            self._closed = True

    def _pose(self, body: int) -> tuple[Array, float]:
        """Return place (2,), m, and yaw, rad, of a body."""
        position, turn = self._world.getBasePositionAndOrientation(body)
        return np.array(position[:2]), pybullet.getEulerFromQuaternion(turn)[2]

    def _seen(self) -> dict[str, Array]:
        seen = {"zone1_target": self._zones[0], "zone2_target": self._zones[1]}
        for number, block in enumerate(self._blocks, start=1):
            place, yaw = self._pose(block)
            seen |= {f"block{number}_position": place, f"block{number}_yaw": np.array([yaw])}
        seen |= {"rod_position": self._pose(self._rod)[0], "rod_commanded_position": self._commanded}
        return {name: part.copy() for name, part in seen.items()}


gymnasium.register("TwoBlocks-v0", entry_point="examples.two_blocks.environment:TwoBlocks", max_episode_steps=MAX_STEPS)
