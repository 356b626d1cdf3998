# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the arm does when something fails, in the running graph: how long until it stands, and what is commanded last.

The simulated arm runs in real time, and so does the gate, each in a process of its own. This process stands between
them: it repeats what the arm publishes, plays the policy and the expert, and makes one of them fail while the arm moves
at 0.2 m/s. ``stand``: from the last complete observation, or the last word of whoever drives, to the first pose of an
arm that moves no more. ``exit``: whether the contract's rest is the last command when the gate is ended by a signal.
``clock``: from the first stamp that went back to the next command of the policy. ``limits``: a joint that somebody
moves, whose driver has any rate, falls silent and sets its clock; no command may be further from where the joint was
measured than one step and the tracking allowance.

Examples:
  python -m benchmarks.faults
  python -m benchmarks.faults --trials 18 --exits 4 --clocks 4 --limits 4
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray, PoseStamped, TwistStamped
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from benchmarks.results import join
from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import IlRosError
from il_ros.core.types import Array, Chunk
from il_ros.launching import graph
from il_ros.launching.processes import Processes
from il_ros.ros.client.graph_client import GraphClient

PLANE = Contract.load("panda_plane")
SPEED_M_S = 0.2
STILL_M = 0.0005
"""An arm that moves by less between two poses, 50 ms apart, stands."""
WATCH_S = 0.5
"""How long the arm is watched after a failure."""
LIMIT_S = 30.0
SEEN = {"joint_states": JointState, "tool_pose": PoseStamped, "objects": PoseArray}
DEEP = QoSProfile(depth=100)


class Patient(GraphClient):
    """Somebody outside of the graph who waits."""

    def pass_time(self, seconds: float) -> None:
        """Let messages in for so long."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.let_in()
            self._check()


class Rig(Patient):
    """The rig around the gate: it relays, publishes and subscribes."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__(check)
        self.fault = ""
        self.engaged: bool | None = False
        """Whether the expert asks to drive; None while they are silent."""
        self.policy: Array | None = np.array([0.0, SPEED_M_S])
        """(Da,) what the policy wants; None while it is silent."""
        self.offset_ns = 0
        """What is added to the arm's stamps."""
        self.last_word = {"observation": 0.0, "policy": 0.0, "expert": 0.0}
        """When each published a valid answer the last time, by the steady clock, s."""
        self.places: list[tuple[float, Array]] = []
        """When the arm was seen, by the steady clock, s, and where."""
        self.commands: list[tuple[float, int, Array]] = []
        """When each command was received, its stamp, and its values."""
        self._frozen_ns = 0
        self._passed = {name: self.create_publisher(kind, name, DEEP) for name, kind in SEEN.items()}
        self._answer_topics = {
            name: self.create_publisher(JointTrajectory, f"{name}/action", DEEP) for name in ("policy", "expert")
        }
        for name, kind in SEEN.items():
            self.create_subscription(kind, f"arm/{name}", functools.partial(self._pass_on, name), DEEP)
        self.create_subscription(TwistStamped, "command", self._on_command, DEEP)

    def _on_command(self, message: TwistStamped) -> None:
        stamp, action = messages.command_from(message, PLANE)
        self.commands.append((time.monotonic(), stamp or 0, action))

    def _pass_on(self, name: str, message: Any) -> None:
        if name == "tool_pose":
            place = message.pose.position
            self.places.append((time.monotonic(), np.array([place.x, place.y])))
        stamp_ns = messages.stamp_ns(message) + self.offset_ns
        if self.fault == "stamps stand still":
            stamp_ns = self._frozen_ns
        elif not self.fault:
            self._frozen_ns = max(self._frozen_ns, stamp_ns) if self.offset_ns == 0 else stamp_ns
        messages.set_stamp(message, stamp_ns)
        if self.fault == f"{name} silent" or self.fault == "all silent":
            return
        if self.fault == "tool_pose not finite" and name == "tool_pose":
            message.pose.position.x = float("nan")
        if self.fault == "objects empty" and name == "objects":
            message.poses = []
        self._passed[name].publish(message)
        if name == "objects":  # the arm's last topic of a step
            if not self.fault or self.fault.startswith(("policy", "expert")):
                self.last_word["observation"] = time.monotonic()
            self._speak(stamp_ns)

    def _speak(self, stamp_ns: int) -> None:
        if self.policy is not None:
            rows = np.tile(np.full(2, np.nan) if self.fault == "policy not finite" else self.policy, (8, 1))
            self._publish_answer("policy", Chunk(stamp_ns, rows, "rig"), self.fault != "policy not finite")
        if self.engaged is not None:
            rows = np.array([[0.0, -SPEED_M_S]]) if self.engaged else np.empty((0, 2))
            self._publish_answer("expert", Chunk(stamp_ns, rows, "rig", self.engaged), True)

    def _publish_answer(self, who: str, chunk: Chunk, is_sound: bool) -> None:
        message = JointTrajectory()
        messages.fill_chunk(message, chunk, PLANE, JointTrajectoryPoint)
        self._answer_topics[who].publish(message)
        if is_sound:
            self.last_word[who] = time.monotonic()

    def drives(self) -> bool:
        """Return whether the arm is commanded to move."""
        return bool(self.commands) and bool(np.abs(self.commands[-1][2]).max() > 0.9 * SPEED_M_S)


