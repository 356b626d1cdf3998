# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The recorder in the graph: it writes what the policy saw, and a kill at any moment loses nothing acknowledged."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.launching import graph
from il_ros.launching.processes import Child, Processes
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.nodes.policy_node import PolicyParameters
from il_ros.recording.bag import reader
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.journal import SUFFIX
from il_ros.recording.write.recovery import leftovers
from il_ros.ros import codecs
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.node_base import IlNode
from il_ros.ros.step_sequencer import StepSequencer

pytestmark = [pytest.mark.graph, pytest.mark.slow]

CONTRACT = Contract.load("panda_plane")
KILLS = [4, pytest.param(20, marks=pytest.mark.long)]


class Watcher(IlNode[PolicyParameters]):
    """Hears what a policy node hears, in the same way, and keeps what a policy would be given."""

    def __init__(self) -> None:
        super().__init__("watcher", PolicyParameters)
        self.seen: dict[int, np.ndarray] = {}
        turns = StepSequencer(list(self.contract.topics), self.contract.step_ns, lockstep=True)
        self.take_turns(turns, codecs.observed(self.contract), self._take)
        self.start()

    def _take(self, turn: Any) -> None:
        self.seen[turn.stamp_ns] = messages.observation_of_topics(self.contract, turn.parts)


@pytest.mark.usefixtures("simulation")
def test_what_a_policy_sees_live_is_what_the_trainer_reads_from_the_bag(tmp_path: Path) -> None:
    settings = {"task": "fork", "folder": tmp_path / "episodes"}
    with graph.running("collect", tmp_path / "logs", **settings) as director:
        watcher = Watcher()
        director._executor.add_node(watcher)
        director.wait_ready(["watcher", *graph.node_names("collect")])
        facts = director.episodes([4, 5])
        watcher.close()
    for one in facts:
        offered = reader.read(Path(one["path"])).contents.offered
        assert {name: told[0]["durability"] for name, told in offered.items() if name in ("/episode", "/objects")} == {
            "/episode": "transient_local",
            "/objects": "volatile",
        }
        assert all(told[0]["reliability"] == "reliable" for told in offered.values())
        episode = read_episode(Path(one["path"]), CONTRACT)
        assert len(episode) > 30
        live = np.array([watcher.seen[stamp] for stamp in episode.stamps_ns.tolist()])
        assert live.dtype == episode.observations.dtype and np.array_equal(live, episode.observations)
    assert len(watcher.seen) == sum(one["steps"] for one in facts)


def raw(path: Path) -> dict[str, list[bytes]]:
    """The serialised messages of a bag, by topic, in the order in which they were heard."""
    found: dict[str, list[bytes]] = {}
    for message in reader.read(path).raw():
        found.setdefault(message.topic.name, []).append(message.data)
    return found


def start_victim(processes: Processes, director: GraphClient, folder: Path, number: int) -> Child:
    """A second recorder; it is there once it has recovered what the one before it left, and hears everybody."""
    name = f"victim_{number}"
    arguments = ["--ros-args", "-r", f"__node:={name}", "-p", f"folder:={folder}"]
    child = processes.start(name, [sys.executable, "-m", "il_ros.nodes.recorder_node", *arguments])
    director.wait_ready([name, *graph.node_names("collect")])
    return child


def kill(victim: Child, folder: Path, size: float, is_over: threading.Event) -> None:
    """With -9, once its journal has grown to ``size``, or the episode is over."""
    while sum(path.stat().st_size for path in folder.glob(f"*{SUFFIX}")) < size and not is_over.wait(0.001):
        pass
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.wait()


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.usefixtures("simulation")
def test_a_recorder_that_is_killed_loses_nothing(kills: int, tmp_path: Path) -> None:
    """Killed with -9 at a random moment, once an episode, beside a recorder that lives and tells what there was.

    The next one recovers what it wrote: of every topic, the beginning of what was published, byte by byte, without a
    hole. The trainer ingests all of it as partial episodes.
    """
    folder, moment = tmp_path / "killed", random.Random(7)
    with (
        graph.running("collect", tmp_path / "logs", task="avoid", folder=tmp_path / "whole") as director,
        Processes(tmp_path / "logs", graph._environment()) as processes,
    ):
        (first,) = director.episodes([0])
        size, whole = 1.5 * sum(len(data) for said in raw(Path(first["path"])).values() for data in said), {}
        for seed in range(1, kills + 1):
            victim, is_over = start_victim(processes, director, folder, seed), threading.Event()
            killer = threading.Thread(target=kill, args=(victim, folder, moment.uniform(0.0, size), is_over))
            killer.start()
            (told,) = director.episodes([seed])
            is_over.set()
            killer.join()
            whole[seed] = raw(Path(told["path"]))
        start_victim(processes, director, folder, 0)
    recovered = EpisodeStore(folder).closed()
    assert leftovers(folder) == []
    cut = []
    for path in recovered:
        kept, facts = raw(path), reader.read(path).facts
        if not facts.get("recovered"):  # it was closed before the kill came
            assert facts["complete"]
            continue
        if not facts.get("partial"):  # all of it was there, and the kill came while the bag was made
            assert kept in whole.values()
            continue
        if not kept:  # the kill came before the first message
            continue
        (seed,) = [n for n, there in whole.items() if all(there[topic][0] == of[0] for topic, of in kept.items())]
        assert all(messages == whole[seed][topic][: len(messages)] for topic, messages in kept.items())
        cut.append(path.name)
    assert len(cut) >= kills // 2  # some kills come too early, some too late
    episodes = TrainingPipeline(folder, tmp_path / "checkpoints", CONTRACT).ingest()
    partial = [episode for episode in episodes if episode.facts.get("partial")]
    assert len(episodes) == len(recovered) and len(partial) >= len(cut)
    assert sum(map(len, partial)) > len(cut)
