# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The family of tasks in which a thing is handled: the first body is taken to where the second one is."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence

import numpy as np

from il_ros.core.frames import matrix
from il_ros.core.types import Array
from il_ros.sim.tasks.base import Body, StepState, Task

LASTING_S = 1.0
"""What an episode is judged by must last so long."""
REST_M_S, REST_RAD_S = 0.01, 0.1
"""Slower than this, a body is at rest."""
UPRIGHT = math.cos(math.radians(8.0))
"""The least vertical part of the axis of a body that stands upright."""
OPEN, AWAY_M = 0.3, 0.03
"""The gripper is open if it is closed less than this; it is away if its tip is farther than this from every body."""
ORANGE, BLUE, GREY = (0.84, 0.37, 0.0, 1.0), (0.0, 0.45, 0.7, 1.0), (0.55, 0.55, 0.55, 1.0)


class HandlingTask(Task):
    """Take the first body to the second one, and let it go there.

    The episode is a success once it has been there for a second: at rest, upright, touched by nobody, the gripper open
    and away.
    """

    contract = "panda_gripper"
    must_open = True
    """Whether the gripper must be open in the end."""

    @abc.abstractmethod
    def is_there(self, block: Array, goal: Array) -> bool:
        """Return whether the first body is where it belongs, given the poses (7,) of both."""

    def outcome(self, states: Sequence[StepState]) -> str | None:
        """Return ``success``, ``lost`` off the table, ``dropped`` if a body lies on its side, ``timeout``, or None."""
        state = states[-1]
        if min(state.poses[:, 2]) < -0.01:
            return "lost"
        if lasts(states, self._is_done):
            return "success"
        if lasts(states, self._is_dropped):
            return "dropped"
        return "timeout" if state.elapsed_s >= self.time_limit_s else None

    def _is_done(self, state: StepState) -> bool:
        return (
            self.is_there(*state.poses[:2])
            and is_at_rest(state)
            and all(map(is_upright, state.poses))
            and not state.held.any()
            and (state.grip < OPEN or not self.must_open)
            and all(distance(b, p, state.tool_position) > AWAY_M for b, p in zip(self.bodies, state.poses) if b.solid)
        )

    def _is_dropped(self, state: StepState) -> bool:
        return is_at_rest(state) and not state.held.any() and not all(map(is_upright, state.poses))


class GraspingTask(HandlingTask):
    """A task in which the gripper takes the first body along one or the other of its two axes."""

    experts = ("along_x", "along_y")
    ways = 2

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0 if the fingers closed along the body's x axis, 1 if along y; None if they never held it."""
        held = next((state for state in states if state.held[0]), None)
        if held is None:
            return None
        across = matrix(held.tool_quaternion)[:, 1] @ matrix(held.poses[0, 3:])
        return int(abs(across[1]) > abs(across[0]))


def lasts(states: Sequence[StepState], holds: Callable[[StepState], bool]) -> bool:
    """Return whether something has been so for the last second."""
    since_s = states[-1].elapsed_s - LASTING_S + 1e-6
    if states[0].elapsed_s > since_s:
        return False
    for state in reversed(states):
        if not holds(state):
            return False
        if state.elapsed_s <= since_s:
            return True
    return False


def is_at_rest(state: StepState) -> bool:
    """Return whether no body moves."""
    moving = np.linalg.norm(state.velocities.reshape(-1, 2, 3), axis=2)  # (N, 2) m/s and rad/s
    return bool((moving < (REST_M_S, REST_RAD_S)).all())


def is_upright(pose: Array) -> bool:
    """Return whether what is at ``pose`` (7,) stands upright."""
    return bool(matrix(pose[3:])[2, 2] > UPRIGHT)


def distance(body: Body, pose: Array, point: Array) -> float:
    """Return how far, m, a point (3,) is from a body's bounding box at ``pose`` (7,)."""
    beyond = np.abs((point - pose[:3]) @ matrix(pose[3:])) - np.array(body.size) / 2
    return float(np.linalg.norm(np.maximum(beyond, 0.0)))


def standing(place: Array, height: float, yaw: float) -> Array:
    """Return the pose (7,) of a thing of that height, m, which stands at ``place`` (2,), m, turned by ``yaw``, rad."""
    return np.array([place[0], place[1], height / 2, 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)])
