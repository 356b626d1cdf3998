# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The critic: it foresees where the expert would do otherwise and where episodes fail, and ranks what it sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import CheckpointError
from il_ros.core.types import EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import critic as critics
from il_ros.learning.critic import Critic, learn
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.labels import load
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train

CONTRACT = Contract.load("panda_plane")
STEP_NS = CONTRACT.step_ns


def drive(y: float, policy_goes: float, won: bool, steps: int = 20) -> Episode:
    """A policy drives forward at ``y``; the expert, who is asked at every step, would turn left where y is positive."""
    x = np.linspace(0.2, 0.6, steps)
    expert = np.column_stack([np.full(steps, 0.1), np.full(steps, 0.2 if y > 0 else 0.0)])
    policy = np.column_stack([np.full(steps, 0.1), np.full(steps, policy_goes)])
    return Episode(
        stamps_ns=np.arange(steps, dtype=np.int64) * STEP_NS,
        observations=np.column_stack([x, np.full(steps, y), np.zeros(steps), np.zeros(steps)]).astype(np.float32),
        executed=policy.astype(np.float32),
        policy=policy.astype(np.float32),
        expert=expert.astype(np.float32),
        authority=np.full(steps, Authority.POLICY, dtype=np.uint8),
        intervention=np.zeros(steps, dtype=np.int32),
        doubts=np.full((steps, 5), np.nan, dtype=np.float32),
        step_ns=STEP_NS,
        facts={"outcome": "success" if won else "collision"},
    )


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that always goes straight on, which is wrong and fails where y is positive, and its critic."""
    places = np.linspace(-0.1, 0.1, 20)
    episodes = [drive(float(y), 0.0, won=y < 0) for y in places]
    config = TrainingConfig.load("one_step_ensemble", steps=150, width=32)
    straight = [dataclasses.replace(e, expert=e.executed) for e in episodes]
    data = Dataset.from_episodes(straight, 1, 1, load("relabelled"))
    trained = train(data, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(critics, "STEPS", 800)
        patch.setattr(critics, "BATCH", 64)
        critic = learn(trained.policy, trained.normaliser, episodes, CONTRACT, 0)
    path = tmp_path_factory.mktemp("critic") / "checkpoint"
    checkpoints.save(path, trained, CONTRACT, [], critic=critic)
    return path


def doubts(actor: PolicyRunner, y: float, x: float = 0.4) -> object:
    actor.reset(EpisodeStart("fork", 0, 0))
    actor.observe(0, np.array([x, y, 0.0, 0.0], dtype=np.float32))
    return actor.chunk().doubts


def test_it_foresees_where_the_expert_would_do_otherwise_and_where_it_fails(taught: Path) -> None:
    actor = PolicyRunner(checkpoints.load(taught))
    good, bad = doubts(actor, -0.08), doubts(actor, 0.08)
    assert good.deviation < 0.2 and bad.deviation > 0.8
    assert good.risk < 0.3 and bad.risk > 0.7
    assert good.risk_rank < 0.5 < bad.risk_rank


def test_novelty_ranks_highest_where_nobody_has_been(taught: Path) -> None:
    actor = PolicyRunner(checkpoints.load(taught))
    known, strange = doubts(actor, 0.03), doubts(actor, 0.5, x=-0.5)
    assert strange.spread > known.spread and strange.spread_rank == 1.0


def test_what_is_loaded_judges_as_what_was_saved(taught: Path) -> None:
    one, other = (checkpoints.load(taught).critic for _ in range(2))
    assert one is not None and other is not None
    for name, values in one.state_dict().items():
        assert torch.equal(values, other.state_dict()[name]), name


def test_equal_seeds_give_equal_critics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critics, "STEPS", 20)
    episodes = [drive(y, 0.0, y < 0) for y in (-0.1, 0.1)]
    config = TrainingConfig.load("one_step", steps=5, width=8)
    trained = train(Dataset.from_episodes(episodes, 1, 1, load("relabelled")), config)
    one, other = (learn(trained.policy, trained.normaliser, episodes, CONTRACT, 3) for _ in range(2))
    assert all(
        torch.equal(a, b) or a.isnan().all() for a, b in zip(one.state_dict().values(), other.state_dict().values())
    )
    assert one.spreads.isnan().all()  # a single network has no spread to tell


def test_a_damaged_critic_is_refused(taught: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in taught.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "critic.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="critic.safetensors has another sha256"):
        checkpoints.load(copy)
    (copy / "critic.safetensors").unlink()
    with pytest.raises(CheckpointError, match="critic.safetensors cannot be read"):
        checkpoints.load(copy)


def test_a_rank_is_the_share_of_visited_states_below() -> None:
    critic = Critic(6)
    with torch.no_grad():
        critic.risks.copy_(torch.linspace(0.0, 1.0, 101))
    judged = critic.judge(torch.zeros(1, 1, 4), torch.zeros(1, 2), float("nan"))
    assert judged.risk_rank == pytest.approx(judged.risk, abs=0.02)
    assert np.isnan(judged.spread) and np.isnan(judged.spread_rank)


def test_a_workshop_trains_a_critic_when_it_is_asked_to(
    record: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(critics, "STEPS", 20)
    from il_ros.learning.pipeline import TrainingPipeline

    record(tmp_path / "episodes", 0)
    config = TrainingConfig.load("one_step_ensemble", steps=5, width=8)
    made = TrainingPipeline(tmp_path / "episodes", tmp_path / "checkpoints", CONTRACT).train(config)
    assert checkpoints.load(Path(made["path"])).critic is not None
