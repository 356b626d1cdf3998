# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Denoising diffusion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from il_ros.core.errors import ConfigError
from il_ros.policies.base import Policy, create

Taught = Callable[..., tuple[Policy, torch.Generator]]
SIZES = {"observation_dim": 2, "action_dim": 1, "n_obs_steps": 1, "horizon": 3, "width": 64, "depth": 1}


def test_signal_falls_and_noise_rises_with_the_level_at_constant_power() -> None:
    policy = create("diffusion", SIZES, seed=0)
    assert policy.signal[0] == 1 and policy.noise[0] == 0
    assert policy.signal[-1] <= 0.011
    assert (policy.signal.diff() < 0).all() and (policy.noise.diff() > 0).all()
    assert torch.allclose(policy.signal.square() + policy.noise.square(), torch.ones(51))


@pytest.mark.parametrize("calls", [1, 3, 8, 50])
def test_a_network_that_knows_the_chunk_is_followed_whatever_the_number_of_calls(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = create("diffusion", {**SIZES, "num_inference_steps": calls}, seed=0)
    chunk = torch.tensor([[[0.5], [-0.25], [1.0]]])
    asked = []
    monkeypatch.setattr(policy, "_named", lambda noisy, condition, prefix: asked.append(1) or chunk)
    assert torch.allclose(policy.sample(torch.zeros(1, 1, 2), torch.Generator()), chunk, atol=1e-6)
    assert len(asked) == calls


def test_a_network_that_knows_the_noise_is_followed_to_the_same_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = create("diffusion", {**SIZES, "num_inference_steps": 5, "prediction_type": "epsilon"}, seed=0)
    chunk = torch.tensor([[[0.5], [-0.25], [1.0]]])
    levels = iter(policy.visited)

    def noise(noisy: torch.Tensor, condition: torch.Tensor, prefix: object) -> torch.Tensor:
        level = next(levels)
        return (noisy - policy.signal[level] * chunk) / policy.noise[level]

    monkeypatch.setattr(policy, "_named", noise)
    assert torch.allclose(policy.sample(torch.zeros(1, 1, 2), torch.Generator()), chunk, atol=1e-3)


@pytest.mark.parametrize(("kind", "calls", "steps", "rate"), [("sample", 8, 600, 3e-3), ("epsilon", 50, 1500, 1e-3)])
def test_both_experts_are_drawn_and_none_between_them(
    taught_by_two: Taught, kind: str, calls: int, steps: int, rate: float
) -> None:
    policy, g = taught_by_two("diffusion", steps, rate, prediction_type=kind, num_inference_steps=calls)
    drawn = policy.sample(torch.zeros(400, 1, 2), g)[..., 0]
    assert ((drawn.abs() - 0.8).abs() < 0.2).float().mean() > 0.97
    assert 0.35 < (drawn[:, 0] > 0).float().mean() < 0.65


def test_more_calls_than_levels_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_inference_steps is 60, num_train_timesteps 50"):
        create("diffusion", {**SIZES, "num_inference_steps": 60}, seed=0)


def test_what_it_cannot_predict_is_refused_with_what_it_can() -> None:
    with pytest.raises(ConfigError, match="prediction_type 'velocity' is not known; choose from epsilon, sample"):
        create("diffusion", {**SIZES, "prediction_type": "velocity"}, seed=0)
