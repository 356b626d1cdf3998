# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is wrong with the graph around a node is told within two seconds, with who; a healthy graph is not accused."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Pose, PoseArray, PoseStamped, TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.clock import Clock as SteadyClock
from rclpy.clock import ClockType
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from il_ros.core import messages
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.ros.graph_health import (
    MAX_LOST_SHARE,
    MIN_OBSERVATIONS,
    QUIET_TICKS,
    STILL_NS,
    TICK_S,
    LostShare,
    NodeRoster,
    SharedJoints,
    StillClock,
)

TOLD_S = 2.0
"""Within which time what is wrong is told."""
BEAT = QUIET_TICKS - 3
"""Ticks between two diagnostics of one node: a second."""

# The classes alone ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 100), st.booleans()), min_size=1, max_size=8))
def test_nodes_that_run_one_after_the_other_are_never_told_as_two_and_those_that_died_are_missed(
    lives: list[tuple[int, int, bool]],
) -> None:
    roster, now, until = NodeRoster(), [0], dict[str, float]()

    def wait(ticks: int) -> None:
        for _ in range(ticks):
            now[0] += 1
            roster.tick(lambda: {gid for gid, tick in until.items() if tick > now[0]})

    for gid, (beats, pause, is_killed) in enumerate(lives):
        until[str(gid)] = math.inf
        for _ in range(beats):
            roster.add("gate_node", f"host:1:{gid}")
            assert not roster.complaints() and roster.running("gate_node") == 1
            wait(BEAT)
        until[str(gid)] = now[0] + 80 if is_killed else 0  # discovery lists it for 20 s
        wait(pause)
        assert bool(roster.lost()) == (is_killed and BEAT + pause >= QUIET_TICKS)


@given(st.lists(st.integers(0, BEAT - 1), min_size=2, max_size=5, unique=True), st.integers(0, 20))
def test_nodes_of_one_name_that_run_at_once_are_told_within_two_beats_and_not_once_one_is_left(
    offsets: list[int], alone: int
) -> None:
    roster, instances = NodeRoster(), [f"host:{offset}:gid" for offset in offsets]
    for tick in range((alone + 2) * BEAT + 1):
        for offset in offsets if tick >= alone * BEAT else offsets[:1]:
            if tick % BEAT == offset:
                roster.add("gate_node", f"host:{offset}:gid")
        roster.tick(set)
    assert roster.doubled() == {"gate_node": sorted(instances)}
    assert roster.running("gate_node") == len(offsets)
    told = " and ".join(f"host:{offset}" for offset in sorted(offsets))
    assert roster.complaints()[0].startswith(f"two nodes of one name run: gate_node ({told}); ")
    for tick in range(3 * BEAT):
        if tick % BEAT == 0:
            roster.add("gate_node", instances[0])
        roster.tick(set)
    assert not roster.doubled() and not roster.lost() and roster.running("gate_node") == 1


@given(st.integers(0, 60), st.booleans())
def test_who_left_discovery_is_not_missed_and_who_is_still_listed_is_until_it_is_back(later: int, listed: bool) -> None:
    roster = NodeRoster()
    roster.add("left/gate_node", "host:1:gid")
    for _ in range(QUIET_TICKS - 1):
        roster.tick(lambda: {"gid"})
    assert not roster.lost()
    roster.tick(lambda: {"gid"} if listed else set())
    for _ in range(later):
        roster.tick(set)  # after 20 s discovery has forgotten it, too
    assert set(roster.lost()) == ({"left/gate_node"} if listed else set())
    assert roster.running("left/gate_node") == (0 if listed else None)
    roster.add("left/gate_node", "host:2:other")
    assert not roster.complaints()


def test_several_names_that_run_twice_are_told_as_two_graphs() -> None:
    roster = NodeRoster()
    for instance in ("a:1:x", "b:2:y", "a:1:x"):
        for name in ("gate_node", "sim_node"):
            roster.add(name, instance)
    (told,) = roster.complaints()
    assert told.startswith("two graphs run in one domain: gate_node (a:1 and b:2), sim_node (a:1 and b:2); ")
    assert "ROS_DOMAIN_ID" in told


JOINTS = st.sets(st.sampled_from("abcdef"), min_size=1)


