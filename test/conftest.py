# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One thread of torch in every test: beside a busy neighbour two wait for each other a hundred times longer.

SIGINT interrupts a test, and whatever it starts, even if a script's shell had pytest ignore it (``make test &``).
A graph of nodes has a domain of its own. Where PyBullet cannot be had, whatever makes a simulation is skipped, and says
so. ``colcon test`` runs what is quick.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from il_ros.learning.inference import use_one_thread

use_one_thread()
settings.register_profile("il_ros", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("il_ros")  # how long an example takes tells how busy the machine is, and nothing of ours

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SIMULATES = find_spec("pybullet") is not None


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what takes long or talks over topics, if colcon asks and nobody says what to run."""
    if "COLCON" in os.environ and not config.option.markexpr:
        config.option.markexpr = "not graph and not slow"


def skip(*_: object) -> NoReturn:
    """Skip the test that runs."""
    pytest.skip("PyBullet is not installed: no simulation")


@pytest.fixture(autouse=True, scope="session")
def _without_simulation() -> Iterator[None]:
    """Skips a test at the moment at which it, or what it is given, would make a world."""
    if SIMULATES:
        yield
        return
    from il_ros.sim import physics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(physics.PhysicsClient, "__init__", skip)
        yield


@pytest.fixture(scope="session")
def simulation() -> None:
    """For who simulates in a process of its own, or draws the simulated arm."""
    if not SIMULATES:
        skip()


@pytest.fixture(autouse=True, scope="session")
def domain() -> None:
    """Whoever starts the tests, they hear nobody else: of tests side by side each worker has a domain of its own."""
    if not find_spec("rclpy"):
        return
    from il_ros.launching.ros_domain import isolate

    if "ROS_AUTOMATIC_DISCOVERY_RANGE" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.update(isolate(os.environ))


def make_device(name: str, task: str, expert: str = "random") -> Any:
    """A device as the expert node makes it."""
    from il_ros.core.contract import Contract
    from il_ros.sim import tasks
    from il_ros.teleop import Setup, load

    loaded = tasks.load(task)
    return load(name, Setup(Contract.load("panda_plane"), tasks.ScriptedExpert(loaded, expert), loaded.clearance))


@pytest.fixture(scope="session")
def device() -> Callable[..., Any]:
    """Makes devices."""
    return make_device


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint of a policy class, hardly trained: it drives, errs, and has to be corrected."""
    from il_ros.core.contract import Contract
    from il_ros.evaluation.rollouts import run_episode
    from il_ros.gate import Gate, GateConfig
    from il_ros.learning import checkpoint as checkpoints
    from il_ros.learning.critic import learn
    from il_ros.learning.data.dataset import Dataset
    from il_ros.learning.training.config import TrainingConfig
    from il_ros.learning.training.trainer import train
    from il_ros.sim.env import ArmEnv

    contract = Contract.load("panda_plane")
    env, gate = ArmEnv("avoid", contract), Gate(contract, GateConfig(rule="demonstration"))
    expert = make_device("scripted", "avoid", "nearest")
    shown = [run_episode(env, gate, seed, None, expert).episode for seed in range(2)]
    env.close()

    @cache  # whoever asks for the same gets the same
    def make(policy: str) -> Path:
        config = TrainingConfig.load(policy, steps=150)
        made = train(Dataset.from_episodes(shown, config.n_obs_steps, config.horizon), config)
        critic = learn(made.policy, made.normaliser, shown, contract, 0) if config.critic else None
        path = tmp_path_factory.mktemp("checkpoints") / policy
        checkpoints.save(path, made, contract, [{"name": "shown", "digest": "0"}], critic=critic)
        return path

    return make


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Starts rclpy in this process, with parameters for whatever nodes the test makes."""
    import rclpy

    def start(**parameters: object) -> None:
        values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in parameters.items()}
        words = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
        rclpy.init(args=["--ros-args", *words])

    yield start
    rclpy.try_shutdown()


SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""The calling thread's time on a processor, its time in the queue for one, ns, and how often it was given one."""


def unstalled_s() -> float:
    """The steady clock, s, less what the calling thread has waited for a processor."""
    waited_ns = int(SCHEDSTAT.read_text(encoding="utf-8").split()[1]) if SCHEDSTAT.exists() else 0
    return time.monotonic() - waited_ns / 1e9


class Graph:
    """Nodes that the test spins."""

    def __init__(self) -> None:
        from il_ros.ros.rclpy_internals.events_executor import make_executor

        self.nodes: list[Any] = []
        self._executor = make_executor()

    def add(self, node: Any) -> Any:
        """Spin it, too, and close it in the end."""
        self.nodes.append(node)
        self._executor.add_node(node)
        return node

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Spin until it is done, or for so long; whether it is done.

        What this thread, which is all nodes', waits for a processor does not count: it is no fault of theirs.
        """
        limit = unstalled_s() + seconds
        while not done() and unstalled_s() < limit:
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
