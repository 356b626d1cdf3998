# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An environment of other people, with an expert of its own, in the place of the arm: shown, learned, driven."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import gymnasium
import numpy as np
import pytest
import yaml

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.nodes.expert_node import ExpertNode
from il_ros.nodes.gate_node import GateNode
from il_ros.nodes.gym_node import GymNode
from il_ros.nodes.policy_node import PolicyNode
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.recording.episodes.reader import read_episode
from il_ros.ros.client.graph_client import GraphClient
from il_ros.sim.gym_adapter import contract_of

pytestmark = pytest.mark.graph
CHASE = "test/Chase-v0"


class Chase(gymnasium.Env):
    """A point that is to come to a goal, as robots' environments tell of it."""

    metadata = {"render_modes": [], "render_fps": 20}

    def __init__(self) -> None:
        box = gymnasium.spaces.Box(-10.0, 10.0, (2,), np.float64)
        self.observation_space = gymnasium.spaces.Dict({"achieved_goal": box, "desired_goal": box})
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def _seen(self):
        return {"achieved_goal": self._at.copy(), "desired_goal": self._goal.copy()}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._goal, self._at = self.np_random.uniform(-1.0, 1.0, 2), np.zeros(2)
        return self._seen(), {}

    def step(self, action):
        self._at = self._at + 0.2 * action
        near = bool(np.linalg.norm(self._at - self._goal) < 0.1)
        return self._seen(), float(near) - 1.0, near, False, {"is_success": near}


def chase(seen):
    return 3.0 * (seen["desired_goal"] - seen["achieved_goal"])


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The environment and its expert can be had by their names, and this is the contract."""
    gymnasium.register(CHASE, entry_point=Chase, max_episode_steps=25)
    module = ModuleType("chasers")
    module.chase = chase  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chasers", module)
    path = tmp_path / "chase.yaml"
    path.write_text(yaml.safe_dump(contract_of(CHASE, {}).to_dict(), sort_keys=False))
    yield path
    del gymnasium.registry[CHASE]


@pytest.fixture
def director(contract: Path, tmp_path: Path, ros: Callable[..., None]) -> Iterator[GraphClient]:
    options = f"'{json.dumps({'expert': 'chasers:chase'})}'"
    given = {"environment": CHASE, "contract": contract, "device": "function", "options": options}
    ros(**given, task="''", rule="demonstration", lockstep=True, folder=tmp_path / "episodes")
    nodes = [kind() for kind in (GymNode, GateNode, ExpertNode, PolicyNode, RecorderNode)]
    with GraphClient() as made:
        for node in nodes:
            made._executor.add_node(node)
        made.wait_ready([node.get_name() for node in nodes])
        yield made
        for node in nodes:
            node.close()


def assert_is_what_gymnasium_has(episode: Episode, seed: int) -> None:
    """Bit by bit, and with its outcome, the episode of that seed in which these actions are taken."""
    env = gymnasium.make(CHASE)
    seen, _ = env.reset(seed=seed)
    ended = terminated = False
    for observed, action in zip(episode.observations, episode.executed):
        assert not ended
        assert np.array_equal(observed, gymnasium.spaces.flatten(env.observation_space, seen).astype(np.float32))
        seen, _, terminated, truncated, _ = env.step(action.astype(np.float32))
        ended = terminated or truncated
    told = (episode.facts["task"], episode.facts["seed"], episode.facts["outcome"])
    assert ended and told == (CHASE, seed, "success" if terminated else "timeout")


def recorded(director: GraphClient, contract: Path, seeds: range) -> list[Episode]:
    return [read_episode(Path(facts["path"]), Contract.load(contract)) for facts in director.episodes(seeds)]


def test_the_whole_circle_goes_round_with_an_environment_of_other_people(
    director: GraphClient, contract: Path, tmp_path: Path
) -> None:
    shown = recorded(director, contract, range(12))
    for seed, episode in enumerate(shown):
        assert (episode.authority == Authority.EXPERT).all() and episode.facts["expert"] == "chase"
        assert_is_what_gymnasium_has(episode, seed)
    assert {episode.facts["outcome"] for episode in shown} == {"success"}
    config = TrainingConfig.load("deterministic", steps=100)
    made = train(Dataset.from_episodes(shown, config.n_obs_steps, config.horizon), config)
    checkpoints.save(tmp_path / "learned", made, Contract.load(contract), [{"name": "shown", "digest": "0"}])
    director.set("policy_node", checkpoint=str(tmp_path / "learned"))
    director.set("gate_node", rule="none")
    driven = recorded(director, contract, range(100, 105))
    for seed, episode in enumerate(driven, 100):
        assert (episode.authority == Authority.POLICY).all()
        assert_is_what_gymnasium_has(episode, seed)


def test_without_a_command_a_paced_environment_is_given_its_rest(contract: Path, ros: Callable[..., None]) -> None:
    ros(environment=CHASE, contract=contract)
    node = GymNode()
    node._reset()
    before, stamp_ns = node._env.values.copy(), node._env.stamp_ns
    for _ in range(3):
        node._tick()
    assert node._env.values.tolist() == before.tolist()
    assert node._env.stamp_ns == stamp_ns + 3 * node.contract.step_ns
    node.close()


def test_a_contract_for_our_arm_is_refused_at_the_start(ros: Callable[..., None]) -> None:
    ros(contract="panda_plane")
    with pytest.raises(ConfigError, match="is not what MountainCarContinuous-v0 sees"):
        GymNode()
