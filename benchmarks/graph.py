# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How fast the graph is: the recorder beside a typed one, and a round trip beside a stock executor's.

The recorder gets small JointState messages from another process, and so does a plain rclpy node that writes each with
mcap-ros2-support. The processor time of each process, from before the first message to a second after the last, is
told for each message that it kept. A speaker wakes each millisecond or so and sends those that are due. At 20,000/s
the peer loses some and holds the speaker up; at 2,000/s it keeps all, so both rates are reported.

A round trip is measured twice over, in one process and between processes. ``ping``: two nodes with one subscription
each, bytes on the executor that our nodes use, against typed messages, built anew, on rclpy's SingleThreadedExecutor
with ten further subscriptions a node. ``round``: a control round of our own nodes in lockstep, with a small policy and
an arm without physics (readings, policy, gate, command), on our executor, against the same nodes on the single-threaded
one with ten further subscriptions each; there all the work of the nodes counts, on both sides alike.

Examples:
  python -m benchmarks.graph
  python -m benchmarks.graph --messages 20000 --rounds 500 --repeats 1
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.page import processor_s
from benchmarks.results import join
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, GraphError, IlRosError
from il_ros.launching import graph
from il_ros.launching.processes import Processes
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.recording.bag import reader
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.ros.client.graph_client import GraphClient
from studies.demonstrations import demonstrate

ROOT = Path(__file__).parents[1]
CONTRACT = Contract.load("panda_plane")
QUIET_S = 1.0
"""A recorder that has kept nothing more for so long is done."""
NODES = ("sim_node", "policy_node", "gate_node")
LIMIT_S = 180.0
RATES = (20_000, 2_000)
"""Messages a second: of the claim, and one that the peer can sustain."""


def peers() -> str:
    """Return the folder where mcap-ros2-support is, which the environment of the peers has.

    Raises:
        ConfigError: if it is not there.
    """
    paths = [str(path.parent) for path in ROOT.glob(".venv-peers/lib/python*/site-packages/mcap_ros2")]
    if not paths:
        raise ConfigError("mcap-ros2-support is not in .venv-peers; run make bench, which installs the peers")
    return paths[0]


class Stage:
    """Processes of one measurement, in a domain of their own."""

    def __init__(self, folder: Path) -> None:
        environment = graph._environment()
        os.environ.update({name: environment[name] for name in graph.DISCOVERY})
        self.folder, self.processes = folder, Processes(folder / "logs", environment)

    def __enter__(self) -> Stage:
        self.processes.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.processes.__exit__(*error)

    def start(self, name: str, role: str, *ros: str, **arguments: Any) -> int:
        """Start a role; its process id."""
        command = [sys.executable, "-m", "benchmarks.graph_sides", role, json.dumps(arguments), *ros]
        return self.processes.start(name, command).process.pid

    def told(self, name: str) -> dict[str, Any]:
        """Return what a process has left in its file, once it has.

        Raises:
            GraphError: if one of the processes ends before, or it takes too long.
        """
        limit, path = time.monotonic() + LIMIT_S, self.folder / name
        while not path.exists():
            time.sleep(0.02)
            if time.monotonic() > limit:
                raise GraphError(f"{name} did not come within {LIMIT_S:g} s; the machine is too busy")
            if not path.exists():
                self.processes.check()
        facts: dict[str, Any] = json.loads(path.read_text())
        return facts


# The recorder ---------------------------------------------------------------------------------------------------------


def recorded(ours: bool, rate: float, messages: int) -> dict[str, float]:
    """Return lost messages, and processor time of a kept one, µs."""
    with tempfile.TemporaryDirectory() as temporary, Stage(Path(temporary)) as stage:
        return (_recorded_by_us if ours else _recorded_by_peer)(stage, rate, messages)