WAYS = {
    "tool_pose silent": "observation",
    "objects silent": "observation",
    "all silent": "observation",
    "tool_pose not finite": "observation",
    "objects empty": "observation",
    "stamps stand still": "observation",
    "policy silent": "policy",
    "policy not finite": "policy",
    "expert silent": "expert",
}
"""The ways of failing, and whose last word counts."""


@contextlib.contextmanager
def rig(folder: Path) -> Iterator[tuple[Rig, Callable[[], Any]]]:
    """Start a simulated arm and what is around it; entering the second starts a gate."""
    environment = graph._environment()
    os.environ.update({name: environment[name] for name in graph.DISCOVERY})
    remaps = [word for name in SEEN for word in ("-r", f"{name}:=arm/{name}")]
    numbers = itertools.count()
    with Processes(folder, environment) as processes:
        arm = [sys.executable, "-m", "il_ros.nodes.sim_node", "--ros-args", *remaps]
        processes.start("sim_node", arm)

        def start_gate() -> Any:
            words = [sys.executable, "-m", "il_ros.nodes.gate_node", "--ros-args", "-p", "rule:=human"]
            return processes.start(f"gate_node_{next(numbers)}", words)

        def check() -> None:
            sim = processes.children[0]
            if sim.process.poll() is not None:
                raise IlRosError(f"the simulation ended: {sim.last_words()}")

        with Rig(check) as made:
            yield made, start_gate


def begin(made: Rig) -> None:
    """Begin a new episode, in which the policy drives."""
    made.fault, made.engaged, made.policy = "", False, np.array([0.0, SPEED_M_S])
    made.call("sim_node/reset")
    made.commands.clear()
    made.call("gate/release")
    made.wait("a command to move", made.drives, LIMIT_S)


def stand(made: Rig, way: str, rng: np.random.Generator) -> float:
    """Measure how long it takes until the arm stands, s."""
    begin(made)
    if way == "expert silent":
        made.engaged = True  # and goes the other way
        made.wait("the expert", lambda: made.commands[-1][2][1] < -0.9 * SPEED_M_S, LIMIT_S)
    made.pass_time(rng.uniform(0.15, 0.4))
    made.fault = way
    if way.endswith("silent"):
        made.policy = None if way == "policy silent" else made.policy
        made.engaged = None if way == "expert silent" else made.engaged
    since_s = made.last_word[WAYS[way]]
    made.pass_time(WATCH_S)
    seen = [(at_s, place) for at_s, place in made.places if at_s > since_s - 0.1]
    moving = [later_s for (_, a), (later_s, b) in zip(seen, seen[1:]) if np.linalg.norm(b - a) > STILL_M]
    if not moving or moving[-1] == seen[-1][0]:
        return float("inf") if moving else 0.0
    return moving[-1] - since_s


def leave(made: Rig, gate: Any, number: signal.Signals) -> bool:
    """Return whether the last command of a gate that is ended by a signal is the arm's rest."""
    begin(made)
    made.pass_time(0.2)
    gate.process.send_signal(number)
    made.wait("the end of the gate", lambda: gate.process.poll() is not None, LIMIT_S)
    made.pass_time(0.1)
    return bool((made.commands[-1][2] == 0.0).all())


