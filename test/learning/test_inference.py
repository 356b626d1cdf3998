# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, DataError, MessageError
from il_ros.core.types import EpisodeStart
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.inference import PolicyRunner
from il_ros.policies.base import Policy, PolicyConfig, create

POLICIES = sorted(plugins.available("policy"))
STEP_NS = 50_000_000
START = EpisodeStart("fork", seed=7, first_stamp_ns=1_000_000_000)


def actor(name: str = "diffusion", seed: int = 0, history: int = 2, gain: float = 1.0) -> PolicyRunner:
    """An actor on random weights; ``gain`` enlarges its actions."""
    sizes = {"observation_dim": 4, "action_dim": 2, "n_obs_steps": history, "horizon": 4, "width": 16, "depth": 1}
    rows = np.array([[0.0] * 4, [1.0] * 4])
    normaliser = Normalizer.fit(rows, np.array([[-gain] * 2, [gain] * 2]))
    policy = create(name, sizes, seed=1).eval()
    made = PolicyRunner(Checkpoint(Path("x"), {}, policy, normaliser, Contract.load("panda_plane")), seed)
    made.reset(START)
    return made


class Overflowing(Policy):
    """Says one number, whatever it sees, but for one place of its chunk."""

    said, at, shape = 0.0, (0, 0), (1, 4, 2)

    def loss(self, observations, actions, mask, generator):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def sample(self, observations, generator):  # type: ignore[no-untyped-def]
        if self.said == "raises":
            raise RuntimeError("probability tensor contains nan")
        chunk = torch.zeros(self.shape)
        chunk[0, self.at[0], self.at[1]] = self.said
        return chunk


def overflowing(said: object, at: tuple[int, int] = (0, 0), shape: tuple[int, ...] = (1, 4, 2)) -> PolicyRunner:
    policy = Overflowing(PolicyConfig(4, 2, horizon=4))
    policy.said, policy.at, policy.shape = said, at, shape  # type: ignore[assignment]
    rows = np.array([[0.0] * 4, [1.0] * 4])
    normaliser = Normalizer.fit(rows, np.array([[-0.25] * 2, [0.25] * 2]))
    made = PolicyRunner(Checkpoint(Path("x"), {}, policy, normaliser, Contract.load("panda_plane")))
    made.observe(stamp(0), seen(0))
    return made


def seen(step: int) -> np.ndarray:
    return np.random.default_rng(step).uniform(0, 1, 4).astype(np.float32)


def stamp(step: int) -> int:
    return START.first_stamp_ns + step * STEP_NS


@pytest.mark.parametrize("name", POLICIES)
def test_asking_at_every_step_or_now_and_then_gives_the_same_chunks(name: str) -> None:
    eager, lazy = actor(name), actor(name)
    torch.manual_seed(0)
    for step in range(20):
        for one in (eager, lazy):
            one.observe(stamp(step), seen(step))
        chunk = eager.chunk()
        if step % 7 == 3:
            assert (lazy.chunk().actions == chunk.actions).all()


@pytest.mark.parametrize("name", POLICIES)
def test_actions_are_finite_float64_within_the_limits_and_carry_stamp_and_author(name: str) -> None:
    one = actor(name, gain=2.0)
    one.observe(stamp(0), seen(0))
    chunk = one.chunk()
    assert chunk.actions.shape == (4, 2)
    assert chunk.actions.dtype == np.float64
    assert (np.abs(chunk.actions) <= 0.25).all()
    assert (chunk.stamp_ns, chunk.author, chunk.engaged) == (stamp(0), one.author, True)
    assert len(one.author) == 12


def test_noise_differs_between_steps_episodes_and_seeds() -> None:
    def drawn(step: int = 0, episode: int = 7, seed: int = 0) -> tuple[float, ...]:
        one = actor(seed=seed, gain=0.1)
        one.reset(EpisodeStart("fork", episode, START.first_stamp_ns))
        one.observe(stamp(step), seen(0))
        return tuple(one.chunk().actions[:, 0].tolist())

    assert len({drawn(), drawn(step=1), drawn(episode=8), drawn(seed=1)}) == 4
    assert drawn() == drawn()


