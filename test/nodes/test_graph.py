# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The whole graph, over real topics: it does what the loop does, and the recorder writes what the policy saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import GraphError
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.launching.graph import running
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner
from il_ros.recording.episodes.reader import read_episode
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.message_types import message_class
from il_ros.ros.qos import PROFILES
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device

pytestmark = [pytest.mark.graph, pytest.mark.slow]

CONTRACT = Contract.load("panda_plane")
FIELDS = ("observations", "executed", "policy", "expert", "authority", "intervention", "doubts")
SEEDS = (11, 12, 13)


@pytest.fixture(scope="module", params=[False, True], ids=["processes", "composed"])
def director(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, simulation: None
) -> Iterator[GraphClient]:
    folder = tmp_path_factory.mktemp("graph")
    settings = {"task": "avoid", "device": "supervisor", "folder": folder / "e", "checkpoints": folder / "c"}
    with running("dagger", folder / "logs", composed=request.param, **settings) as made:
        yield made


def same(one: Episode, other: Episode) -> None:
    """Equal to the last bit; the arm's clock goes on from one episode to the next, so stamps count from the first."""
    for name in FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        assert a.shape == b.shape, name
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), name
    assert np.array_equal(one.stamps_ns - one.stamps_ns[0], other.stamps_ns - other.stamps_ns[0])
    assert all(one.facts[name] == other.facts[name] for name in ("task", "seed", "outcome", "way"))


def over_topics(director: GraphClient, seeds: tuple[int, ...] = SEEDS) -> list[Episode]:
    return [read_episode(Path(facts["path"]), CONTRACT) for facts in director.episodes(seeds)]


def in_the_loop(rule: str, expert: Any, actor: PolicyRunner | None, **gating: Any) -> list[Episode]:
    env, gate = ArmEnv("avoid", CONTRACT), Gate(CONTRACT, GateConfig(rule=rule, **gating))
    episodes = [run_episode(env, gate, seed, actor, expert).episode for seed in SEEDS]
    env.close()
    return episodes


def serve(director: GraphClient, path: Path) -> None:
    director.set("policy_node", checkpoint=str(path))
    director.wait_policy(checkpoints.load(path).hash)


@pytest.mark.parametrize("policy", ["deterministic", "mixture", "diffusion"])
def test_graph_and_loop_agree_at_every_step_with_interventions(
    director: GraphClient, trained: Callable[[str], Path], device: Callable[..., Device], policy: str
) -> None:
    path = trained(policy)
    serve(director, path)
    director.set("expert_node", device="supervisor")
    director.set("gate_node", rule="human")
    recorded = over_topics(director)
    looped = in_the_loop("human", device("supervisor", "avoid"), PolicyRunner(checkpoints.load(path)))
    for one, other in zip(recorded, looped):
        same(one, other)
    assert any(Authority.EXPERT in episode.authority for episode in recorded)
    assert any(Authority.POLICY in episode.authority for episode in recorded)


def test_graph_and_loop_agree_where_a_late_policy_goes_on_from_what_is_executed(
    director: GraphClient, trained: Callable[[str], Path]
) -> None:
    path = trained("diffusion")
    serve(director, path)
    late: dict[str, Any] = {"policy_delay": 3, "policy_timeout_s": 0.4}
    director.set("gate_node", rule="none", **late)
    try:
        recorded = over_topics(director)
    finally:
        director.set("gate_node", policy_delay=0, policy_timeout_s=0.125)
    actor, unaware = PolicyRunner(checkpoints.load(path)), PolicyRunner(checkpoints.load(path))
    unaware.follow = lambda record: None  # type: ignore[method-assign]
    for one, other in zip(recorded, in_the_loop("none", None, actor, **late)):
        same(one, other)
    others = in_the_loop("none", None, unaware, **late)
    assert any(len(one) != len(other) or (one.executed != other.executed).any() for one, other in zip(recorded, others))


def test_graph_and_loop_agree_for_demonstrations_and_for_a_policy_alone(
    director: GraphClient, trained: Callable[[str], Path], device: Callable[..., Device]
) -> None:
    path = trained("diffusion")
    serve(director, path)
    director.set("expert_node", device="scripted")
    director.set("gate_node", rule="demonstration")
    for one, other in zip(over_topics(director), in_the_loop("demonstration", device("scripted", "avoid"), None)):
        same(one, other)
    director.set("gate_node", rule="none")
    for one, other in zip(over_topics(director), in_the_loop("none", None, PolicyRunner(checkpoints.load(path)))):
        same(one, other)


