# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a class says of the probability of a chunk is a probability, and is what it draws by."""

from __future__ import annotations

import itertools

import pytest
import torch

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create

SIZES = {"observation_dim": 2, "action_dim": 1, "n_obs_steps": 1, "horizon": 3, "width": 16, "depth": 1}
SEEN = torch.zeros(1, 1, 2)
MOVES = torch.tensor([-1.0, 0.25, 0.5])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def categorical() -> Policy:
    """Three moves, three places; the least likely may be drawn, too."""
    policy = create("categorical", {**SIZES, "moves": 5, "least_probability": 0.0}, seed=3).eval()
    rows = MOVES.repeat(2).reshape(2, 3, 1)
    policy.prepare(torch.zeros(2, 1, 2), rows, torch.ones(2, 3), generator())
    return policy


def autoregressive() -> Policy:
    return create("autoregressive", {**SIZES, "bins": 4, "least_probability": 0.0}, seed=3).eval()


def every_chunk(values: torch.Tensor) -> torch.Tensor:
    return torch.tensor(list(itertools.product(values.tolist(), repeat=3)))[..., None]


@pytest.mark.parametrize(
    ("policy", "values"),
    [(categorical(), MOVES), (autoregressive(), torch.tensor([-0.75, -0.25, 0.25, 0.75]))],
    ids=["categorical", "autoregressive"],
)
def test_the_probabilities_of_all_chunks_add_up_to_one_and_are_those_of_the_draws(
    policy: Policy, values: torch.Tensor
) -> None:
    chunks = every_chunk(values)
    with torch.no_grad():
        said = policy.log_likelihood(SEEN.expand(len(chunks), -1, -1), chunks, torch.ones(len(chunks), 3)).exp()
        drawn = policy.sample(SEEN.expand(20_000, -1, -1), generator(1))
    assert said.sum().item() == pytest.approx(1.0, abs=1e-5)
    nearest = (drawn - values).abs().argmin(-1)  # (N, 3)
    place = nearest @ torch.tensor([len(values) ** 2, len(values), 1])
    share = torch.bincount(place, minlength=len(chunks)) / len(drawn)
    assert torch.allclose(share, said, atol=0.012)


@pytest.mark.parametrize("name", ["gaussian", "mixture"])
def test_a_density_over_one_number_integrates_to_one(name: str) -> None:
    policy = create(name, {**SIZES, "horizon": 1}, seed=3).eval()
    at = torch.linspace(-12, 12, 20_001)[:, None, None]
    with torch.no_grad():
        density = policy.log_likelihood(SEEN.expand(len(at), -1, -1), at, torch.ones(len(at), 1)).exp()
    assert torch.trapezoid(density, at[:, 0, 0]).item() == pytest.approx(1.0, abs=1e-3)


def test_masked_steps_do_not_count() -> None:
    policy, mask = categorical(), torch.tensor([[1.0, 1.0, 0.0]])
    first, second = (torch.tensor([[[-1.0], [0.5], [last]]]) for last in (0.25, -1.0))
    assert torch.equal(policy.log_likelihood(SEEN, first, mask), policy.log_likelihood(SEEN, second, mask))


@pytest.mark.parametrize("name", ["deterministic", "diffusion", "flow", "ensemble"])
def test_a_class_that_cannot_tell_says_so(name: str) -> None:
    with pytest.raises(ConfigError, match=f"policy '{name}' has no log-likelihood"):
        create(name, SIZES, seed=0).log_likelihood(SEEN, torch.zeros(1, 3, 1), torch.ones(1, 3))


def test_too_many_different_actions_for_a_table_are_told_with_the_remedy() -> None:
    policy = create("categorical", {**SIZES, "moves": 4}, seed=0)
    with pytest.raises(ConfigError, match="have 30 different actions, at most moves = 4 .*such as autoregressive"):
        policy.prepare(
            torch.zeros(10, 1, 2), torch.linspace(-1, 1, 30).reshape(10, 3, 1), torch.ones(10, 3), generator()
        )