def set_clock(made: Rig, rng: np.random.Generator) -> float:
    """Measure how long after stamps that went back the policy commands again, s."""
    begin(made)
    made.pass_time(0.3)
    count, back_ns = len(made.commands), int(rng.uniform(0.1, 0.9) * made.commands[-1][1])
    made.offset_ns = -back_ns
    since_s, newest_ns = time.monotonic(), made.commands[-1][1]

    def again() -> bool:
        return any(
            at_ns < newest_ns - back_ns // 2 and np.abs(a).max() > 0.9 * SPEED_M_S
            for _, at_ns, a in made.commands[count:]
        )

    made.wait("a command after the clock went back", again, LIMIT_S)
    passed_s = time.monotonic() - since_s
    made.offset_ns = 0
    return passed_s


JOINT = {
    "topics": {"joint_states": "sensor_msgs/msg/JointState"},
    "observation": {"joint": {"topic": "joint_states", "field": "position[joint]", "unit": "rad"}},
    "action": {"joint": {"low": -1.0, "high": 1.0, "max_velocity": 1.0, "rest": "joint", "unit": "rad"}},
    "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
}


class SimulatedJoint(Patient):
    """A joint that lags and that somebody moves, a driver that does what drivers do, a policy that wants anything."""

    def __init__(self, check: Callable[[], None], contract: Contract, rng: np.random.Generator) -> None:
        super().__init__(check)
        self.contract, self._rng = contract, rng
        self.place, self.target, self.wanted, self.stamp_ns = 0.0, 0.0, 0.0, 10**9
        self.measured: dict[int, float] = {}
        """By stamp, of those since the clock was set."""
        self.worst, self.steps = 0.0, 0
        """The greatest distance of a command from the joint, as a share of what is allowed, and how many there were."""
        self._states = self.create_publisher(JointState, "joint_states", DEEP)
        self._policy = self.create_publisher(JointTrajectory, "policy/action", DEEP)
        self.create_subscription(JointTrajectory, "command", self._on_command, DEEP)
        self._allowed = float((contract.max_step + contract.tracking)[0])

    def _on_command(self, message: JointTrajectory) -> None:
        stamp, action = messages.command_from(message, self.contract)
        self.target = float(action[0])
        if stamp in self.measured:
            self.steps += 1
            self.worst = max(self.worst, abs(self.target - self.measured[stamp]) / self._allowed)

    def run(self, driver_hz: float, seconds: float) -> None:
        """Publish at some rate for a while, with jitter and whatever else happens."""
        ends_s, due_s, before_s = time.monotonic() + seconds, 0.0, time.monotonic()
        while (now_s := time.monotonic()) < ends_s:
            self._executor.spin_once(timeout_sec=max(0.0, min(0.01, due_s - now_s)))
            self._check()
            if time.monotonic() < due_s:
                continue
            passed_s, before_s = time.monotonic() - before_s, time.monotonic()
            due_s = before_s + self._rng.uniform(0.7, 1.3) / driver_hz
            self.place += min(1.0, 10.0 * passed_s) * (self.target - self.place)
            self._happen(driver_hz)
            self._publish_answer(passed_s)

    def _happen(self, driver_hz: float) -> None:
        if self._rng.random() < 2.0 / driver_hz:
            self.wanted = self._rng.uniform(-2.0, 2.0)
        if self._rng.random() < 0.5 / driver_hz:
            self.place += self._rng.uniform(-0.2, 0.2)  # a hand, within a step
        if self._rng.random() < 0.2 / driver_hz:
            self.stamp_ns = int(self._rng.uniform(0.0, 1.0) * self.stamp_ns)
            self.measured.clear()
        if self._rng.random() < 0.2 / driver_hz:
            self.be_moved_unseen()

    def be_moved_unseen(self) -> None:
        """Silence the driver for a while, in which the joint is moved."""
        passed_s = self._rng.uniform(0.2, 0.4)
        self.stamp_ns += round(passed_s * 1e9)
        self.pass_time(passed_s)
        self.place = self._rng.uniform(-1.3, 1.3)

    def _publish_answer(self, passed_s: float) -> None:
        self.stamp_ns += max(1, round(passed_s * 1e9))
        self.measured[self.stamp_ns] = self.place
        message = JointState(name=["joint"], position=[self.place])
        messages.set_stamp(message, self.stamp_ns)
        self._states.publish(message)
        chunk = JointTrajectory()
        rows = np.full((8, 1), self.wanted)
        messages.fill_chunk(chunk, Chunk(self.stamp_ns, rows, "joint"), self.contract, JointTrajectoryPoint)
        self._policy.publish(chunk)