def _speak(stage: Stage, pid: int, rate: float, messages: int, count: Any) -> tuple[float, float]:
    """Return processor time, s, of the process from the first message to the last, and the rate that was reached."""
    time.sleep(QUIET_S)
    used = processor_s(pid)
    stage.start("speaker", "speak", told=str(stage.folder / "spoken"), rate=rate, messages=messages, readers=1)
    seconds = stage.told("spoken")["seconds"]
    before, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if (now := count()) != before:
            before, since = now, time.monotonic()
        time.sleep(0.05)
    return processor_s(pid) - used, messages / seconds


def _recorded_by_us(stage: Stage, rate: float, messages: int) -> dict[str, float]:
    episodes = stage.folder / "episodes"
    command = [sys.executable, "-m", "il_ros.nodes.recorder_node", "--ros-args", "-p", f"folder:={episodes}"]
    pid = stage.processes.start("recorder", command).process.pid
    with GraphClient(stage.processes.check) as director:
        director.wait("the recorder", lambda: "recorder_node" in director.heard)
        director.call("recorder/start")

        def size() -> int:
            return sum(path.stat().st_size for path in episodes.iterdir())

        used, reached = _speak(stage, pid, rate, messages, size)
        director.call("recorder/stop")
        director.wait("the bag", lambda: bool(director._recorded), LIMIT_S)
    (path,) = EpisodeStore(episodes).closed()
    recorded = reader.read(path).counts.get("/joint_states", 0)
    return {"us": 1e6 * used / recorded, "lost": messages - recorded, "rate": reached}


def _recorded_by_peer(stage: Stage, rate: float, messages: int) -> dict[str, float]:
    output = stage.folder / "kept"
    pid = stage.start("keeper", "keep", told=str(output), file=str(stage.folder / "kept.mcap"), folder=peers())
    stage.told("kept")
    used, reached = _speak(stage, pid, rate, messages, lambda: stage.told("kept")["count"])
    recorded = stage.told("kept")["count"]
    return {"us": 1e6 * used / max(1, recorded), "lost": messages - recorded, "rate": reached}


# Round trips ----------------------------------------------------------------------------------------------------------


def ping(stock: bool, apart: bool, rounds: int) -> float:
    """Measure the median round trip of two bare nodes, µs."""
    with tempfile.TemporaryDirectory() as temporary, Stage(Path(temporary)) as stage:
        if apart:
            stage.start("answerer", "answer", stock=stock)
        stage.start("asker", "ask", told=str(stage.folder / "took"), stock=stock, rounds=rounds, alone=apart)
        return 1e6 * float(np.median(stage.told("took")["seconds"]))


def control_round(stock: bool, apart: bool, rounds: int, checkpoint: Path) -> float:
    """Measure the median control round of our nodes, µs."""
    words = {"lockstep": "true", "rule": "none", "checkpoint": checkpoint}
    ros = ["--ros-args", *(word for name, value in words.items() for word in ("-p", f"{name}:={value}"))]
    with tempfile.TemporaryDirectory() as temporary, Stage(Path(temporary)) as stage:
        for names in [[name] for name in NODES] if apart else [list(NODES)]:
            took = str(stage.folder / "took")
            stage.start(names[0], "nodes", *ros, names=names, stock=stock, told=took, rounds=rounds)
        with GraphClient(stage.processes.check) as director:
            director.wait_ready(NODES)
            director.call("sim_node/reset")
        return 1e6 * float(np.median(stage.told("took")["seconds"]))


def small_policy(folder: Path) -> Path:
    """Train a checkpoint that answers quickly, hardly trained."""
    config = TrainingConfig.load("deterministic", steps=50)
    shown = demonstrate("fork", CONTRACT.name, "left", range(2))
    checkpoints.save(
        folder, train(Dataset.from_episodes(shown, config.n_obs_steps, config.horizon), config), CONTRACT, []
    )
    return folder


# All of it ------------------------------------------------------------------------------------------------------------

