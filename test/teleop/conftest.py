"""What devices are given, and readings to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from il_ros.signals import Reading
from il_ros.sim import tasks
from il_ros.specs import Contract
from il_ros.teleop import Device, Setup, load

PLANE = Contract.load("panda_plane")


@pytest.fixture(scope="session")
def reading() -> Callable[..., Reading]:
    """A reading with the tool at (x, y) at a step."""

    def make(x: float = 0.3, y: float = 0.0, step: int = 0) -> Reading:
        return Reading(
            stamp_ns=10**9 + step * PLANE.step_ns,
            joint_positions=np.zeros(7),
            joint_velocities=np.zeros(7),
            tool_position=np.array([x, y, 0.035]),
            tool_quaternion=np.array([1.0, 0.0, 0.0, 0.0]),
            objects=np.array([[0.48, 0.0, 0.03]]),
        )

    return make


@pytest.fixture(scope="session")
def device() -> Callable[..., Device]:
    """Makes a device for the task ``fork``."""

    def make(
        name: str, contract: Contract = PLANE, task: str = "fork", expert: str = "nearest", **options: Any
    ) -> Device:
        loaded = tasks.load(task)
        return load(name, Setup(contract, tasks.Scripted(loaded, expert), loaded.clearance, options))

    return make