def test_a_missing_past_is_the_first_observation_repeated() -> None:
    short, long = actor(history=3), actor(history=3)
    short.observe(stamp(5), seen(1))
    for step in (3, 4, 5):
        long.observe(stamp(step), seen(1))
    assert (short.chunk().actions == long.chunk().actions).all()


@pytest.mark.parametrize("interruption", ["gap", "forget", "reset"])
def test_an_interruption_empties_the_history(interruption: str) -> None:
    one, fresh = actor(), actor()
    at = 9 if interruption == "gap" else 2
    one.observe(stamp(1), seen(1))
    if interruption != "gap":
        getattr(one, interruption)(*([START] if interruption == "reset" else []))
    for each in (one, fresh):
        each.observe(stamp(at), seen(2))
    assert (one.chunk().actions == fresh.chunk().actions).all()


def test_the_past_matters_without_an_interruption() -> None:
    one, fresh = actor("mixture"), actor("mixture")
    one.observe(stamp(1), seen(1))
    for each in (one, fresh):
        each.observe(stamp(2), seen(2))
    assert (one.chunk().actions != fresh.chunk().actions).any()


def test_a_stamp_that_is_not_newer_is_passed_over() -> None:
    one, other = actor(), actor()
    for each in (one, other):
        each.observe(stamp(1), seen(1))
    one.observe(stamp(1), seen(3))
    one.observe(stamp(0), seen(4))
    assert (one.chunk().actions == other.chunk().actions).all()


def test_a_chunk_without_observation_is_refused() -> None:
    with pytest.raises(DataError, match="call observe first"):
        actor().chunk()


def test_an_observation_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="5 numbers; the checkpoint's contract has 4"):
        actor().observe(stamp(0), np.zeros(5, dtype=np.float32))


def lapsing(rate: float, episode: int = 7, **more: float) -> np.ndarray:
    """(200, 2), what a policy does at each step of an episode, chunk after chunk, whose attention lapses."""
    one = actor("deterministic", gain=0.01)
    one.lapses = ActionPerturbation(rate, **more)
    one.reset(EpisodeStart("fork", episode, 0))
    rows = []
    for step in range(0, 200, 4):
        one.forget()
        one.observe(step * STEP_NS, seen(0))
        rows.extend(one.chunk().actions)
    return np.array(rows)


def test_attention_lapses_as_often_and_as_long_as_it_is_told() -> None:
    steady, erring = lapsing(0.0), lapsing(0.02)
    elsewhere = (erring != steady).any(axis=1)
    assert 0.05 < elsewhere.mean() < 0.25  # 2 % a step, 6 steps each
    starts = np.flatnonzero(np.diff(np.concatenate([[0], elsewhere.astype(int)])) == 1)
    assert all(elsewhere[k : k + 6].all() for k in starts if k + 6 <= len(elsewhere))  # over the edges of chunks, too
    assert len(np.unique(erring[starts[0] : starts[0] + 2], axis=0)) == 1
    assert np.abs(erring).max() <= 0.25


