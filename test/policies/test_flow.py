# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Flow matching and its mean flows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create

Taught = Callable[..., tuple[Policy, torch.Generator]]
SIZES = {"observation_dim": 2, "action_dim": 1, "n_obs_steps": 1, "horizon": 3, "width": 64, "depth": 1}


def shares(policy: Policy) -> tuple[float, float]:
    """The shares of chunks that follow the one expert and the other."""
    drawn = policy.sample(torch.zeros(400, 1, 2), torch.Generator().manual_seed(1))[..., 0]
    return tuple(float(((drawn - expert).abs() < 0.2).all(1).float().mean()) for expert in (0.8, -0.8))


def test_plain_flow_takes_four_calls_to_hold_two_experts_apart(taught_by_two: Taught) -> None:
    policy = taught_by_two("flow", 800, 3e-3, num_inference_steps=4, strides=0.0)[0]
    left, right = shares(policy)
    assert left + right > 0.9 and min(left, right) > 0.35
    averaging = create("flow", {**SIZES, "num_inference_steps": 1, "strides": 0.0}, seed=0)
    averaging.load_state_dict(policy.state_dict())  # training does not depend on the calls
    assert sum(shares(averaging)) < 0.1  # one straight step leads to the average


def test_mean_flows_hold_two_experts_apart_with_one_call(taught_by_two: Taught) -> None:
    left, right = shares(taught_by_two("flow", 800, 3e-3, num_inference_steps=1, strides=0.5)[0])
    assert left + right > 0.85 and min(left, right) > 0.35


@pytest.mark.parametrize("calls", [1, 3, 4])
def test_a_network_that_knows_the_chunk_is_followed_whatever_the_number_of_calls(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = create("flow", {**SIZES, "num_inference_steps": calls}, seed=0)
    chunk = torch.tensor([[[0.5], [-0.25], [1.0]]])
    asked = []
    monkeypatch.setattr(policy, "_end", lambda *inputs: asked.append(1) or chunk)
    assert torch.allclose(policy.sample(torch.zeros(1, 1, 2), torch.Generator()), chunk, atol=1e-6)
    assert len(asked) == calls


@pytest.mark.parametrize("strides", [0.0, 0.5, 1.0])
def test_a_stride_goes_forward_and_ends_with_the_chunk(strides: float) -> None:
    policy = create("flow", {**SIZES, "strides": strides}, seed=0)
    time, until = policy._times(torch.rand((4000, 3), generator=torch.Generator().manual_seed(0)))
    assert (time >= 0).all() and (until >= time).all() and (until <= 1).all()
    assert abs(float((until > time).float().mean()) - strides) < 0.03


@pytest.mark.parametrize("options", [{"strides": 1.5}, {"strides": -0.1}, {"clip": 0.0}])
def test_options_outside_their_limits_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="choose num_inference_steps >= 1, 0 <= strides <= 1 and clip > 0"):
        create("flow", {**SIZES, **options}, seed=0)
