# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Real-time chunking: a chunk goes on from the actions that are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from il_ros.core import plugins
from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create

Taught = Callable[..., tuple[Policy, torch.Generator]]
SIZES = {"observation_dim": 2, "action_dim": 2, "n_obs_steps": 1, "horizon": 6, "width": 16, "depth": 1}
DRAW = ("autoregressive", "categorical", "diffusion", "flow", "mixture")
TRAINED = ("diffusion", "flow")
GIVEN = torch.tensor([[[0.5, -0.25], [0.25, 1.0], [-0.75, 0.0]]])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("name", plugins.available("policy"))
def test_what_is_given_is_kept_by_every_class_and_those_that_draw_are_asked_to(name: str) -> None:
    policy = create(name, SIZES, seed=0).eval()
    assert policy.prefix_rows == (5 if name in DRAW else 0)
    seen = torch.zeros(1, 1, 2)
    after = policy.sample_after(seen, GIVEN, generator())
    assert torch.equal(after[:, :3], GIVEN) and after.shape == policy.sample(seen, generator()).shape


@pytest.mark.parametrize(("name", "told"), [
    *((name, 0) for name in DRAW if name != "categorical"),  # whose bins come from `prepare`, which this toy leaves out
    *((name, 2) for name in TRAINED),
])  # fmt: skip
def test_of_two_experts_the_one_is_followed_whose_actions_are_given(
    name: str, told: int, taught_by_two: Taught
) -> None:
    policy = taught_by_two(name, 1200, 3e-3, **({"prefix_steps": told} if told else {}))[0]
    for expert in (0.8, -0.8):
        given = torch.full((200, 1, 1), expert)
        drawn = policy.sample_after(torch.zeros(200, 1, 2), given, generator())[..., 0]
        assert float(((drawn - expert).abs() < 0.2).all(1).float().mean()) > 0.9
    drawn = policy.sample(torch.zeros(400, 1, 2), generator())[..., 0]  # and with nothing given, each of them
    shares = [float(((drawn - expert).abs() < 0.2).all(1).float().mean()) for expert in (0.8, -0.8)]
    assert sum(shares) > 0.85 and min(shares) > 0.3


@pytest.mark.parametrize("name", TRAINED)
def test_rows_that_are_given_are_no_labels(name: str) -> None:
    policy = create(name, {**SIZES, "prefix_steps": 5}, seed=0)
    seen, mask = torch.zeros(64, 1, 2), torch.ones(64, 6)
    for weight in policy.parameters():
        weight.data.zero_()  # a network that names the middle of everything
    one = policy.loss(seen, torch.full((64, 6, 2), 0.5), mask, generator())
    assert torch.isfinite(one).all() and (one > 0).all()
    none = policy.loss(seen, torch.full((64, 6, 2), 0.5), torch.cat([mask[:, :1], 0 * mask[:, 1:]], 1), generator())
    assert torch.isfinite(none).all()  # where all labels are given there is nothing to learn
    assert (none == 0).any() and (none > 0).any()


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("steps", [6, 9])
def test_a_prefix_that_leaves_no_row_is_refused(name: str, steps: int) -> None:
    with pytest.raises(ConfigError, match=f"prefix_steps is {steps}; it must be from 0 to horizon - 1, 5"):
        create(name, {**SIZES, "prefix_steps": steps}, seed=0)