@given(st.lists(st.tuples(JOINTS, st.integers(0, 1000), st.integers(1, 5)), min_size=1, max_size=3), st.data())
def test_the_joints_that_several_publishers_share_are_found_and_no_others(
    publishers: list[tuple[set[str], int, int]], data: st.DataObject
) -> None:
    found, numbers = SharedJoints(), [first for _, first, _ in publishers]
    for _ in range(6):  # in each of which everybody speaks, in any order, some more often
        order = [i for i, (_, _, times) in enumerate(publishers) for _ in range(times)]
        for i in data.draw(st.permutations(order)):
            found.add(publishers[i][0], numbers[i])
            numbers[i] += 1
    count = {joint: sum(joint in joints for joints, *_ in publishers) for joint in "abcdef"}
    told = found.found()
    assert not [joint for joint in told if count[joint] < 2]
    close = max(first for _, first, _ in publishers) - min(first for _, first, _ in publishers) > 0
    assert close or set(told) == {joint for joint, several in count.items() if several > 1} or len(publishers) == 1


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 50))
def test_the_share_of_lost_observations_is_told_once_there_are_enough_of_them(
    more: int, lost: int, before: int
) -> None:
    share = LostShare()
    share.complete += before
    share.update(0)
    share.complete += more
    share.update(lost)
    counted = more + lost + (before if before < MIN_OBSERVATIONS else 0)
    told = share.complaint([("tool_pose", 20.0), ("joint_states", 100.0)])
    expected = lost / counted if counted >= MIN_OBSERVATIONS else 0.0
    assert bool(told) == (expected > MAX_LOST_SHARE)
    assert not told or f"{expected:.0%} of the observations" in told and "tool_pose 20.0 Hz" in told


@given(st.lists(st.tuples(st.integers(1, STILL_NS - 1), st.integers(-(10**12), 10**12)), max_size=20))
def test_a_clock_that_moves_in_whatever_direction_does_not_stand_still(steps: list[tuple[int, int]]) -> None:
    watch, now_ns, shown_ns = StillClock(0), 0, 0
    for elapsed_ns, step_ns in steps:
        now_ns, shown_ns = now_ns + elapsed_ns, shown_ns + (step_ns or 1)
        watch.look(shown_ns, now_ns)
        assert not watch.complaint()
    watch.look(shown_ns, now_ns + STILL_NS)
    assert ("nobody publishes /clock" if shown_ns == 0 else "/clock has stood still at") in watch.complaint()


@given(st.integers(0, 250_000_000), st.lists(st.integers(-60_000_000, 60_000_000), min_size=6, max_size=6))
def test_a_clock_that_stands_still_is_found_within_a_second_whenever_its_last_tick_came(
    phase_ns: int, late_ns: list[int]
) -> None:
    looks_ns = [round(1e9 * TICK_S) * number + late for number, late in enumerate(late_ns, 1)]
    watch = StillClock(0)
    for look_ns in looks_ns:
        watch.look(1 + min(look_ns, phase_ns), look_ns)
        if watch.complaint():
            assert look_ns - phase_ns <= 1e9 + 2 * max(map(abs, late_ns))
            return
    raise AssertionError(f"nothing is found until {looks_ns[-1]} ns")


# Real nodes -----------------------------------------------------------------------------------------------------------


class Watcher:
    """Somebody who reads the diagnostics."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.node = graph, graph.add(rclpy.create_node("watcher"))
        self.told: dict[str, str] = {}
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 100)

    def _hear(self, message: DiagnosticArray) -> None:
        self.told |= {status.name: status.message for status in message.status}

    def until_told(self, words: str, *names: str, within_s: float = TOLD_S) -> None:
        """Wait until each of these nodes says so."""
        done = lambda: all(words in self.told.get(name, "") for name in names)  # noqa: E731
        assert self.graph.until(done, within_s), self.told


@pytest.fixture
def watcher(ros: Callable[..., None], graph: Any) -> Iterator[Watcher]:
    ros(contract="panda_plane")
    yield Watcher(graph)


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a node as a process of its own."""
    started = []

    def start(name: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"il_ros.nodes.{name}", "--ros-args", *words]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.mark.graph
@pytest.mark.alone
def test_a_second_publisher_is_told_by_whoever_publishes_or_reads_the_topic(watcher: Watcher, graph: Any) -> None:
    graph.add(GateNode())
    graph.add(ExpertNode())
    watcher.until_told("ok", "gate_node", "expert_node", within_s=5.0)
    intruder = graph.add(rclpy.create_node("intruder", namespace="cell"))
    intruder.create_publisher(TwistStamped, "/command", 10)
    watcher.until_told("several publishers of /command: /cell/intruder, /gate_node; end or remap all but", "gate_node")
    intruder.create_publisher(PoseStamped, "/tool_pose", 10)
    assert not graph.until(lambda: "tool_pose" in watcher.told["expert_node"], 1.2)  # one is as it should be
    watcher.node.create_publisher(PoseStamped, "/tool_pose", 10)
    watcher.until_told("several publishers of /tool_pose: /cell/intruder, /watcher;", "gate_node", "expert_node")
    graph.close()


