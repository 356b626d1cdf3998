# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two arms of different makes in one graph, each with its policy and gate: neither hears the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.launching import graph
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.recording.bag import reader
from il_ros.recording.episodes.reader import read_episode
from il_ros.robot.ik import Kinematics
from il_ros.ros.client.graph_client import GraphClient
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

pytestmark = pytest.mark.graph

CONTRACTS = {"left": "panda_plane", "right": "xarm6_joints"}


def taught(contract: Contract, path: Path) -> Checkpoint:
    """A policy that has seen two demonstrations by this arm."""
    env = ArmEnv("fork", contract)
    guide = tasks.ScriptedExpert(env.task, "left")
    expert = load("scripted", Setup(contract, guide, solve=Kinematics.of(contract)))
    gate = Gate(contract, GateConfig(rule="demonstration"))
    shown = [run_episode(env, gate, seed, None, expert).episode for seed in range(2)]
    env.close()
    config = TrainingConfig.load("deterministic", steps=300)
    made = train(Dataset.from_episodes(shown, config.n_obs_steps, config.horizon), config)
    return checkpoints.save(path, made, contract, [{"name": "shown", "digest": "0"}])


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    folder = tmp_path_factory.mktemp("policies")
    return {side: taught(Contract.load(name), folder / side) for side, name in CONTRACTS.items()}


@pytest.fixture(scope="module")
def episodes(policies: dict[str, Checkpoint], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Bags of each side: an episode alone, and one in which somebody stops the left arm, and only that."""
    runs = tmp_path_factory.mktemp("two_arms")
    given = {f"{side}_contract": name for side, name in CONTRACTS.items()}
    given |= {f"{side}_checkpoint": str(checkpoint.path) for side, checkpoint in policies.items()}
    given |= {"device": "joy", "composed": "true", "runs": str(runs)}
    with (
        graph.started("two_arms", runs / "logs", **given) as processes,
        GraphClient(processes.check, "left") as left,
        GraphClient(processes.check, "right") as right,
    ):
        for director in (left, right):
            director.wait_ready(graph.node_names("dagger"))
        done = {"left": left.episodes([0]), "right": right.episodes([0])}
        left.call("gate/take_over")
        left.call("sim_node/reset")  # it holds, and its time runs out
        done["right"] += right.episodes([1])
        left.wait("the end of the held episode", lambda: len(left._recorded) == 2, 60.0)
        return {
            "left": [Path(str(recorded.path)) for recorded in left._recorded],
            "right": [Path(f["path"]) for f in done["right"]],
        }


def read(side: str, path: Path) -> Episode:
    return read_episode(path, Contract.load(CONTRACTS[side]))


@pytest.mark.parametrize("side", CONTRACTS)
def test_each_side_records_its_own_topics_alone(episodes, side):
    for path in episodes[side]:
        assert {name.split("/")[1] for name in reader.read(path).types} == {side}


@pytest.mark.parametrize("side", CONTRACTS)
def test_each_arm_does_what_its_own_policy_says(episodes, policies, side):
    episode = read(side, episodes[side][0])
    driven = episode.authority == Authority.POLICY
    assert driven.sum() > 20
    contract = Contract.load(CONTRACTS[side])
    away = np.abs(episode.executed - np.clip(episode.policy, contract.low, contract.high))[driven]
    assert np.median(away.max(1)) < 1e-6  # the rest is the hand-over, whose steps are limited
    assert episode.facts["checkpoint"] == policies[side].short_hash


def test_who_stops_one_arm_does_not_stop_the_other(episodes):
    stopped, other = read("left", episodes["left"][1]), read("right", episodes["right"][1])
    assert (stopped.authority == Authority.HOLD).all() and len(stopped) > 100
    assert (other.authority == Authority.POLICY).sum() > 20 and other.facts["outcome"] != "timeout"