COMPARED = {
    "recorder": "Small JointState messages from another process; processor time of the process for each that it kept. "
    "Peer: a typed rclpy subscriber with the writer of mcap-ros2-support. Lost of ours, and of theirs: ",
    "ping": "Two nodes with a subscription each, bytes on our executor. Peer: typed messages, built anew, on rclpy's "
    "SingleThreadedExecutor, with ten further subscriptions a node.",
    "round": "A control round in lockstep (readings, policy, gate, command), an arm without physics, a small policy. "
    "Peer: the same nodes with typed messages on rclpy's SingleThreadedExecutor, with ten further subscriptions each. "
    "Its limit: the ping.",
}


def measure(messages: int, rounds: int, repeats: int) -> list[dict[str, Any]]:
    """Return the rows of the table, see ``benchmarks.results``; the sides take turns."""
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = small_policy(Path(temporary) / "small")
        rows = [_recorder_row(rate, messages * rate // RATES[0], repeats) for rate in RATES]
        for apart, where in ((False, "in one process"), (True, "between processes")):
            ping_row = _row(f"ping, {where}", repeats, lambda stock, apart=apart: ping(stock, apart, rounds))
            took = lambda stock, apart=apart: control_round(stock, apart, rounds, checkpoint)  # noqa: E731
            rows += [ping_row, _row(f"round, {where}", repeats, took, limit=ping_row["ours"])]
    return rows


def _row(name: str, repeats: int, took: Any, limit: float | None = None) -> dict[str, Any]:
    pairs = []
    for number in range(repeats):
        order = (False, True) if number % 2 == 0 else (True, False)
        measured = {stock: took(stock) for stock in order}
        pairs.append((measured[False], measured[True]))
    return _row_of(name, pairs, COMPARED[name.partition(",")[0]], limit)


def _recorder_row(rate: int, messages: int, repeats: int) -> dict[str, Any]:
    pairs = [(recorded(True, rate, messages), recorded(False, rate, messages)) for _ in range(repeats)]
    lost, theirs = (sum(pair[side]["lost"] for pair in pairs) for side in (0, 1))
    reached = [float(np.median([pair[side]["rate"] for pair in pairs])) for side in (0, 1)]
    note = f"{lost:g} and {theirs:g} of {messages * repeats}, at {reached[0]:.0f} and {reached[1]:.0f} a second."
    note = COMPARED["recorder"] + note
    return _row_of(f"recorder, {rate} messages/s", [(ours["us"], peer["us"]) for ours, peer in pairs], note, None)


def _row_of(name: str, pairs: list[tuple[float, float]], compared: str, limit: float | None) -> dict[str, Any]:
    ours, peer = (float(value) for value in np.median(pairs, axis=0))
    low, ratio, high = np.percentile([theirs / mine for mine, theirs in pairs], (25, 50, 75))
    row = {"name": name, "ours": round(ours, 1), "peer": round(peer, 1), "ratio": round(float(ratio), 2)}
    row |= {"spread": round(float((high - low) / ratio), 2), "limit_fraction": limit and round(limit / ours, 3)}
    return row | {"unit": "us", "rounds": len(pairs), "compared": compared}


def main() -> int:
    """Measure, print and leave."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graph", description="How fast the graph is.")
    parser.add_argument("--messages", type=int, default=200_000, help="to the recorders (default: 200000)")
    parser.add_argument("--rounds", type=int, default=2000, help="of each round trip (default: 2000)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything, the sides in turn (default: 3)")
    parser.add_argument("--output", type=Path, help="a file of rows, such as benchmarks/results.json, that these join")
    args = parser.parse_args()
    rows = measure(args.messages, args.rounds, args.repeats)
    table = Table("figure", "ours µs", "theirs µs", "ratio", "spread", "and")
    for row in rows:
        table.add_row(row["name"], *(str(row[k]) for k in ("ours", "peer", "ratio", "spread")), row["compared"])
    Console().print(table)
    if args.output:
        join(rows, args.output)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except IlRosError as error:
        sys.exit(f"benchmarks.graph: {error}")