RULES = (
    "beta:beta=0.5,every=8",
    "ensemble:discrepancy=0.1,doubt=0.5",
    "doubt:threshold=0.1",
    "safe",
    "lazy",
    "thrifty:budget=0.2",
)
"""Those that decide by themselves, with thresholds between which the ensemble goes to and fro."""


@pytest.mark.parametrize(
    "director",
    [pytest.param(False, marks=pytest.mark.long, id="processes"), pytest.param(True, id="composed")],
    indirect=True,
    scope="module",
)
@pytest.mark.parametrize("rule", RULES)
def test_graph_and_loop_agree_for_every_rule_that_decides_by_itself(
    director: GraphClient, trained: Callable[[str], Path], device: Callable[..., Device], rule: str
) -> None:
    path = trained("one_step_ensemble")
    serve(director, path)
    director.set("expert_node", device="scripted")
    director.set("gate_node", rule=rule)
    recorded = over_topics(director)
    for one, other in zip(
        recorded, in_the_loop(rule, device("scripted", "avoid"), PolicyRunner(checkpoints.load(path)))
    ):
        same(one, other)
    assert any(episode.interventions for episode in recorded)
    assert any(Authority.POLICY in episode.authority for episode in recorded)


def test_two_lockstep_runs_with_one_seed_give_equal_episodes(
    director: GraphClient, trained: Callable[[str], Path]
) -> None:
    serve(director, trained("mixture"))
    director.set("expert_node", device="supervisor")
    director.set("gate_node", rule="human")
    for one, other in zip(over_topics(director), over_topics(director)):
        same(one, other)


def test_the_distance_from_what_was_taught_is_told_at_every_step(
    director: GraphClient, trained: Callable[[str], Path]
) -> None:
    path = trained("mixture")
    serve(director, path)
    director.set("expert_node", device="supervisor")
    director.set("gate_node", rule="human")
    topic, heard = topics.POLICY_DISTANCE, []
    listener = director.create_subscription(
        message_class(topic.type_name), topic.name, lambda message: heard.append(message.data), PROFILES[topic.qos]
    )
    while not heard:  # the policy tells them once it knows who listens
        over_topics(director, (0,))
    (episode,) = over_topics(director, (1,))
    actor, expected = PolicyRunner(checkpoints.load(path)), []
    for step, observation in enumerate(episode.observations):
        actor.observe(step * CONTRACT.step_ns, observation)
        expected.append(actor.distance())
    director.wait("the distances", lambda: heard[-len(expected) :] == expected)
    director.destroy_subscription(listener)


def test_what_the_director_asks_in_vain_is_told_with_its_reason(director: GraphClient) -> None:
    with pytest.raises(GraphError, match="gating rule 'humann' is not known.*did you mean 'human'"):
        director.set("gate_node", rule="humann")
    with pytest.raises(GraphError, match="policy_node refused"):
        director.set("policy_node", checkpoint="/nowhere")
    with pytest.raises(GraphError, match="device 'joystick' is not known"):
        director.set("expert_node", device="joystick")
    with pytest.raises(GraphError, match="no episode is being recorded"):
        director.call("recorder/stop")
    over_topics(director, (1,))


def test_the_trainer_learns_from_what_was_recorded_and_the_policy_swaps(director: GraphClient) -> None:
    director.set("expert_node", device="scripted")
    director.set("gate_node", rule="demonstration")
    over_topics(director, (1, 2, 3))
    seen: list[int] = []
    made = director.train(lambda step, steps: seen.append(step), policy="deterministic", steps=300)
    director.wait_policy(made["hash"])
    loaded = checkpoints.load(Path(made["path"]))
    assert loaded.hash == made["hash"] and made["labels"] > 100
    assert len(loaded.document["manifest"]) == made["episodes"]


def test_a_take_over_by_service_counts_also_between_two_episodes(
    director: GraphClient, trained: Callable[[str], Path]
) -> None:
    """The supervisor has no hand on the stick yet, so the arm holds; they take over when they see it stand still."""
    serve(director, trained("diffusion"))
    director.set("expert_node", device="supervisor")
    director.set("gate_node", rule="human")
    director.call("gate/take_over")
    (episode,) = over_topics(director, (21,))
    assert set(episode.authority[:15]) == {Authority.HOLD}
    assert Authority.EXPERT in episode.authority and episode.facts["expert"] == "supervisor"
