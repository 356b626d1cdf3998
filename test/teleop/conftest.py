# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What devices are given, and readings to answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.topics import LEADER_PEDAL, LEADER_STATES
from il_ros.core.types import EpisodeStart, RobotState
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device, Setup, load

JOINTS, PLANE = Contract.load("panda_joints"), Contract.load("panda_plane")


@pytest.fixture(scope="session")
def reading() -> Callable[..., RobotState]:
    """A reading with the tool at (x, y) at a step."""

    def make(x: float = 0.3, y: float = 0.0, step: int = 0) -> RobotState:
        return RobotState(
            stamp_ns=10**9 + step * PLANE.step_ns,
            joint_positions=np.zeros(7),
            joint_velocities=np.zeros(7),
            tool_position=np.array([x, y, 0.035]),
            tool_quaternion=np.array([1.0, 0.0, 0.0, 0.0]),
            objects=np.array([[0.48, 0.0, 0.03]]),
        )

    return make


@pytest.fixture(scope="session", autouse=True)
def pilots() -> Iterator[ModuleType]:
    """A module of functions that can be experts."""
    module = ModuleType("pilots")
    module.ahead = lambda seen: (0.2, -seen[1])  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pilots", module)
        yield module


NEEDED = {"function": {"expert": "pilots:ahead"}}
"""Options without which a device cannot be."""


@pytest.fixture(scope="session")
def device() -> Callable[..., Device]:
    """Makes a device for the task ``fork``."""

    def make(
        name: str, contract: Contract | None = None, task: str = "fork", expert: str = "nearest", **options: Any
    ) -> Device:
        loaded = tasks.load(task)
        contract = contract or (JOINTS if name == "leader" else PLANE)
        return load(
            name,
            Setup(
                contract, tasks.ScriptedExpert(loaded, expert), loaded.clearance, {**NEEDED.get(name, {}), **options}
            ),
        )

    return make


class Puppeteer:
    """A leader arm that is led by the task's script: a second simulation of the arm, driven by tool velocities."""

    def __init__(self) -> None:
        self._arm, self._task = ArmEnv("fork", "panda_plane"), tasks.load("fork")
        self._device = load("leader", Setup(JOINTS))
        self._device.hear(LEADER_PEDAL.name, SimpleNamespace(data=False), 0)

    def reset(self, start: EpisodeStart) -> None:
        self._arm.reset(seed=start.seed)
        self._steer = self._task.expert("left", np.random.default_rng(0))
        self._device.reset(start)
        self._now_ns = 0

    def answer(self, reading: RobotState, now_ns: int = 0) -> Any:
        self._now_ns += JOINTS.step_ns
        led = self._arm.reading()
        self._device.hear(LEADER_PEDAL.name, SimpleNamespace(data=True), self._now_ns)
        told = SimpleNamespace(name=led.joint_names, position=led.joint_positions)
        self._device.hear(LEADER_STATES.name, told, self._now_ns)
        self._arm.advance(self._steer(led))
        return self._device.answer(reading, self._now_ns)


@pytest.fixture(scope="session")
def puppeteer() -> type[Puppeteer]:
    """Makes leaders that are led."""
    return Puppeteer