@pytest.mark.graph
@pytest.mark.alone
def test_publishers_of_different_joints_go_together_and_those_of_one_joint_are_told(
    watcher: Watcher, graph: Any
) -> None:
    graph.add(ExpertNode())  # reads joint_states
    names = {"arm": ["j1", "j2"], "gripper": ["finger"], "again": ["j2"]}
    topics = {}

    def publish(name: str) -> None:
        topics[name] = graph.add(rclpy.create_node(name)).create_publisher(JointState, "joint_states", 10)
        joints = names[name]
        watcher.node.create_timer(
            0.02, lambda: topics[name].publish(JointState(name=joints, position=[0.0] * len(joints)))
        )

    publish("arm")
    publish("gripper")
    watcher.until_told("ok", "expert_node", within_s=5.0)
    assert not graph.until(lambda: "several" in watcher.told["expert_node"], 2 * TOLD_S), watcher.told
    publish("again")
    watcher.until_told("several publishers of j2 of /joint_states: /again, /arm, /gripper; end or remap", "expert_node")


@pytest.mark.graph
@pytest.mark.alone
def test_a_node_that_is_killed_is_told_until_it_is_back_and_one_that_ends_is_not(
    watcher: Watcher, graph: Any, process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    graph.add(ExpertNode())
    gate = process("gate_node")
    is_heard = lambda: "gate_node" in watcher.told  # noqa: E731
    assert graph.until(is_heard, 15.0)
    assert graph.until(lambda: watcher.told["expert_node"] == "ok", 5.0), watcher.told
    gate.kill()
    watcher.until_told("no diagnostics of gate_node for 2 s", "expert_node", within_s=TOLD_S + 0.5)
    watcher.told.pop("gate_node")
    again = process("gate_node")
    assert graph.until(is_heard, 15.0)
    assert graph.until(lambda: watcher.told["expert_node"] == "ok", TOLD_S), watcher.told
    again.send_signal(signal.SIGINT)
    assert again.wait(10) == 0
    watcher.told.clear()
    assert not graph.until(lambda: "no diagnostics of" in watcher.told.get("expert_node", ""), 2 * TOLD_S)
    assert watcher.told["expert_node"] == "ok"


@pytest.mark.graph
@pytest.mark.alone
def test_two_nodes_of_one_name_are_told_by_everybody(
    watcher: Watcher, graph: Any, process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    graph.add(ExpertNode())
    graph.add(GateNode())
    other = process("gate_node")
    assert graph.until(lambda: watcher.node.count_publishers("/command") == 2, 15.0)
    watcher.until_told("two nodes of one name run: gate_node", "expert_node", "gate_node", within_s=TOLD_S + 0.5)
    assert re.search(
        f":{os.getpid()}\\b.*:{other.pid}\\b|:{other.pid}\\b.*:{os.getpid()}\\b", watcher.told["expert_node"]
    )


@pytest.mark.graph
@pytest.mark.alone
def test_topics_of_different_rates_are_told_with_the_share_that_is_lost(watcher: Watcher, graph: Any) -> None:
    gate = graph.add(GateNode())
    kinds = {"tool_pose": PoseStamped, "objects": lambda: PoseArray(poses=[Pose()])}
    types = {"tool_pose": PoseStamped, "objects": PoseArray}
    topics = {name: watcher.node.create_publisher(kind, name, 10) for name, kind in types.items()}
    step = [0]

    def publish() -> None:
        step[0] += 1
        for name, kind in kinds.items():
            if name == "tool_pose" or step[0] % 2 == 0:  # perception sees half as often
                message = kind()
                messages.set_stamp(message, step[0] * gate.contract.step_ns)
                topics[name].publish(message)

    watcher.node.create_timer(0.025, publish)
    done = lambda: "of the observations never became complete" in watcher.told.get("gate_node", "")  # noqa: E731
    assert graph.until(done, 5.0), watcher.told
    share = float(watcher.told["gate_node"].partition("% of the observations")[0].split()[-1])
    assert share == pytest.approx(50.0, abs=10.0)


@pytest.mark.graph
@pytest.mark.alone
def test_simulated_time_that_nobody_publishes_or_that_stands_still_is_told_by_every_node(
    ros: Callable[..., None], graph: Any
) -> None:
    ros(contract="panda_plane", use_sim_time=True)
    watcher, names = Watcher(graph), ("gate_node", "expert_node")
    for node in (GateNode, ExpertNode):
        graph.add(node())
    watcher.until_told("the clock stands at 0: use_sim_time is set, and nobody publishes /clock", *names)
    clock, began = watcher.node.create_publisher(Clock, "/clock", 10), time.monotonic_ns()

    def tick() -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(10**9 + time.monotonic_ns() - began, 10**9)
        clock.publish(message)

    timer = watcher.node.create_timer(0.02, tick, clock=SteadyClock(clock_type=ClockType.STEADY_TIME))
    assert graph.until(lambda: all(watcher.told[name] == "ok" for name in names), TOLD_S), watcher.told
    timer.cancel()
    watcher.until_told("/clock has stood still at ", *names, within_s=TOLD_S + 0.5)
