# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Arm on one host, policy and gate on another, over real DDS on a link that is cut for a second.

The hosts are network namespaces, which only who administers the network may make.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.launching.processes import Processes
from il_ros.recording.bag import reader as bag
from il_ros.recording.bag.reader import BagReader
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore

pytestmark = [pytest.mark.graph, pytest.mark.alone]

CUT_S, EPISODE_S = 1.0, 8
TASK = f"trace:horizon_s={EPISODE_S}"
ARM, MIND = (f"il_{name}_{os.getpid()}" for name in ("arm", "mind"))
CONTRACT = Contract.load("panda_plane")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts() -> Iterator[None]:
    """Two namespaces with a cable between them."""
    try:
        ip("netns", "add", ARM)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here: {getattr(error, 'stderr', error)}")
    try:
        ip("netns", "add", MIND)
        ip("link", "add", "cable", "netns", ARM, "type", "veth", "peer", "name", "cable", "netns", MIND)
        for number, host in enumerate((ARM, MIND), 1):
            ip("-n", host, "addr", "add", f"10.77.0.{number}/24", "dev", "cable")
            for device in ("lo", "cable"):
                ip("-n", host, "link", "set", device, "up", "multicast", "on")
            ip("-n", host, "route", "add", "224.0.0.0/4", "dev", "cable")  # by which they discover each other
        yield
    finally:
        for host in (ARM, MIND):
            subprocess.run(["ip", "netns", "del", host], capture_output=True)


def wait(what: str, done: Callable[[], bool], processes: Processes, timeout_s: float = 40.0) -> None:
    limit = time.monotonic() + timeout_s
    while not done():
        processes.check()
        assert time.monotonic() < limit, f"{what} did not come"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def recorded(hosts: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[BagReader, Episode]:
    """An episode during which the link was cut."""
    folder = tmp_path_factory.mktemp("two_hosts")
    episodes = EpisodeStore(folder / "episodes")
    # Fast DDS would take two namespaces of one machine for one host, and go round the network by shared memory
    network = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
    with Processes(folder / "logs", {**os.environ, **network}) as processes:

        def start(host: str, node: str, **parameters: object) -> None:
            words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
            command = [sys.executable, "-m", f"il_ros.nodes.{node}", "--ros-args", *words]
            processes.start(node, ["ip", "netns", "exec", host, *command])

        start(ARM, "sim_node", task=f'"{TASK}"', auto_reset="true")
        start(MIND, "gate_node", rule="demonstration")
        start(MIND, "expert_node", task=f'"{TASK}"')
        start(MIND, "recorder_node", folder=episodes.folder)
        journal = episodes.journal_path(1)
        wait("a recording", journal.exists, processes)
        wait("two seconds of it", lambda: journal.stat().st_size > 80_000, processes)
        ip("-n", ARM, "link", "set", "cable", "down")
        time.sleep(CUT_S)
        ip("-n", ARM, "link", "set", "cable", "up")
        wait("a closed episode", lambda: bool(episodes.closed()), processes)
    (path,) = episodes.closed()[:1]
    return bag.read(path), read_episode(path, CONTRACT)


def longest_hold(episode: Episode) -> tuple[int, int]:
    """The first step of it and the one after its last; on a busy machine there may be another of a step or two."""
    holds = [(start, stop) for start, stop, authority in episode.spans() if authority is Authority.HOLD]
    return max(holds, key=lambda hold: hold[1] - hold[0])


def test_the_arm_holds_while_the_link_is_down_and_goes_on_when_it_is_back(recorded):
    _, episode = recorded
    start, stop = longest_hold(episode)
    assert CUT_S - 0.2 < (stop - start) / CONTRACT.rate_hz < EPISODE_S / 2
    for driven in (episode.authority[:start], episode.authority[stop:]):
        assert (driven == Authority.EXPERT).mean() > 0.9
    positions = episode.observations[:, :2]
    stopped = positions[start + 6 : stop]  # an arm holds by itself after 0.2 s without a command
    assert np.abs(np.diff(stopped, axis=0)).max() < 5e-4
    assert np.abs(positions[-1] - positions[stop]).max() > 0.05


def test_the_record_lists_the_silence_and_every_step_is_accounted_for(recorded):
    reader, episode = recorded
    assert len(episode) + sum(episode.facts["dropped"].values()) == EPISODE_S * CONTRACT.rate_hz
    silence = max(reader.facts["silences"], key=lambda told: told["s"])
    assert CUT_S - 0.1 < silence["s"] < EPISODE_S / 2
    start, _ = longest_hold(episode)  # a packet that is lost just before makes one reader wait sooner than another
    assert abs(silence["after_ns"] - episode.stamps_ns[start]) <= 300_000_000
