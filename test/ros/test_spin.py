# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The executor delivers, idles without burning a core, and ends on a signal: what its plain ``spin()`` does not do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rclpy.executors import ExternalShutdownException

import il_ros
from il_ros.launching import graph
from il_ros.launching.processes import Processes
from il_ros.recording.bag import reader
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.recovery import leftovers
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.client.node import ClientNode

pytestmark = pytest.mark.graph


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("executor", "farewell"),
    [
        ("events", signal.SIGINT),
        ("single", signal.SIGTERM),
        pytest.param("events", signal.SIGTERM, marks=pytest.mark.long),
        pytest.param("single", signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_a_node_delivers_idles_and_ends_on_a_signal(executor: str, farewell: signal.Signals, tmp_path: Path) -> None:
    environment = {**graph._environment(), "IL_ROS_EXECUTOR": executor}
    os.environ.update({name: environment[name] for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")})
    with Processes(tmp_path, environment) as processes:
        child = processes.start("gate", [sys.executable, "-m", "il_ros.nodes.gate_node"])
        with GraphClient(processes.check) as director:
            director.wait("the node's diagnostics", lambda: "gate_node" in director.heard)  # its timers run
            director.set("gate_node", execute_steps=4)  # its services run
            for _ in range(2):  # the second time, a whole period passes
                used, since = cpu_s(child.process.pid), time.monotonic()
                director.heard.clear()
                director.wait("the next diagnostics", lambda: "gate_node" in director.heard)
            share = (cpu_s(child.process.pid) - used) / (time.monotonic() - since)
        child.process.send_signal(farewell)
        assert child.process.wait(timeout=5.0) == 0
        assert "Traceback" not in child.log.read_text(encoding="utf-8")
    assert share < 0.4


def test_whatever_is_under_way_is_finished_when_signals_come(tmp_path: Path) -> None:
    """All nodes in one process, in the middle of an episode that is recorded."""
    environment = graph._environment()
    os.environ.update({name: environment[name] for name in graph.DISCOVERY})
    parameters = {
        "folder": tmp_path / "e",
        "checkpoints": tmp_path / "c",
        "auto_reset": "true",
        "rule": "demonstration",
    }
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    with Processes(tmp_path, environment) as processes:
        child = processes.start("all", [sys.executable, "-m", "il_ros.nodes.container_node", "--ros-args", *words])
        with GraphClient(processes.check) as director:
            facts = director.heard
            director.wait("a recording", lambda: int(facts.get("recorder_node", {}).get("in_episode", 0)) > 0)
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            child.process.send_signal(number)
        assert child.process.wait(timeout=10.0) == 0
        assert "Traceback" not in child.log.read_text(encoding="utf-8")
    (path,) = EpisodeStore(tmp_path / "e").closed()
    assert reader.read(path).facts["partial"] and not leftovers(tmp_path / "e")


def test_a_graph_without_an_expert_ends_after_as_many_episodes_as_are_wanted(tmp_path: Path) -> None:
    """A rollout behind a gymnasium environment in one process: nobody drives, and each episode is recorded."""
    given = {"rule": "none", "composed": "true", "lockstep": "true", "episodes": "1"}
    options = json.dumps({"max_episode_steps": 20})
    folders = {"folder": str(tmp_path / "e"), "checkpoints": str(tmp_path / "c")}
    words = [f"{name}:={value}" for name, value in {**given, **folders, "environment_options": options}.items()]
    done = subprocess.run(
        [sys.executable, "-m", "il_ros.cli", "launch", "gym", *words],
        env={**graph._environment(), "PYTHONPATH": str(Path(il_ros.__file__).parents[1])},
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "there is no expert; to have one drive, set it to package.module:function" in done.stdout
    assert [reader.read(path).facts["outcome"] for path in EpisodeStore(tmp_path / "e").closed()] == ["timeout"]


def test_a_signal_while_a_node_is_being_made_ends_the_process_without_a_word(tmp_path: Path) -> None:
    code = (
        "import os, signal; from il_ros.ros import spin; from il_ros.nodes.gate_node import GateNode\n"
        "def make():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return GateNode()\n"
        "raise SystemExit(spin.main(make))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=graph._environment(), capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, b"")


def test_a_signal_that_rclpy_hears_first_interrupts_who_waits() -> None:
    def spin_once(timeout_sec: float) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        raise ExternalShutdownException

    who = SimpleNamespace(_executor=SimpleNamespace(spin_once=spin_once))
    with pytest.raises(KeyboardInterrupt):
        ClientNode.let_in(who)  # type: ignore[arg-type]


@pytest.mark.parametrize("farewell", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", ["as a module", "as a console script"])
def test_a_signal_while_a_node_is_being_imported_ends_the_process_without_a_word(
    how: str, farewell: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "rclpy.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    script = tmp_path / "gate_node"
    script.write_text("from il_ros.nodes.gate_node import main\nraise SystemExit(main())\n")
    words = ["-m", "il_ros.nodes.gate_node"] if how == "as a module" else [str(script)]
    path = os.pathsep.join([str(tmp_path), str(Path(il_ros.__file__).parents[1])])
    environment = {**graph._environment(), "PYTHONPATH": path}
    with subprocess.Popen([sys.executable, *words], env=environment, stdout=-1, stderr=subprocess.STDOUT) as child:
        assert child.stdout is not None and child.stdout.readline() == b"importing\n"
        child.send_signal(farewell)
        assert (child.wait(timeout=5.0), child.stdout.read()) == (128 + farewell, b"")


@pytest.mark.parametrize("executor", ["events", "single"])
def test_a_signal_in_the_middle_of_a_callback_ends_the_process_well_and_without_a_word(executor: str) -> None:
    code = (
        "import os, signal, rclpy; from std_msgs.msg import String\n"
        "from il_ros.ros import spin; from il_ros.nodes.gate_node import GateNode\n"
        "class Node(GateNode):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.every(0.01, self.act)\n"
        "        self.topic = self.create_publisher(String, 'late', 1)\n"
        "    def act(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        self.topic.publish(String())\n"
        "raise SystemExit(spin.main(Node))"
    )
    environment = {**graph._environment(), "IL_ROS_EXECUTOR": executor}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "rule:=nobodys"], "gating rule 'nobodys' is not known"),
        (["-p", "contract:=pandaplane"], "pandaplane"),
        (["-p", "execute_steps:=-1"], "execute_steps is -1; it must be from 0 to 1000"),
    ],
)
def test_a_node_that_cannot_start_says_why_in_one_line(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "il_ros.nodes.gate_node", "--ros-args", *arguments]
    ended = subprocess.run(command, env=graph._environment(), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    (line,) = [line for line in ended.stderr.splitlines() if "Error" in line]
    assert said in line and "Traceback" not in ended.stderr
