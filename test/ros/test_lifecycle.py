# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policy and recorder as managed nodes, driven through the services that ``ros2 lifecycle`` calls, and their facts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState

from il_ros.core import topics
from il_ros.core.errors import GraphError
from il_ros.learning import checkpoint as checkpoints
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.policy_node import PolicyNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.nodes.sim_node import SimNode
from il_ros.recording.bag import reader
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.message_types import message_class
from il_ros.ros.qos import PROFILES

pytestmark = [pytest.mark.graph, pytest.mark.slow]
STATES = ("unconfigured", "inactive", "active")
HEAR_THE_TOOL = ("policy_node", "gate_node", "recorder_node")
IDS = {"configure": 1, "cleanup": 2, "activate": 3, "deactivate": 4}


class Graph(GraphClient):
    """A whole graph in this process, paced, with sim time; its director drives the life cycles, too."""

    def __init__(self, folder: Path) -> None:
        words = {
            "task": "avoid",
            "device": "scripted",
            "rule": "demonstration",
            "autostart": False,
            "use_sim_time": True,
        }
        words |= {"folder": folder / "episodes", "checkpoint": folder / "checkpoint", "time_limit": False}
        given = [w for k, v in words.items() for w in ("-p", f"{k}:={str(v).lower() if isinstance(v, bool) else v}")]
        rclpy.init(args=["--ros-args", *given])
        super().__init__()
        self.policy, self.recorder, self.sim = PolicyNode(), RecorderNode(), SimNode()
        made = (self.sim, self.policy, self.recorder, GateNode(), ExpertNode())
        self.nodes = {node.get_name(): node for node in made}
        for node in made:
            self._executor.add_node(node)
        self.checkpoint = folder / "checkpoint"
        self.episodes_there = EpisodeStore(folder / "episodes")
        self.chunks: list[Any] = []
        self.stamps: dict[str, Any] = {}
        for topic, keep in ((topics.POLICY_ACTION, self.chunks.append), (topics.DIAGNOSTICS, self._keep_stamp)):
            kind = message_class(topic.type_name)
            self.create_subscription(kind, topic.name, keep, PROFILES[topic.qos])

    def _keep_stamp(self, message: DiagnosticArray) -> None:
        self.stamps[message.status[0].name] = message.header.stamp

    def spin(self, seconds: float) -> None:
        limit = time.monotonic() + seconds
        self.wait("time to pass", lambda: time.monotonic() > limit)

    def state(self, node: str) -> str:
        return self._ask(GetState, f"{node}/get_state", GetState.Request()).current_state.label

    def change(self, node: str, transition: str) -> bool:
        request = ChangeState.Request(transition=Transition(id=IDS[transition]))
        return self._ask(ChangeState, f"{node}/change_state", request).success

    def bring(self, node: str, wanted: str) -> None:
        """Lead a node to a state, step by step."""
        while (now := self.state(node)) != wanted:
            up = STATES.index(now) < STATES.index(wanted)
            steps = ("configure", "activate") if up else ("cleanup", "deactivate")
            assert self.change(node, steps[STATES.index(now) - (not up)])

    def told(self, node: str) -> dict[str, str]:
        """What its diagnostics tell now, without waiting for the next second."""
        self.heard.pop(node, None)
        self.nodes[node].report()
        self.wait(f"the diagnostics of {node}", lambda: node in self.heard, 3.0)
        return self.heard[node]

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()


@pytest.fixture
def checkpoint(graph: Graph, trained: Callable[[str], Path]) -> str:
    """There is one now, where the policy's parameter says; its hash."""
    shutil.copytree(trained("diffusion"), graph.checkpoint, dirs_exist_ok=True)
    return checkpoints.load(graph.checkpoint).short_hash


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    folder = tmp_path_factory.mktemp("managed")
    with Graph(folder) as made:
        yield made
        made.close()


def test_nothing_is_done_before_it_is_asked_for(graph: Graph) -> None:
    assert (graph.state("policy_node"), graph.state("recorder_node")) == ("unconfigured", "unconfigured")
    assert not graph.episodes_there.folder.exists()


def test_a_checkpoint_that_is_missing_leaves_the_node_unconfigured_with_the_reason(graph: Graph) -> None:
    graph.bring("policy_node", "unconfigured")
    shutil.rmtree(graph.checkpoint, ignore_errors=True)
    assert not graph.change("policy_node", "configure")
    assert graph.state("policy_node") == "unconfigured"
    told = graph.told("policy_node")
    assert "checkpoint.json cannot be read" in told["failure"] and told["lifecycle"] == "unconfigured"


def test_a_transition_that_is_not_possible_is_refused_and_the_node_lives(graph: Graph) -> None:
    graph.bring("policy_node", "unconfigured")
    for transition, named in ((Transition(id=IDS["activate"]), "3"), (Transition(label="fly"), "'fly'")):
        request = ChangeState.Request(transition=transition)
        assert not graph._ask(ChangeState, "policy_node/change_state", request).success
        assert f"transition {named} does not lead from 'unconfigured'" in graph.told("policy_node")["complaint"]
    possible = graph._ask(
        GetAvailableTransitions, "policy_node/get_available_transitions", GetAvailableTransitions.Request()
    )
    assert {t.transition.label for t in possible.available_transitions} == {"configure", "shutdown"}


