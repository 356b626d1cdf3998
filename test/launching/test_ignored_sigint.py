# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a script started with & ends on every signal all the same, though its shell had it ignore SIGINT."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from il_ros.launching import graph
from il_ros.ros.client.graph_client import GraphClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def in_background() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Python program as a script's shell does."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, **options: Any) -> subprocess.Popen[str]:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            started.append(subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True, **options))
        finally:
            signal.signal(signal.SIGINT, before)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_command_in_a_domain_of_its_own_hears_sigint(in_background: Callable[..., Any]) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    process = in_background("-m", "il_ros.launching.ros_domain", sys.executable, "-c", code)
    assert process.communicate(timeout=30)[0] == "True\n"


def test_the_tests_hear_sigint(in_background: Callable[..., Any]) -> None:
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test/ros/test_spin.py", "-k", "rclpy_hears_first")
    process = in_background(*words, cwd=ROOT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "1 passed" in said, said


@pytest.mark.graph
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_launch_ends_with_all_its_nodes(
    number: signal.Signals, tmp_path: Path, in_background: Callable[..., Any]
) -> None:
    words = ("-m", "il_ros.cli", "launch", "bringup", "--log-folder", str(tmp_path))
    process = in_background(*words, env=graph._environment())
    pids = [int(process.stdout.readline().split("(process ")[1].split(")")[0]) for _ in range(2)]
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.graph
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_node_ends_well(number: signal.Signals, in_background: Callable[..., Any]) -> None:
    environment = graph._environment()
    os.environ.update({name: environment[name] for name in graph.DISCOVERY})
    process = in_background("-m", "il_ros.nodes.gate_node", env=environment)
    with GraphClient() as director:
        director.wait("the gate", lambda: "gate_node" in director.heard)
    process.send_signal(number)
    assert process.wait(10) == 0
