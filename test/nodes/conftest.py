# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Graphs of real nodes in a domain of their own, and a policy to run in them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rclpy

from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.launching.ros_domain import isolate
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.critic import learn
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.trainer import TrainingConfig, train
from il_ros.ros import spin
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device, Setup, load

CONTRACT = Contract.load("panda_plane")


@pytest.fixture(autouse=True, scope="session")
def domain() -> None:
    """Whoever starts the tests, they hear nobody else."""
    if "ROS_AUTOMATIC_DISCOVERY_RANGE" not in os.environ:
        os.environ.update(isolate(os.environ))


def make_device(name: str, task: str, expert: str = "random") -> Device:
    """A device as the expert node makes it."""
    loaded = tasks.load(task)
    return load(name, Setup(CONTRACT, tasks.Scripted(loaded, expert), loaded.clearance))


@pytest.fixture(scope="session")
def device() -> Callable[..., Device]:
    """Makes devices."""
    return make_device


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint of a policy class, hardly trained: it drives, errs, and has to be corrected."""
    env, gate = ArmEnv("avoid", CONTRACT), Gate(CONTRACT, GateConfig(rule="demonstration"))
    expert = make_device("scripted", "avoid", "nearest")
    shown = [run_episode(env, gate, seed, None, expert).episode for seed in range(2)]
    env.close()

    @cache  # whoever asks for the same gets the same
    def make(policy: str) -> Path:
        config = TrainingConfig.load(policy, steps=150)
        made = train(Dataset.from_episodes(shown, config.history, config.horizon), config)
        critic = learn(made.policy, made.normaliser, shown, CONTRACT, 0) if config.critic else None
        path = tmp_path_factory.mktemp("checkpoints") / policy
        checkpoints.save(path, made, CONTRACT, [{"name": "shown", "digest": "0"}], critic=critic)
        return path

    return make


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Starts rclpy in this process, with parameters for whatever nodes the test makes."""

    def start(**parameters: object) -> None:
        values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in parameters.items()}
        words = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
        rclpy.init(args=["--ros-args", *words])

    yield start
    rclpy.try_shutdown()


class Graph:
    """Nodes that the test spins."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._executor = spin.make()

    def add(self, node: Any) -> Any:
        """Spin it, too, and close it in the end."""
        self.nodes.append(node)
        self._executor.add_node(node)
        return node

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Spin until it is done, or for so long; whether it is done."""
        limit = time.monotonic() + seconds
        while not done() and time.monotonic() < limit:
            self._executor.spin_once(timeout_sec=0.02)
        return done()

    def close(self) -> None:
        """End them all."""
        self._executor.shutdown()
        for node in self.nodes:
            getattr(node, "close", node.destroy_node)()


@pytest.fixture
def graph() -> Iterator[Graph]:
    """An empty one; ``ros`` must have been started."""
    made = Graph()
    yield made
    made.close()