def test_a_lapse_depends_on_the_seed_and_the_step_alone_and_reaches_no_farther_than_it_may() -> None:
    assert np.array_equal(lapsing(0.02), lapsing(0.02))
    assert not np.array_equal(lapsing(0.02), lapsing(0.02, episode=8))
    near = lapsing(1.0, reach=0.2)
    assert 0.02 < np.abs(near).max() <= 0.05  # a fifth of the range


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"rate": 1.5}, "rate is 1.5; it is a probability a step, from 0 to 1"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"reach": 0.0}, "reach is 0.0; it is a share of the action's range"),
    ],
)
def test_lapses_that_cannot_be_are_refused(told: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ActionPerturbation(**told)


@given(st.floats(width=32), st.integers(0, 3), st.integers(0, 1))
@example(np.nan, 3, 1)
@example(np.inf, 0, 0)
@example(-np.inf, 2, 1)
@example(1.0000000150474662e30, 1, 0)
@example(20.9, 0, 0)
@example(21.1, 0, 0)
def test_an_answer_is_clipped_if_it_is_one_and_refused_by_name_if_it_is_none(
    said: float, row: int, column: int
) -> None:
    actor = overflowing(said, (row, column))
    reach = 0.25 + 10 * 0.5  # ten widths of the range beyond it
    if np.isfinite(said) and abs(0.25 * said) <= reach:
        assert actor.chunk().actions[row, column] == pytest.approx(np.clip(0.25 * said, -0.25, 0.25))
    else:
        name = Contract.load("panda_plane").action[column].name
        with pytest.raises(MessageError, match=f"action '{name}' of step {row} is .*(nan|inf|e\\+|[0-9])"):
            actor.chunk()
        silence = actor.silence()
        assert (silence.stamp_ns, silence.actions.shape) == (stamp(0), (0, 2))


@pytest.mark.parametrize("shape", [(1, 4, 1), (1, 1, 2), (1, 0, 2), (1, 4, 3), (4, 2)])
def test_an_answer_of_another_shape_is_refused_and_not_spread_over_the_right_one(shape: tuple[int, ...]) -> None:
    actor = overflowing(0.0, (0, 0), shape)
    actor._policy.sample = lambda observations, generator: torch.zeros(shape)
    with pytest.raises(MessageError, match="has shape"):
        actor.chunk()


def test_a_network_that_cannot_be_drawn_from_gives_no_answer() -> None:
    with pytest.raises(MessageError, match="gives no answer .probability tensor contains nan."):
        overflowing("raises").chunk()


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_network_of_any_class_that_overflows_is_refused(name: str, value: float) -> None:
    """What it sees is enough: the last layer's weights are so large that its outputs are, or are no numbers."""
    one = actor(name)
    frozen = [tensor for module in one._policy.modules() for tensor in getattr(module, "_weights", ())]
    for tensor in frozen or one._policy.parameters():
        tensor.detach().fill_(value)
    one.observe(stamp(0), seen(0))
    with pytest.raises(MessageError):
        one.chunk()


def test_of_two_limits_the_tighter_one_holds() -> None:
    plain = Contract.load("panda_plane").to_dict()
    first, second = plain["action"]
    plain["action"][first]["high"], plain["action"][second]["low"], plain["action"][second]["high"] = 0.1, -9.0, 9.0
    theirs = Contract.from_dict("mine", plain)
    checkpoint = Checkpoint(
        Path("x"), {}, overflowing(0.0)._policy, overflowing(0.0)._normaliser, Contract.load("panda_plane")
    )
    for said, ends in ((2.0, (0.1, 0.25)), (-2.0, (-0.25, -0.25))):
        one = PolicyRunner(checkpoint, contract=theirs)
        one._policy.sample = lambda observations, generator, said=said: torch.full((1, 4, 2), said)
        one.observe(stamp(0), seen(0))
        assert one.chunk().actions[0] == pytest.approx(ends)


def test_a_constant_that_changes_live_disturbs_no_answer_and_is_told_as_distance() -> None:
    rows = np.array([[0.0, 0.7, 0.0, 0.0], [1.0, 0.7, 1.0, 1.0]])
    normaliser = Normalizer.fit(rows, np.array([[-0.25] * 2, [0.25] * 2]))
    policy = create("deterministic", {"observation_dim": 4, "action_dim": 2, "width": 16, "depth": 1}, seed=1).eval()
    states = torch.from_numpy(normaliser.observation.forward(rows))
    one = PolicyRunner(Checkpoint(Path("x"), {}, policy, normaliser, Contract.load("panda_plane"), states=states))
    answers = []
    for step, live in enumerate((0.7, 0.75, -1e6)):
        one.forget()
        one.observe(stamp(step), np.array([0.0, live, 0.0, 0.0]))
        answers.append(one.chunk().actions)
        assert one.distance() == pytest.approx(abs(live - 0.7))
    assert (answers[0] == answers[1]).all() and (answers[0] == answers[2]).all()