def limits(runs: int, folder: Path, rng: np.random.Generator) -> dict[str, Any]:
    """Return the greatest distance of a command from the measured joint, as a share of what is allowed."""
    contract = Contract.from_dict("joint", {"rate_hz": 20.0, **JOINT})
    path = folder / "joint.yaml"
    path.write_text(json.dumps({"rate_hz": 20.0, **JOINT}), encoding="utf-8")  # which is YAML
    worst, steps = [], 0
    environment = graph._environment()
    os.environ.update({name: environment[name] for name in graph.DISCOVERY})
    with Processes(folder / "limits", environment) as processes:
        words = ["-p", f"contract:={path}", "-p", "rule:=none"]
        processes.start("gate_node", [sys.executable, "-m", "il_ros.nodes.gate_node", "--ros-args", *words])
        with SimulatedJoint(processes.check, contract, rng) as joint:
            joint.wait("the gate", lambda: joint.count_subscribers("joint_states") > 0, LIMIT_S)
            for _ in range(runs):
                joint.be_moved_unseen()
                joint.worst, joint.steps = 0.0, 0
                joint.run(float(np.exp(rng.uniform(np.log(2.0), np.log(500.0)))), 2.0)
                worst.append(joint.worst)
                steps += joint.steps
    return {"runs": runs, "steps": steps, "worst_share": max(worst, default=0.0)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure all of it."""
    rng = np.random.default_rng(args.seed)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        with rig(Path(scratch) / "logs") as (made, start_gate):
            gate = start_gate()
            made.wait("the gate", lambda: "gate_node" in made.heard, LIMIT_S)
            ways = list(itertools.islice(itertools.cycle(WAYS), args.trials))
            times = [(way, stand(made, way, rng)) for way in ways]
            result["stand_s"] = {way: sorted(t for name, t in times if name == way) for way in WAYS}
            result["clock_s"] = sorted(set_clock(made, rng) for _ in range(args.clocks))
            rests = []
            for number in itertools.islice(itertools.cycle((signal.SIGINT, signal.SIGTERM)), args.exits):
                rests.append(leave(made, gate, number))
                made.heard.clear()
                gate = start_gate()
                made.wait("the next gate", lambda: "gate_node" in made.heard, LIMIT_S)
            result["exits"] = {"trials": len(rests), "rest_is_last": sum(rests)}
        result["limits"] = limits(args.limits, Path(scratch), rng)
    return result


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is kept in the file of results."""
    times = sorted(itertools.chain.from_iterable(result["stand_s"].values()))
    made: list[dict[str, Any]] = [{"name": f"faults {name}", **result[name]} for name in ("exits", "limits")]
    for name, values in (("stand", times), ("clock", result["clock_s"])):
        made.append(
            {
                "name": f"faults {name}",
                "trials": len(values),
                "median_s": float(np.median(values)),
                "worst_s": max(values),
            }
        )
    return made


def show(result: dict[str, Any]) -> None:
    """Print it as a table."""
    table = Table("what fails", "trials", "median ms", "worst ms")
    for way, times in result["stand_s"].items():
        if times:
            table.add_row(way, str(len(times)), f"{1e3 * float(np.median(times)):.0f}", f"{1e3 * max(times):.0f}")
    clock = result["clock_s"]
    if clock:
        table.add_row(
            "the clock goes back", str(len(clock)), f"{1e3 * float(np.median(clock)):.0f}", f"{1e3 * max(clock):.0f}"
        )
    Console().print(table)
    exits, bound = result["exits"], result["limits"]
    print(f"rest is the last command in {exits['rest_is_last']} of {exits['trials']} ends by a signal")
    print(
        f"{bound['steps']} commands in {bound['runs']} runs: at most {bound['worst_share']:.3f} of the allowed distance"
    )


def main() -> int:
    """Measure, print and leave; the entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="failures while the arm moves")
    parser.add_argument("--exits", type=int, default=50, help="ends of the gate by a signal")
    parser.add_argument("--clocks", type=int, default=50, help="clocks that go back")
    parser.add_argument("--limits", type=int, default=50, help="runs of two seconds of the joint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="results are joined to those in this file")
    args = parser.parse_args()
    result = measure(args)
    show(result)
    if args.output:
        join(rows(result), args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
