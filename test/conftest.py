# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One thread of torch in every test: beside a busy neighbour two wait for each other a hundred times longer.

SIGINT interrupts a test, and whatever it starts, even if a script's shell had pytest ignore it (``make test &``).
Where PyBullet cannot be had, whatever makes a simulation is skipped, and says so. ``colcon test`` runs what is quick.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NoReturn

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
        patch.setattr(physics.World, "__init__", skip)
        yield


@pytest.fixture(scope="session")
def simulation() -> None:
    """For who simulates in a process of its own, or draws the simulated arm."""
    if not SIMULATES:
        skip()