def test_an_inactive_policy_is_silent_and_an_active_one_answers(graph: Graph, checkpoint: str) -> None:
    graph.bring("policy_node", "inactive")
    assert graph.told("policy_node")["checkpoint"] == checkpoint
    graph.call("sim_node/reset")
    before = len(graph.chunks)
    graph.spin(0.3)
    assert len(graph.chunks) == before
    assert graph.change("policy_node", "activate")
    graph.wait("chunks", lambda: len(graph.chunks) > before + 5, 3.0)
    assert graph.policy._actor._start.seed == graph.sim._env.start.seed  # whose beginning it has only overheard
    assert graph.change("policy_node", "deactivate")
    graph.spin(0.1)
    before = len(graph.chunks)
    graph.spin(0.3)
    assert len(graph.chunks) == before


def test_an_inactive_recorder_records_nothing(graph: Graph) -> None:
    graph.bring("recorder_node", "inactive")
    before = graph.told("recorder_node")["acknowledged"]
    graph.call("sim_node/reset")
    with pytest.raises(GraphError, match="the recorder is inactive; activate it first"):
        graph.call("recorder/start")
    graph.spin(0.3)
    assert graph.told("recorder_node")["acknowledged"] == before


def test_a_recorder_that_is_deactivated_closes_its_episode_and_waits_for_the_next(graph: Graph) -> None:

    def broken_off() -> list[dict[str, Any]]:
        closed = [reader.read(path).facts for path in graph.episodes_there.closed()]
        return [facts for facts in closed if facts.get("reason") == "the recorder was deactivated"]

    graph.bring("recorder_node", "active")
    before = len(broken_off())
    graph.call("sim_node/reset")
    graph.wait("a recording", lambda: int(graph.told("recorder_node")["in_episode"]) > 20)
    assert graph.change("recorder_node", "deactivate")
    graph.wait("the bag", lambda: len(broken_off()) == before + 1)
    facts = broken_off()[-1]
    assert facts["partial"]
    kept = graph.told("recorder_node")["acknowledged"]
    assert graph.change("recorder_node", "activate")  # in the middle of the episode, which it leaves alone
    graph.spin(0.2)
    told = graph.told("recorder_node")
    assert told["acknowledged"] == kept and told["recording"] == "None"
    graph.call("sim_node/reset")
    graph.wait("a recording", lambda: int(graph.told("recorder_node")["in_episode"]) > 20)
    assert graph.recorder.recorder.current.facts["seed"] == facts["seed"] + 1
    graph.bring("recorder_node", "unconfigured")
    assert len(broken_off()) == before + 2


def test_an_episode_whose_beginning_was_not_heard_is_not_complete_and_the_next_begins_anew(graph: Graph) -> None:
    graph.bring("recorder_node", "inactive")
    before = len(graph.episodes_there.closed())
    graph.call("sim_node/reset")
    graph.recorder.recorder._waits = False  # as if it had just been started
    begun = graph.sim._env.stamp_ns
    graph.wait("steps that are not heard", lambda: graph.sim._env.stamp_ns > begun)
    graph.bring("recorder_node", "active")
    starts = [graph.sim._env.start]
    for _ in range(2):
        graph.wait("a recording", lambda: int(graph.told("recorder_node")["in_episode"]) > 20)
        graph.call("sim_node/reset")
        starts.append(graph.sim._env.start)
    graph.wait("the bags", lambda: len(graph.episodes_there.closed()) == before + 2)
    late, whole = (read_episode(path, graph.sim.contract) for path in graph.episodes_there.closed()[before:])
    assert (late.facts["seed"], whole.facts["seed"]) == (starts[0].seed, starts[1].seed)
    assert not late.facts["complete"] and starts[0].first_stamp_ns < late.stamps_ns[0]
    assert late.stamps_ns[-1] < starts[1].first_stamp_ns == whole.stamps_ns[0]


def test_diagnostics_tell_rates_latencies_ages_and_drops(graph: Graph, checkpoint: str) -> None:
    for name in ("policy_node", "recorder_node"):
        graph.bring(name, "active")
    graph.call("sim_node/reset")
    told, fast = graph.heard, lambda rate: 10.0 < float(rate) < 30.0  # 20, and a busy machine
    graph.wait("a second of steps", lambda: all(fast(told[name]["tool_pose Hz"]) for name in HEAR_THE_TOOL))
    graph.wait("the bag of the episode before", lambda: graph.told("recorder_node")["backlog"] == "0")
    policy, gate, recorder = (graph.told(name) for name in HEAR_THE_TOOL)
    assert 0.0 < float(policy["latency_p50_ms"]) <= float(policy["latency_p99_ms"])
    assert fast(gate["steps Hz"])
    assert float(gate["policy_age_s"]) < 0.5 and gate["refused"] == "none"
    assert int(recorder["bytes"]) > 20 * int(recorder["acknowledged"]) > 0
    assert recorder["lost"] == recorder["backlog"] == "0"
    assert all(graph.heard[name]["complaint"] == "ok" for name in ("sim_node", "expert_node", "recorder_node"))


def test_with_use_sim_time_the_diagnostics_carry_the_arms_time(graph: Graph) -> None:
    graph.call("sim_node/reset")

    def is_the_arms(name: str) -> bool:
        graph.told(name)
        return 0 <= graph.sim._env.reading().stamp_ns // 10**9 - graph.stamps[name].sec <= 1

    graph.wait("two seconds of the arm's", lambda: graph.sim._env.reading().stamp_ns > 2.2e9)
    for name in ("policy_node", "gate_node", "recorder_node", "expert_node"):
        graph.wait(f"{name} to follow the clock", lambda name=name: is_the_arms(name), 3.0)
        assert graph.stamps[name].sec > 0
    assert not [ours for ours in graph.sim.subscriptions if ours.topic_name == "/clock"]  # who makes it
    with pytest.raises(GraphError, match="read-only parameter: use_sim_time"):
        graph.set("sim_node", use_sim_time=True)
